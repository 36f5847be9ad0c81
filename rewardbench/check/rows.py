"""Which completions is a reward tried on? A user's JSON lines, or a task's own examples."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rewardbench import find, given
from rewardbench.design import nearest
from rewardbench.types import Batch, Message, Prompt, UserError

COMPLETION = ("completion", "response", "output", "text", "solution_str")
"""What the completion of a row may be called, the first that is there."""
OWN = ("prompt", "gold", "kind", "precise", "note", *COMPLETION)
"""Keys of a row that are no column."""


@dataclass(frozen=True)
class Row:
    """One completion to score."""

    prompt: Prompt
    completion: given.Completion
    gold: float | None = None
    """What the task says of it, in [0, 1], if anybody does."""
    line: int = 0
    """Where it stands in its file."""


def read(path: Path) -> list[Row]:
    """The rows of a JSON lines file; raises UserError that names the line.

    A row has `completion` (a text or messages), mostly `prompt` (a text, messages, or as in `examples.jsonl`), may
    have `gold`, and everything else is a column.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = f"rows {str(path)!r} cannot be read: {find.why(error)}; a file of JSON lines is wanted"
        raise UserError(reason, 5) from error
    rows = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                rows.append(_row(json.loads(line), number))
            except ValueError as error:
                raise UserError(f"{path}, line {number}: not JSON ({error})", 5) from error
            except UserError as error:
                raise UserError(f"{path}, line {number}: {error}", 5) from error
    if not rows:
        raise UserError(f"rows {str(path)!r} holds no row", 5)
    return rows


def _row(raw: Any, number: int) -> Row:
    """One line's row."""
    if not isinstance(raw, dict):
        raise UserError(f"{type(raw).__name__} is no row: an object with 'completion' is")
    named = [name for name in COMPLETION if name in raw]
    if not named:
        hint = next((h for key in raw if (h := nearest(key, COMPLETION[:1]))), "")
        raise UserError(f"no 'completion'{hint} (it has: {', '.join(raw)})")
    prompt, own = _prompt(raw.get("prompt", ""), number), {k: v for k, v in raw.items() if k not in OWN}
    gold = raw.get("gold")
    if gold is not None and (isinstance(gold, bool) or not isinstance(gold, (int, float))):
        raise UserError(f"gold = {gold!r:.40} is not a number")
    prompt, said = replace(prompt, columns={**prompt.columns, **own}), _said(raw[named[0]], named[0])
    return Row(prompt, said, None if gold is None else float(gold), number)


def _prompt(raw: Any, number: int) -> Prompt:
    """A prompt from a text, from messages, or from an object as in a task's examples."""
    name = f"row {number}"
    if isinstance(raw, str):
        return Prompt(name, text=raw)
    if isinstance(raw, list):
        return Prompt(name, messages=_messages(raw, "prompt"))
    if isinstance(raw, Mapping) and ("text" in raw or "messages" in raw):
        messages = _messages(raw.get("messages") or [], "prompt")
        return Prompt(str(raw.get("id", name)), str(raw.get("text", "")), messages, raw.get("columns") or {})
    raise UserError(f"prompt = {raw!r:.40} is neither a text nor messages")


def _said(raw: Any, name: str) -> given.Completion:
    """A text, or messages with a role and a content each."""
    return raw if isinstance(raw, str) else _messages(raw, name)


def _messages(raw: Any, name: str) -> tuple[Message, ...]:
    """Messages with a role and a content each; UserError where they are none."""
    if isinstance(raw, list) and all(isinstance(m, dict) and {"role", "content"} <= m.keys() for m in raw):
        return tuple({"role": str(m["role"]), "content": str(m["content"])} for m in raw)
    raise UserError(f"{name} = {raw!r:.40} is neither a text nor messages with 'role' and 'content'")


def examples(task: str) -> list[Row]:
    """The rows of a task's `examples.jsonl`: completions whose gold is known; without the truth."""
    path = find.task_folder(task) / "examples.jsonl"
    return read(path) if path.is_file() else []


def fitting(needed: Sequence[str], answers: Sequence[str]) -> list[tuple[str, list[Row]]]:
    """(task, its examples) of every task whose examples have the columns needed; any answer column stands for another.

    Raises UserError where there is none.
    """
    known: set[str] = set()
    found = []
    for task, rows in _ordered(answers):
        there = set(rows[0].prompt.columns)
        known |= there
        if all(name in there or (name in answers and there & set(answers)) for name in needed):
            found.append((task, rows))
    if found:
        return found
    hint = next((h for name in needed if name not in known and (h := nearest(name, known))), "")
    raise UserError(
        f"no task's prompts have the column {', '.join(map(repr, needed))}{hint or ':'} "
        'give completions with --rows rows.jsonl, one {"prompt": …, "completion": …, '
        + ", ".join(f'"{n}": …' for n in needed) + "} a line"
    )


def _ordered(answers: Sequence[str]) -> list[tuple[str, list[Row]]]:
    """The tasks that have examples: those with an answer first, of one turn before dialogues, and shipped ones before a
    user's own: what a reward is tried on is the same wherever that is done.
    """
    known = [(task, rows) for task in sorted(find.task_folders()) if (rows := examples(task))]
    own = find.own_tasks(task for task, _ in known)

    def key(one: tuple[str, list[Row]]) -> tuple[bool, bool, bool]:
        task, rows = one
        return not set(rows[0].prompt.columns) & set(answers), not isinstance(rows[0].completion, str), task in own

    return sorted(known, key=key)


def batch(rows: Sequence[Row]) -> Batch:
    """The Batch of the rows, each a prompt with one completion: P rows, K = 1."""
    return given.batch([row.prompt for row in rows], [[row.completion] for row in rows])
