"""Runs Pachyderm pipeline specs without a cluster; ../run is the command."""


class RunnerError(Exception):
    """What a user can act on: one line, perhaps with a hint."""


class SpecError(RunnerError):
    """The spec or the command line is at fault, not the work."""


class CannotLayOut(RunnerError):
    """This machine does not let us lay out /pfs."""
