"""Is a board of a thousand entries built within half a minute of one core? Needs the shipped board's entries.

    python -m pytest benchmarks/test_board_build.py -q -p no:cacheprovider
"""

from board_build import MOST, SHIPPED, build, make


def test_a_thousand_entries_are_built_within_thirty_cpu_seconds(tmp_path):
    """CPU seconds of the command."""
    make(SHIPPED, "qa/lookup", 1000, tmp_path)
    built = build(tmp_path)
    assert built.entries > 1000
    assert built.seconds < MOST, built
