"""What came of a sweep, for people? One self-contained page: nothing fetched, nothing that phones home."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from rewardbench import comparing, disk, find, results
from rewardbench.pages import designs, headline, made, meanings, numbers, safe, samples, svg
from rewardbench.pages.picture import Picture, pictures
from rewardbench.plan import points
from rewardbench.results import Result
from rewardbench.tables import as_row
from rewardbench.types import UserError

SHEET = Path(__file__).parent / "sheet"
STYLES = ("page.css", "report.css")
SCRIPTS = ("theme.js", "sort.js", "samples.js", "sideways.js")
Sampled = list[tuple[Result, list[samples.Look]]]


@dataclass(frozen=True)
class Report:
    """A page, not yet written."""

    html: str
    runs: int
    tasks: tuple[str, ...]
    pictures: tuple[tuple[str, Picture], ...]
    """(task, picture)."""


@dataclass(frozen=True)
class TaskView:
    """What the page says of one task."""

    name: str
    summary: str
    findings: list[headline.Finding]
    columns: list[designs.Column]
    rows: list[designs.Row]
    verdicts: list[designs.Verdicts]
    pictures: list[Picture]
    few: dict[str, Any]
    """Design -> its completions for a page without a script."""
    designs: list[tuple[int, str, Any]]
    """(number, design, what its parts are)."""
    made: made.Made
    runs: list[dict[str, Any]]
    says: Mapping[str, str]


# --- building ------------------------------------------------------------------------------------


def build(folders: Sequence[Path]) -> Report:
    """The page of one or several sweeps' (or runs') folders; its bytes depend on nothing else."""
    loaded = {run.spec.id: run for folder in folders for run in results.load_sweep(folder)}
    if not loaded:
        remedy = "so there is nothing to report: `rbench merge` puts shards together"
        raise UserError(f"{folders[0]} holds no run, {remedy}", 5)
    scored = results.score(list(loaded.values()))
    compared = comparing.compare(scored)
    tasks = list(dict.fromkeys(r.task for r in scored))
    sampled = {task: _sampled(task, scored) for task in tasks}
    views = [_view(task, scored, compared, sampled[task]) for task in tasks]
    html = render(
        "page.html",
        STYLES,
        SCRIPTS,
        tasks=views,
        top=_top(scored, made.sweeps(folders)),
        shared=made.shared([v.made for v in views]),
        costs=made.costs([as_row(r) for r in scored]),
        data=Markup(safe.script_json(samples.packed(sampled))),
    )
    drawn = tuple((v.name, p) for v in views for p in v.pictures)
    return Report(html, len(scored), tuple(tasks), drawn)


def _sampled(task: str, scored: Sequence[Result]) -> dict[str, Sampled]:
    """Design -> its runs with the completions to show, in the order of the numbers of `designs.rows`."""
    groups = {d: g for (t, d), g in results.by_design(scored).items() if t == task}
    return {design: [(r, samples.looks(r)) for r in group] for design, group in groups.items()}


def _view(task: str, scored: Sequence[Result], compared: Sequence[Any], sampled: Mapping[str, Sampled]) -> TaskView:
    mine = [r for r in scored if r.task == task]
    return TaskView(
        name=task,
        summary=designs.task_summary(task),
        findings=headline.findings(task, mine, compared),
        columns=designs.columns(find.task(task).one_answer),
        rows=designs.rows(task, mine, compared),
        verdicts=designs.verdicts(task, compared),
        pictures=pictures(task, mine),
        few={design: samples.few(runs) for design, runs in sampled.items()},
        designs=[(n, d, runs[0][0].run.spec.design) for n, (d, runs) in enumerate(sampled.items())],
        made=made.made(task, mine),
        runs=[as_row(r) | {"content": r.run.status.get("content", "")} for r in mine],
        says=designs.summaries(task, mine),
    )


def _top(scored: Sequence[Result], ids: Sequence[str]) -> dict[str, Any]:
    """What stands above everything: what this is, how much of it there is, what of it is missing."""
    states = Counter(r.run.status["status"] for r in scored)
    arms = find.arms()
    specs = [r.run.spec for r in scored]
    return {
        "sweeps": ids,
        "runs": len(scored),
        "tasks": len({s.task for s in specs}),
        "designs": len({(s.task, s.design.name) for s in specs if s.design.name not in arms}),
        "arms": len({s.design.name for s in specs if s.design.name in arms}),
        "seeds": len({s.seed for s in specs}),
        "policies": list(dict.fromkeys(s.policy for s in specs)),
        "budgets": list(dict.fromkeys(s.budget for s in specs)),
        "failed": states["failed"],
        "partial": states["partial"],
    }


def render(template: str, styles: Sequence[str], scripts: Sequence[str], **values: Any) -> str:
    """A template filled in; style and script are named to the content policy by their hashes."""
    style = "\n".join([*(_sheet(n) for n in styles), svg.STYLE])
    script = "\n".join(_sheet(n) for n in scripts)
    allowed = f"style-src '{safe.source_hash(style)}'; script-src '{safe.source_hash(script)}'"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    found = _environment().get_template(template)
    return found.render(style=Markup(style), script=Markup(script), policy=policy, **values)


def _sheet(name: str) -> str:
    return (SHEET / name).read_text(encoding="utf-8")


def _environment() -> jinja2.Environment:
    """Templates with autoescape, an unknown name an error, and the filters by which texts and numbers are written."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(SHEET),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "name": _name, "code": _code, "visible": safe.visible, "label": safe.label, "fixed": numbers.fixed,
        "signed": numbers.signed, "raw": numbers.raw, "count": numbers.count, "chance": numbers.chance,
        "meaning": meanings.meaning, "cut": safe.cut,
    }  # fmt: skip
    found.globals |= {
        "bracket": numbers.bracket, "listed": numbers.listed, "said": designs.said, "terms": designs.terms,
        "missing": designs.missing, "harmful": designs.HARMFUL, "flags": meanings.flags(), "letters": designs.LETTERS,
        "parts": designs.parts_known(), "quick": len(points(20, "quick")),
    }  # fmt: skip
    return found


def _name(text: str) -> Markup:
    """A name as code, every character seen; a long one is cut and keeps the whole as its title."""
    whole = safe.label(text)
    short = safe.cut(whole)
    title = Markup(' title="{}"').format(whole) if short != whole else ""
    return Markup("<code{}>{}</code>").format(title, short)


def _code(text: str) -> Markup:
    """A sentence whose names stand between backticks."""
    pieces = str(escape(text)).split("`")
    return Markup("".join(f"<code>{p}</code>" if n % 2 else p for n, p in enumerate(pieces)))


# --- writing -------------------------------------------------------------------------------------


def write(folder: Path) -> Path:
    """Write `report.html` beside what it reports; returns its path."""
    path = folder / "report.html"
    save(build([folder]), path)
    return path


def save(report: Report, path: Path) -> int:
    """Write the page, or say in one line why it cannot be (code 4); returns its bytes."""
    if path.is_dir():
        raise UserError(f"-o {path} is a folder: name a file in it, such as {path / 'report.html'}", 4)
    data = report.html.encode()
    disk.write_asked(path, data)
    return len(data)


def save_pictures(report: Report, folder: Path) -> list[Path]:
    """Write each picture as an SVG of its own; returns their paths."""
    if folder.is_file():
        raise UserError(f"--svg {folder} is a file: name a folder, which is made if it is not there", 4)
    paths = []
    for task, picture in report.pictures:
        path = folder / f"{task.replace('/', '-')}-{picture.name}.svg"
        disk.write_asked(path, svg.standalone(picture).encode())
        paths.append(path)
    return paths
