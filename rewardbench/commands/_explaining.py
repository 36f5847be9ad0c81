"""Where do codes come from? From the folders of checks, metrics and probes, whose docstrings are the explanation, and
from the words of a board's page."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import click

from rewardbench import audit, find
from rewardbench.boards import checks
from rewardbench.design import nearest
from rewardbench.find.names import PACKAGE
from rewardbench.pages.board_marks import EVIDENCE, MARKS, VERDICTS
from rewardbench.types import UserError

SCHEMA = 1
EXITS = {
    "0": ("done", "All of it was done, and nothing is wrong."),
    "1": ("our bug", "Something broke that should not. Report what stands above it, with what `rbench doctor` prints."),
    "2": (
        "usage or configuration",
        "A flag, a name, a spec or a design is not as it must be, and nothing ran. The line on stderr says what was\n"
        "asked, what was probably meant and what there is.",
    ),
    "3": (
        "a gate said no",
        "Nothing broke, and the answer is no: a promise of `check`, a rule of `compare --fail-if` or a check of a\n"
        "bundle does not hold, or `audit` found something.",
    ),
    "4": (
        "environment not usable",
        "A folder cannot be written or is in use, the disk is full, or a device is not there. Mend that, and give the\n"
        "same command again; `rbench resume` goes on with a sweep.",
    ),
    "5": (
        "data, model or file not available",
        "A file is not there or is damaged, a task's data are missing, or a policy cannot be had. The line on stderr\n"
        "says which.",
    ),
    "6": (
        "a user's code failed",
        "A reward, an algorithm or a task of yours broke, in some run or when it was imported. The line on stderr\n"
        "says how and where; the other runs went on.",
    ),
    "7": ("a budget cap stopped the run", "What was recorded until then is kept; `rbench resume` goes on."),
    "8": ("finished in part", "Some runs are not done; `rbench resume` goes on with them."),
    "130": ("interrupted", "You stopped it. What a sweep recorded is saved; `rbench resume` goes on."),
}
"""Exit code -> (what it means, what to do)."""
LEVELS = {word: f"{done[0].upper()}{done[1:]}, which proves {proves}." for word, (done, proves) in EVIDENCE.items()}
MARKED = MARKS | VERDICTS | LEVELS
KINDS = {
    "check": "a check of `rbench verify`",
    "metric": "a flag or metric",
    "probe": "a probe of `rbench audit`",
    "mark": "a mark, verdict or evidence word of a board's page",
    "exit": "an exit code",
}


def there() -> dict[str, tuple[str, Path]]:
    """Code -> (kind, file) of everything that can be explained; a check comes before a metric, that before a probe.

    >>> there()["V05"][0], there()["hacked"][0], there()["echo"][0], there()["front"][0]
    ('check', 'metric', 'probe', 'mark')
    """
    probes = {name: ("probe", audit.HERE / f"{name}.py") for name in find.files("audit")}
    metrics = {name: ("metric", PACKAGE / "metrics" / f"{name}.py") for name in find.files("metrics")}
    marks = dict.fromkeys(MARKED, ("mark", PACKAGE / "pages" / "board_marks.py"))
    exits = dict.fromkeys(EXITS, ("exit", Path(__file__)))
    return exits | marks | probes | metrics | {code: ("check", path) for code, path in checks.files().items()}


def completing(context: click.Context, parameter: click.Parameter, started: str) -> list[str]:
    """The codes that begin as what was typed does."""
    return [code for code in sorted(there()) if code.lower().startswith(started.lower())]


def explained(asked: str) -> dict[str, Any]:
    """What `schemas/explain.json` has of a code; raises UserError (code 2) with the nearest one."""
    known = there()
    padded = f"V{asked[1:]:0>2}" if asked[:1] in "Vv" and asked[1:].isdigit() else asked
    code = next((c for c in known if c.lower() == padded.lower()), None)
    if code is None:
        named = "a flag such as hacked, a probe such as echo, a mark such as front, an exit code such as 5"
        few = f"a check such as {min(checks.files())}, {named}"
        raise UserError(
            f"unknown code {asked!r}{nearest(asked, known) or nearest(asked.upper(), known)} (there is: {few})"
        )
    kind, path = known[code]
    if kind == "exit":
        says, text = EXITS[code]
        return {"schema_version": SCHEMA, "code": code, "kind": kind, "summary": says, "text": text}
    if kind == "mark":
        says = MARKED[code]
        return {"schema_version": SCHEMA, "code": code, "kind": kind, "summary": says, "text": says}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    summary, _, rest = (ast.get_docstring(tree) or "").partition("\n")
    values = _constants(tree)
    more = {"level": values["LEVEL"], "severity": values["SEVERITY"]} if kind == "check" else {}
    text = {"check": rest, "metric": _function(tree, path.stem), "probe": _probe(values)}[kind].strip()
    return {"schema_version": SCHEMA, "code": code, "kind": kind, "summary": summary, "text": text or summary, **more}


def _constants(tree: ast.Module) -> dict[str, str]:
    """The texts that a file gives names to."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _function(tree: ast.Module, name: str) -> str:
    """The docstrings of a metric's public functions, that of its own name first."""
    made = [n for n in tree.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
    made.sort(key=lambda n: n.name != name)
    own = [n for n in made if n.name == name] or made
    return "\n\n".join(ast.get_docstring(n) or "" for n in own)


def _probe(values: dict[str, str]) -> str:
    """What must hold, and what was tried."""
    return "\n".join(values[name] for name in ("SAYS", "MUST") if name in values)


def lines(found: dict[str, Any]) -> list[str]:
    """The explanation as a terminal shows it."""
    more = f", level {found['level']}: {found['severity']}" if "level" in found else ""
    return [f"{found['code']} ({KINDS[found['kind']]}{more})", "", found["summary"], *_rest(found)]


def _rest(found: dict[str, Any]) -> list[str]:
    return [] if found["text"] == found["summary"] else ["", *str(found["text"]).splitlines()]
