"""How is an audit told to a person at a terminal? The worst finding first, with what it was paid for."""

from __future__ import annotations

import textwrap
from pathlib import Path

import click

from rewardbench.audit import _run
from rewardbench.audit._found import Example, Finding
from rewardbench.pages.safe import label, visible

SHOWN = 3
"""Findings told with an example; the others have a line each."""
WIDTH = 100


def told(audit: _run.Audit, out: Path | None) -> None:
    """The verdict and the findings, on stderr."""
    for line in lines(audit):
        click.echo(line, err=True)
    if out is not None:
        click.echo(f"\nwritten to {out}", err=True)


def lines(audit: _run.Audit) -> list[str]:
    """What is printed."""
    found = audit.findings
    read = f"{audit.prompts} prompts of {audit.task}, {audit.samples} completions of {audit.policy} each"
    said = [_run.sentence(audit), f"({read}, untrained gold {audit.start:.2f}; nothing was trained)"]
    if audit.unknown > 0.02:
        lacks = f"{audit.policy} lacks {audit.unknown:.0%} of the prompts' tokens, so that its completions tell little"
        said.append(f"{lacks}: --policy takes another")
    for n, finding in enumerate(found[:SHOWN], 1):
        said += ["", *_finding(n, finding)]
    if found[SHOWN:]:
        said += ["", "also: " + ", ".join(f"{f.code} ({f.severity:.2f})" for f in found[SHOWN:])]
    silent = [m.probe for m in audit.measured if m.note]
    if silent:
        count = f"{len(silent)} of {len(audit.measured)} probes had nothing to try"
        said += ["", *_wrapped(f"{count}: {', '.join(silent)}")]
    return said


def _finding(n: int, f: Finding) -> list[str]:
    part = f", paid by the part {label(f.part)}" if f.part else ""
    head = f"{n}. {f.code} (severity {f.severity:.2f} of 1{part})"
    return [head, *_wrapped(f.says, "   "), *(_example(f.example) if f.example else [])]


def _example(e: Example) -> list[str]:
    """The completion and what it should have been paid less than."""
    rows = [
        ("prompt", e.prompt, ""),
        ("paid", e.completion, f"reward {e.reward:.3g}, gold {e.gold:.2f}"),
        ("against", e.against, f"reward {e.against_reward:.3g}, gold {e.against_gold:.2f}"),
    ]
    said = []
    for name, text, paid in rows:
        body = textwrap.shorten(" / ".join(visible(text).splitlines()), 240, placeholder=" …") or "(nothing)"
        said += _wrapped(f"{name + ':':<9}{body}", "   ", " " * 12)
        said += [f"            {paid}"] if paid else []
    return said


def _wrapped(text: str, first: str = "", rest: str | None = None) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=first if rest is None else rest)


def write(audit: _run.Audit, path: Path) -> None:
    """The page."""
    from rewardbench.pages import audit as page

    page.save(audit, path)
