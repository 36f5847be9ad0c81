"""Which entries does a pull request bring, and what do the checks of the base branch say of them?

    python .ci/entries.py BASE HEAD NUMBER --out verdict.json

Run in a checkout of the base branch that has fetched the head. Of the head only the blobs of changed entries are read,
by their hash, into a folder of its own; links and whatever is no plain file are refused; nothing of it is executed.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ENTRY = re.compile(r"leaderboards/([a-z0-9][a-z0-9._-]{0,63})/entries/([a-z0-9][a-z0-9._@=-]{0,63})/(.+)")
PLAIN = ("100644", "100755")
MOST_ENTRIES, MOST_FILES, MOST_BYTES = 20, 400, 64 * 2**20
LONGEST = 1200
"""Seconds that the checks of one entry may take."""


def git(*words: str) -> bytes:
    """What git says."""
    return subprocess.run(["git", *words], capture_output=True, check=True).stdout


def tree(commit: str) -> dict[str, tuple[str, str]]:
    """Path -> (mode, blob) of everything under `leaderboards` of a commit."""
    found = {}
    for line in git("ls-tree", "-r", "-z", "--full-tree", commit, "leaderboards").split(b"\0"):
        if line:
            head, _, path = line.partition(b"\t")
            mode, _, blob = head.decode().split()
            found[path.decode(errors="surrogateescape")] = (mode, blob)
    return found


def changed(base: Mapping[str, Any], head: Mapping[str, Any]) -> tuple[dict[tuple[str, str], list[str]], list[str]]:
    """((board, entry) -> its files in the head, other paths) of whatever differs."""
    paths = [p for p in {*base, *head} if base.get(p) != head.get(p)]
    touched = {m.group(1, 2) for p in paths if (m := ENTRY.fullmatch(p))}
    files = {one: sorted(p for p in head if (m := ENTRY.fullmatch(p)) and m.group(1, 2) == one) for one in touched}
    return dict(sorted(files.items())), sorted(p for p in paths if not ENTRY.fullmatch(p))


def export(files: Sequence[str], head: Mapping[str, tuple[str, str]], out: Path) -> str:
    """Write the files of one entry below `out`; returns why they cannot be, or nothing."""
    if len(files) > MOST_FILES:
        return f"{len(files)} files; an entry has at most {MOST_FILES}"
    left = MOST_BYTES
    for path in files:
        mode, blob = head[path]
        name = path.split("/", 4)[4]  # leaderboards/<board>/entries/<entry>/<name>: `changed` took no other
        if mode not in PLAIN:
            return f"{name!a} is no plain file"
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._@=-]*(?:/[A-Za-z0-9_][A-Za-z0-9._@=-]*){0,3}", name):
            return f"{name!a} is no name of an entry's file"
        left -= int(git("cat-file", "-s", blob))
        if left < 0:
            return f"its files have more than {MOST_BYTES} bytes together"
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(git("cat-file", "blob", blob))
    return ""


def verify(board: str, folder: Path) -> dict[str, Any]:
    """The verdict of `rbench verify` on a folder, with its exit code; what it could not judge has a reason instead."""
    place = str(Path("leaderboards") / board)
    words = ["verify", str(folder), "--level", "rescored", "--board", place, "--json"]
    command = [sys.executable, "-m", "rewardbench", *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST)
        return {"code": done.returncode, "verdict": json.loads(done.stdout)}
    except subprocess.TimeoutExpired:
        return {"code": 7, "reason": f"the checks took more than {LONGEST} seconds"}
    except ValueError:
        lines = [line for line in done.stderr.splitlines() if line.startswith("rbench:")] or ["no verdict"]
        return {"code": done.returncode or 1, "reason": lines[-1][:500]}


def judged(base: Mapping[str, Any], head: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """What is said of everything that the pull request changes."""
    found, others = changed(base, head)
    rows: list[dict[str, Any]] = []
    for (board, name), files in list(found.items())[:MOST_ENTRIES]:
        row: dict[str, Any] = {"board": board, "entry": name}
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / name
            if not files:
                row |= {"code": 3, "reason": "the entry is deleted: a row that leaves stays as a tombstone"}
            elif not (Path("leaderboards") / board / "board.toml").is_file():
                row |= {"code": 3, "reason": "there is no such board"}
            elif why := export(files, head, folder):
                row |= {"code": 3, "reason": why}
            else:
                row |= verify(board, folder)
        rows.append(row)
    more = max(0, len(found) - MOST_ENTRIES)
    return {"schema_version": 1, "entries": rows, "unread": more, "other_files": len(others)}


def main(arguments: Sequence[str]) -> int:
    """Write the verdict; returns 3 where an entry is rejected, as the commands do."""
    asked = argparse.ArgumentParser(description="Check the entries that a pull request brings.")
    for name in ("base", "head"):
        asked.add_argument(name)
    asked.add_argument("number", type=int)
    asked.add_argument("--out", type=Path, required=True)
    given = asked.parse_args(arguments)
    told = judged(tree(given.base), tree(given.head)) | {"pull_request": given.number}
    given.out.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
    return max([int(bool(row["code"])) * 3 for row in told["entries"]], default=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
