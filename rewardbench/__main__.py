"""`python -m rewardbench` and `rbench`: the command line."""

import sys


def main() -> None:
    """Run the command line and leave with its documented exit code."""
    from rewardbench.cli import call

    sys.exit(call(sys.argv[1:]))


if __name__ == "__main__":
    main()
