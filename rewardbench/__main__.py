"""`python -m rewardbench` and `rbench`: the command line."""

import io
import sys
from pathlib import Path


def main() -> None:
    """Run the command line and leave with its documented exit code."""
    from rewardbench.cli import call

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not where it is closed
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a character is no reason to stop
    sys.exit(call(sys.argv[1:]))


def _leave_out_the_working_directory() -> None:
    """`python -m` looks for modules where it is called first, and `rbench` does not: they are to find the same."""
    own = Path(__file__).resolve().parents[1]
    if not sys.flags.safe_path and Path.cwd().resolve() != own:  # but for a checkout that is run in place
        del sys.path[0]


if __name__ == "__main__":
    _leave_out_the_working_directory()
    main()
