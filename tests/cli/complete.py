#!/usr/bin/env python3
"""Completes command lines in a real interactive shell, on a terminal of its own.

Usage: complete.py bash|zsh SETUP < lines

SETUP is what the shell runs first. Of each line of standard input it prints what the shell made of
it: in bash with all candidates, in zsh with what they have in common.
"""
import os
import pty
import select
import sys
import time

MARK = b"\x1e"  # around what is asked for; no shell prints it by itself
DEADLINE_SECONDS = 20

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             "bind -x '\"\\C-t\": printf \"\\036%s\\036\" \"$READLINE_LINE\"'\n",
             b"\x1b*"),
    "zsh": (["zsh", "-f", "-i"],
            "autoload -Uz compinit && compinit -D -u\n"
            "unsetopt auto_menu list_beep beep; setopt no_auto_remove_slash\n"
            "_show() { printf '\\036%s\\036' $BUFFER }\n"
            "zle -N _show; bindkey '^T' _show\n",
            b"\t"),
}


class Shell:
    def __init__(self, name, setup):
        command, prepare, self.complete_key = SHELLS[name]
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="dumb", PS1="", PROMPT="", HOME="/nonexistent")
            os.execvp(command[0], command)
        # Behind the set-up's end no key is taken for the kernel's line discipline's.
        self.send((prepare + setup + "\nprintf '\\036ready\\036'\n").encode())
        while self.answer() != "ready":
            pass

    def send(self, data):
        os.write(self.terminal, data)

    def answer(self):
        got = b""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while got.count(MARK) < 2:
            if not select.select([self.terminal], [], [], deadline - time.monotonic())[0]:
                sys.exit(f"the shell does not answer; it printed {got!r}")
            got += os.read(self.terminal, 1 << 16)
        return got.split(MARK)[1].decode()

    def complete(self, line):
        self.send(line.encode() + self.complete_key + b"\x14")  # ^T
        completed = self.answer()
        self.send(b"\x05\x15")  # ^E ^U
        return completed

    def end(self):
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


def main():
    shell = Shell(sys.argv[1], sys.argv[2])
    for line in sys.stdin.read().splitlines():
        print(shell.complete(line))
    shell.end()


main()
