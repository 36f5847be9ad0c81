"""How do the tests have a board? A small one of its own: runs of two steps on one task, made in this process."""

from pathlib import Path

import tomli_w
from sweeping import rbench

TASK = "qa/lookup"
SCALE = {"low": 0.2, "high": 0.9, "low_se": 0.01, "high_se": 0.01}
"""Of a made-up budget no anchors ship."""


def define(folder: Path, generated: int = 2, **more) -> Path:
    """A board's folder with its definition, frozen, and its drawn designs."""
    from rewardbench.boards import definition, freezing, generate

    told = {
        "schema_version": 1, "name": "small", "version": 1, "summary": "a small board", "tasks": [TASK],
        "policy": "tiny", "algorithm": "grpo", "budget": "2", "seeds": 2, "control_seeds": 3,
        "baseline": "reference", "generated": generated, "scale": {TASK: SCALE}, **more,
    }  # fmt: skip
    place = folder / "designs" / TASK
    place.mkdir(parents=True)
    hashes = freezing.hashes(definition.parse(tomli_w.dumps(told), folder))
    (folder / "board.toml").write_text(tomli_w.dumps({**told, "hashes": hashes}))
    for name, text in generate.designs(TASK, "small/1", generated).items():
        (place / f"{name}.toml").write_text(text)
    return folder


def made(root: Path) -> tuple[Path, Path]:
    """(board with every entry that it ships, folder of its sweeps)."""
    board, sweeps = define(root / "small"), root / "sweeps"
    said = rbench("board", "run", board, "--out", sweeps, "--workers", 1)
    assert said.code == 0, said.err
    said = rbench("board", "add", board, *sorted(sweeps.iterdir()))
    assert said.code == 0, said.err
    return board, sweeps
