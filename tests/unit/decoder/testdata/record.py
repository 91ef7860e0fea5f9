#!/usr/bin/env python3
"""Records a live pgoutput stream and what test_decoding says of the same WAL.

Usage: record.py CONNINFO DIRECTORY [STREAMING]

STREAMING is on, or parallel where the server has it (Postgres 16).

Writes <name>.stream (a line a message: its WAL start, a space, its payload in hex) and
<name>.expected (test_decoding's lines). The server needs wal_level=logical and
logical_decoding_work_mem=64kB, so that transactions stream early, and max_prepared_transactions. Needs python3-psycopg2.
"""
import pathlib
import sys
import threading
import time

import psycopg2
import psycopg2.extras

SCHEMA = """
DROP SCHEMA IF EXISTS rec CASCADE;
CREATE SCHEMA rec;
CREATE TYPE rec.mood AS ENUM ('calm', 'wild');
CREATE TABLE rec.t (id int PRIMARY KEY, note text, mood rec.mood);
CREATE TABLE rec.u (id int PRIMARY KEY, note text);
CREATE TABLE rec.big (id int PRIMARY KEY, n int, body text);
ALTER TABLE rec.big ALTER body SET STORAGE EXTERNAL;
CREATE TABLE rec.full_identity (a int, b text);
ALTER TABLE rec.full_identity REPLICA IDENTITY FULL;
DROP PUBLICATION IF EXISTS rec;
CREATE PUBLICATION rec FOR ALL TABLES;
"""

MANY = "INSERT INTO rec.{} (id, note) SELECT i, 'n' || i FROM generate_series({}, {}) i"


def plain(conninfo):
    """Every kind of change in transactions sent at once, a schema change between them."""
    a = session(conninfo, autocommit=True)
    for statement in [
        "INSERT INTO rec.t VALUES (1, 'it''s', 'calm'), (2, NULL, NULL), (3, 'Grüße', 'wild')",
        "UPDATE rec.t SET note = 'new' WHERE id = 2",
        "UPDATE rec.t SET id = 20 WHERE id = 2",
        "DELETE FROM rec.t WHERE id = 1",
        "INSERT INTO rec.full_identity VALUES (1, 'x'), (1, 'x'), (2, NULL)",
        "UPDATE rec.full_identity SET b = 'y' WHERE a = 2",
        "DELETE FROM rec.full_identity WHERE a = 1",
        "INSERT INTO rec.big VALUES (1, 0, repeat('0123456789', 300))",
        "UPDATE rec.big SET n = n + 1",
        "SELECT pg_logical_emit_message(true, 'kept', 'in a transaction')",
        "SELECT pg_logical_emit_message(false, 'kept', 'on its own')",
        "ALTER TABLE rec.t ADD COLUMN extra int DEFAULT 7",
        "INSERT INTO rec.t (id, note) VALUES (4, 'wider')",
        "ALTER TABLE rec.t DROP COLUMN mood",
        "UPDATE rec.t SET extra = 8 WHERE id = 4",
        "TRUNCATE rec.t",
        "TRUNCATE rec.full_identity, rec.big RESTART IDENTITY CASCADE",
    ]:
        execute(a, statement)
    execute(a, "BEGIN; INSERT INTO rec.u VALUES (1, 'kept'); SAVEPOINT s;"
               "INSERT INTO rec.u VALUES (2, 'dropped'); ROLLBACK TO s; SAVEPOINT s;"
               "INSERT INTO rec.u VALUES (3, 'kept too'); COMMIT")


def streamed(conninfo):
    """Streamed transactions that interleave with others, abort in part, and change a table."""
    a, b, c = (session(conninfo) for _ in range(3))
    execute(a, MANY.format("u", 1, 480))
    pause()
    execute(b, MANY.format("t", 1, 480))
    pause()
    execute(c, "INSERT INTO rec.u VALUES (-1, 'between')")
    c.commit()
    execute(a, "SAVEPOINT gone")
    execute(a, MANY.format("u", 1001, 1480))
    pause()
    execute(a, "ROLLBACK TO gone")
    execute(a, MANY.format("u", 2001, 2480))
    pause()
    execute(c, "SELECT pg_logical_emit_message(false, 'own', 'while others are open')")
    c.commit()
    execute(b, "SELECT pg_logical_emit_message(true, 'in', 'a stream')")
    b.commit()
    a.commit()
    execute(c, "INSERT INTO rec.t VALUES (-3, 'described by the stream alone', NULL)")
    c.commit()

    # A subtransaction sees the table otherwise than anybody else ever will.
    execute(a, MANY.format("u", 3001, 3010))
    execute(a, "SAVEPOINT gone")
    execute(a, "ALTER TABLE rec.t ADD COLUMN dropped_again int")
    execute(a, MANY.format("t", 3001, 3480))
    pause()
    execute(a, "ROLLBACK TO gone")
    pause()
    execute(c, "INSERT INTO rec.t VALUES (-1, 'first after the abort', 'wild')")
    c.commit()
    pause()
    a.commit()
    execute(c, "INSERT INTO rec.t VALUES (-2, 'second after the abort', 'calm')")
    c.commit()

    # A whole streamed transaction aborts.
    execute(b, MANY.format("u", 4001, 4480))
    pause()
    b.rollback()


def prepared(conninfo):
    """Two-phase transactions, streamed and not; test_decoding's twin sees each at its end."""
    a = session(conninfo, autocommit=True)
    execute(a, "BEGIN; INSERT INTO rec.t VALUES (1, 'prepared', 'calm'); PREPARE TRANSACTION 'one'")
    pause()
    execute(a, "INSERT INTO rec.t VALUES (2, 'while it is prepared', 'calm')")
    execute(a, "COMMIT PREPARED 'one'")
    execute(a, "BEGIN; INSERT INTO rec.u VALUES (1, 'gone'); PREPARE TRANSACTION 'two'")
    pause()
    execute(a, "ROLLBACK PREPARED 'two'")
    execute(a, "INSERT INTO rec.u VALUES (2, 'described by what was rolled back')")
    b = session(conninfo)
    execute(b, MANY.format("u", 101, 560))
    pause()
    execute(b, "INSERT INTO rec.t VALUES (3, 'after the chunk', 'wild')")
    execute(b, "PREPARE TRANSACTION 'three'")
    pause()
    execute(a, "COMMIT PREPARED 'three'")
    execute(a, "INSERT INTO rec.t VALUES (4, 'last', 'wild')")


def session(conninfo, autocommit=False):
    connection = psycopg2.connect(conninfo)
    connection.autocommit = autocommit
    return connection


def execute(connection, statement):
    connection.cursor().execute(statement)


def pause():
    """Lets the walsender catch up, so that it decodes what is still in progress."""
    time.sleep(0.5)


class Recorder(threading.Thread):
    def __init__(self, conninfo, options):
        super().__init__()
        self.connection = psycopg2.connect(
            conninfo, connection_factory=psycopg2.extras.LogicalReplicationConnection)
        self.cursor = self.connection.cursor()
        self.cursor.start_replication(slot_name="rec_live", decode=False, options=options)
        self.lines = []
        self.stop = threading.Event()

    def run(self):
        while not self.stop.is_set():
            message = self.cursor.read_message()
            if message is None:
                time.sleep(0.01)
                continue
            self.lines.append(f"{message.data_start:X} {message.payload.hex()}")


def without_empty(lines):
    """Leaves out transactions without changes, which pgoutput does not send."""
    kept = []
    for line in lines:
        if line.startswith("COMMIT") and kept[-1].startswith("BEGIN"):
            kept.pop()
        else:
            kept.append(line)
    return kept


def record(conninfo, directory, name, scenario, options):
    admin = session(conninfo, autocommit=True)
    cursor = admin.cursor()
    execute(admin, SCHEMA)
    two_phase = options.get("two_phase") == "on"
    cursor.execute("SELECT pg_create_logical_replication_slot('rec_live', 'pgoutput', false, %s)",
                   (two_phase,))
    cursor.execute("SELECT pg_create_logical_replication_slot('rec_twin', 'test_decoding')")
    recorder = Recorder(conninfo, options)
    recorder.start()
    scenario(conninfo)
    time.sleep(2)
    recorder.stop.set()
    recorder.join()
    recorder.connection.close()
    cursor.execute("SELECT data FROM pg_logical_slot_get_changes('rec_twin', NULL, NULL)")
    expected = without_empty([row[0] for row in cursor])
    time.sleep(0.5)
    for slot in "rec_live", "rec_twin":
        cursor.execute("SELECT pg_drop_replication_slot(%s)", (slot,))
    (directory / f"{name}.stream").write_text("\n".join(recorder.lines) + "\n")
    (directory / f"{name}.expected").write_text("\n".join(expected) + "\n")


def main():
    conninfo, directory = sys.argv[1], pathlib.Path(sys.argv[2])
    streaming = sys.argv[3] if len(sys.argv) > 3 else "on"
    version = "4" if streaming == "parallel" else "2"
    common = {"publication_names": "rec", "messages": "on"}
    record(conninfo, directory, "plain", plain, {"proto_version": "1", **common})
    record(conninfo, directory, "streamed", streamed,
           {"proto_version": version, "streaming": streaming, **common})
    record(conninfo, directory, "prepared", prepared,
           {"proto_version": "3", "streaming": "on", "two_phase": "on", **common})


main()
