"""How can a design be gamed, for people? One self-contained page of an audit: no script, nothing fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from rewardbench import __version__, disk
from rewardbench.audit import VERSION, _run, code_hash
from rewardbench.audit._found import Measured
from rewardbench.design import design_hash
from rewardbench.find import files
from rewardbench.pages import numbers, report, safe, svg
from rewardbench.pages.pictures._scale import Scale, reach, short, ticks
from rewardbench.plan import portable
from rewardbench.types import UserError

SORTS = {
    "strategy": "Strategies that ignore the task",
    "ruin": "Changes that ruin a good completion",
    "search": "What a search among the policy's own words found",
    "samples": "The policy's own completions",
    "stay": "Changes that leave gold as it is",
    "demonstrations": "Equally good completions",
}
"""Heading of each sort of probe, in the order shown."""
HEIGHT, TOP, FOOT = 260.0, 34.0, 46.0
PANELS = ((56.0, 380.0), (456.0, 780.0))
"""Left and right of each panel."""


def html(audit: _run.Audit) -> str:
    """The page; its bytes depend on the audit alone."""
    style = "\n".join([(report.SHEET / "page.css").read_text(encoding="utf-8"), svg.STYLE])
    return (
        _environment()
        .get_template("audit.html")
        .render(
            style=Markup(style),
            policy=f"default-src 'none'; style-src '{safe.source_hash(style)}'; base-uri 'none'; form-action 'none'",
            audit=audit,
            sentence=_run.sentence(audit),
            says=files("audit"),
            groups=_groups(audit.measured),
            picture=_picture(audit),
            facts=_facts(audit),
        )
    )


def save(page: str, path: Path) -> int:
    """Write a page, or say in one line why it cannot be (code 4); returns its bytes."""
    if path.is_dir():
        raise UserError(f"-o {path} is a folder: name a file in it, such as {path / 'audit.html'}", 4)
    data = page.encode()
    disk.write_asked(path, data)
    return len(data)


def _environment() -> jinja2.Environment:
    """Templates with autoescape, an unknown name an error."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(report.SHEET),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"visible": safe.visible, "label": safe.label, "cut": safe.cut}
    found.filters |= {"fixed": numbers.fixed, "raw": numbers.raw}
    return found


def _groups(measured: Sequence[Measured]) -> list[tuple[str, list[tuple[Measured, str, str]]]]:
    """(heading, probes with what must hold and what was measured), in the order of SORTS."""
    found = []
    for sort, title in SORTS.items():
        rows = [(m, import_module(f"rewardbench.audit.{m.probe}").MUST, _told(m)) for m in measured if m.sort == sort]
        found += [(title, rows)] if rows else []
    return found


def _told(m: Measured) -> str:
    """What was measured, in a line."""
    known = {k: v for k, v in m.numbers.items() if v is not None}
    return ", ".join(f"{k.replace('_', ' ')} {numbers.raw(v)}" for k, v in known.items()) or "–"


def _facts(audit: _run.Audit) -> list[tuple[str, str]]:
    """How it was made."""
    return [
        ("task", audit.task),
        ("design", f"{audit.design.name} ({design_hash(portable(audit.design))[:16]})"),
        ("policy", f"{audit.policy} ({audit.policy_hash[:16]}), untrained"),
        ("read", f"{audit.prompts} dev prompts, {audit.samples} completions of each, seed {audit.seed}"),
        ("audit", f"version {VERSION} ({code_hash()[:16]}), rewardbench-suite {__version__}"),
        ("command", f"rbench audit {audit.design.name} --task {audit.task} --seed {audit.seed}"),
    ]


# --- the picture ---------------------------------------------------------------------------------


def _picture(audit: _run.Audit) -> dict[str, Any] | None:
    """Best-of-n: gold of the completion chosen by reward (and by gold), and the reward itself."""
    curve = next((m.curve for m in audit.measured if m.probe == "best_of_n"), {})
    if not curve:
        return None
    body = [*_panel(0, curve, ("gold", "ideal"), "gold"), *_panel(1, curve, ("reward",), "reward")]
    drawn = svg.whole(audit.task, "best-of-n", "Best of n", CAPTION, HEIGHT, body)
    rows = list(zip(curve["n"], curve["gold"], curve["ideal"], curve["reward"], strict=True))
    return {"svg": Markup(drawn), "caption": CAPTION, "rows": rows}


CAPTION = (
    "The best-paid of n completions of the untrained policy, by the unbiased estimator over its samples. Left: its "
    "gold (1), and dashed the gold of the one that gold itself would choose (2). Right: what it is paid. A design that "
    "sees what gold sees lifts the line towards the dashed one; where reward rises and gold falls, optimising it harms."
)


def _panel(n: int, curve: Mapping[str, list[float]], names: Sequence[str], title: str) -> list[str]:
    """The marks of one panel."""
    left, right = PANELS[n]
    low, high = reach([v for name in names for v in curve[name]], *((0.0, 1.0) if title == "gold" else ()))
    y = Scale(low, high, HEIGHT - FOOT, TOP)
    step = (right - left) / max(1, len(curve["n"]) - 1)
    xs = [left + i * step for i in range(len(curve["n"]))]
    marks = [svg.words(left, 16, title, "b")]
    for value in ticks(low, high, 4):
        marks += [svg.line(left, y(value), right, y(value), "grid")]
        marks += [svg.words(left - 8, y(value) + 4, short(value), "s soft", "end")]
    marks += [
        svg.words(x, HEIGHT - FOOT + 18, short(v), "s soft", "middle") for x, v in zip(xs, curve["n"], strict=True)
    ]
    marks += [svg.words((left + right) / 2, HEIGHT - 8, "n", "s soft", "middle")]
    for i, name in enumerate(names):
        colour = 0 if name == "ideal" else n + 1
        marks += [svg.path(xs, [y(v) for v in curve[name]], f"line c{colour} d{4 if name == 'ideal' else 0}")]
        if len(names) > 1:
            marks += [svg.words(xs[-1] + 4, y(curve[name][-1]) + 4, str(i + 1), "s")]
    return marks
