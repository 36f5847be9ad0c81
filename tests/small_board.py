"""Which board do the tests enter? One task, two seeds, two steps; made in a folder of its own, its runs cached."""

from pathlib import Path

import pytest
from sweeping import rbench

BOARD = """name = "small"
version = 1
summary = "Two steps on two seeds: a board for tests"
tasks = ["qa/lookup"]
policy = "tiny"
algorithm = "grpo"
budget = "2"
seeds = 2
control_seeds = 3
baseline = "reference"

[scale."qa/lookup"]
low = 0.2
high = 0.94
low_se = 0.015
high_se = 0.014
"""
OWN = '''"""Parts of a submitter's own."""


def short(completions, **kwargs):
    """Pays short completions."""
    return [1.0 / (1 + len(text)) for text in completions]


def breaks(completions, **kwargs):
    """Works on nothing."""
    raise ValueError("no such luck")
'''


def make(folder: Path) -> Path:
    """The board's folder."""
    place = folder / "small"
    place.mkdir(parents=True)
    (place / "board.toml").write_text(BOARD)
    return place


def ran(board: Path, out: Path, *words) -> Path:
    """A sweep on the board."""
    said = rbench("run", "--board", board, *words, "--out", out, "--display", "none")
    assert said.code == 0, said.err
    return out


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Path:
    """The board's folder, without entries; nobody writes to it."""
    return make(tmp_path_factory.mktemp("board"))


@pytest.fixture(scope="session")
def small_swept(small, tmp_path_factory) -> Path:
    """A finished sweep of `brevity` and `untrained` on it."""
    return ran(small, tmp_path_factory.mktemp("swept") / "brevity", "--design", "brevity")
