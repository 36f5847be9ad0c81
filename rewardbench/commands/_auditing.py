"""How is an audit told to a person at a terminal? The worst finding first, with what it was paid for."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

from rewardbench import fence, find
from rewardbench.audit import _run
from rewardbench.audit._found import Example, Finding
from rewardbench.pages.safe import label, visible
from rewardbench.spec import check_timeout
from rewardbench.types import UserError

SHOWN = 3
"""Findings told with an example; the others have a line each."""
WIDTH = 100
CALLS = 60
"""The whole may take so many times what one call of a part may."""


@dataclass(frozen=True)
class Asked:
    """What is to be audited, and how."""

    design: str
    task: str
    policy: str
    prompts: int
    samples: int
    seed: int
    timeout: float
    """Seconds that a part may take for one batch."""
    page: bool
    """Whether a page is wanted too."""


def audited(asked: Asked) -> dict[str, Any]:
    """Exit code, JSON, lines and page of an audit; a user's own code is called apart, behind the fence."""
    check_timeout(asked.timeout)
    if not find.is_users(asked.design):
        return here(asked)
    limits = fence.limits(keep=find.variables(asked.design))
    try:
        found: dict[str, Any] = fence.apart(here, (asked,), limits, CALLS * asked.timeout, asked.design)
        return found
    except fence.Ended as error:
        raise UserError(f"design {asked.design!r} cannot be audited: {error}", 6) from error


def here(asked: Asked) -> dict[str, Any]:
    """The same, in this process."""
    design = find.design(asked.design, asked.task)  # a name that is none is told before anything is loaded
    if not design.parts:
        raise UserError(f"design {asked.design!r} is an arm that pays nothing: there is nothing to audit")
    find.check_columns(design, asked.task, find.first_prompt(asked.task, "dev", asked.seed).columns)
    stage = _run.stage(asked.task, find.policy(asked.policy), asked.prompts, asked.samples, asked.seed)
    audit = _run.audit(asked.design, stage, asked.timeout)
    page = None
    if asked.page:
        from rewardbench.pages import audit as pages

        page = pages.html(audit)
    code = 3 if audit.findings else 5 if audit.verdict == "unknown" else 0
    return {"code": code, "json": _run.as_json(audit), "lines": lines(audit), "page": page}


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


