"""What do a page's commands say? Its files are written and its commands run in order, as printed.

    python docs/play.py docs/adding.md            run the page in a folder of its own
    python docs/play.py docs/adding.md --record   and put what a command says into the text block after it
    python docs/play.py docs/adding.md --in DIR   in a folder that stays: what was trained is not trained again

A fenced block is a file where its first line names one (`# mine.py`), and a script where its language is bash. One
after the mark `<!-- trains -->` trains, or needs what was trained. `tests/test_docs.py` plays all pages.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import click
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
PARSER = MarkdownIt("commonmark").enable("table")
TRAINS = "<!-- trains -->"
PASSING = re.compile(r"\[\d+/\d+\] |! |planning: |sweep [0-9a-f]{12}[: ]|workers start: |scoring \d+ runs|recorded in ")
"""Lines that say how far a command is: not recorded."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str
    lines: tuple[int, int]
    """First line and the one after the last, fences included."""
    trains: bool

    @property
    def file(self) -> str:
        """The file that it is, if any."""
        named = re.match(r"# (\S+\.\w+)\n", self.text) if self.language in ("python", "toml") else None
        return named.group(1) if named else ""


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page's text, in order.

    >>> [b.file for b in blocks("```python\\n# a.py\\n```")]
    ['a.py']
    """
    found, marked = [], False
    for token in PARSER.parse(page):
        if token.type == "html_block":
            marked = token.content.strip() == TRAINS
        if token.type == "fence" and token.map is not None:
            found.append(Block(token.info, token.content, (token.map[0], token.map[1]), marked))
            marked = False
    return found


def play(page: str, folder: Path, trains: bool = True) -> dict[Block, str]:
    """What each script of a page said; raises CalledProcessError where one fails."""
    around = environment(folder)
    said = {}
    for block in blocks(page):
        if block.file:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.text)
        if block.language == "bash" and (trains or not block.trains):
            said[block] = _run(block.text, folder, around)
    return said


def environment(folder: Path) -> dict[str, str]:
    """Where `rbench` and `python` are this checkout and this interpreter, and no tasks are set."""
    tools = folder / "tools"
    tools.mkdir(parents=True, exist_ok=True)
    for tool, words in (("rbench", "-m rewardbench"), ("python", "")):
        (tools / tool).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
        (tools / tool).chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "REWARDBENCH_TASKS": ""}


def _run(script: str, folder: Path, around: dict[str, str]) -> str:
    """What a script said on both streams, in order."""
    words = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(
        words, cwd=folder, env=around, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, script, done.stdout)
    return done.stdout


def recorded(page: str, said: dict[Block, str]) -> str:
    """The page with what was said in every text block that follows its script."""
    lines, there = page.splitlines(), blocks(page)
    for script, block in reversed(list(pairwise(there))):
        if block.language == "text" and script in said:
            kept = [line.rstrip() for line in said[script].splitlines() if not PASSING.match(line)]
            lines[block.lines[0] + 1 : block.lines[1] - 1] = kept
    return "\n".join(lines) + "\n"


@click.command()
@click.argument("pages", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--record", is_flag=True, help="Put what a command says into the text block after it.")
@click.option("--in", "stays", type=click.Path(path_type=Path), help="A folder that stays (default: one that goes).")
def main(pages: Sequence[Path], record: bool, stays: Path | None) -> None:
    """Run the files and commands of PAGES as printed."""
    for path in pages:
        with tempfile.TemporaryDirectory() as folder:
            page = path.read_text()
            said = play(page, (stays or Path(folder)).resolve())
        click.echo("\n".join(said.values()))
        if record:
            path.write_text(recorded(page, said))


if __name__ == "__main__":
    main()
