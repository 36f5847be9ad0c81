"""Which pages are read off the code? `docs/metrics.md`, `docs/parts.md`, `docs/reference.md`, and the floors in
`docs/architecture.md`; the speeds of the parts are those of `benchmarks/results/parts.jsonl`.

    python docs/make.py          write them
    python docs/make.py --check  say which are stale (exit code 3), write nothing

No list is kept here: folders, docstrings, signatures and the command line are read. Nothing loads torch.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from rewardbench import cli, find
from rewardbench.calling import LISTS, SINGLE, needed
from rewardbench.find.catalogue import first_comment
from rewardbench.find.functions import part_files
from rewardbench.pages.designs import HARMFUL
from rewardbench.pages.meanings import WORDS, flags, said
from rewardbench.policies import settings as policies
from rewardbench.results import AXES
from rewardbench.spec import Spec
from rewardbench.types import Design, Part

HERE = Path(__file__).parent
ROOT = HERE.parent
NOTE = "<!-- Read off the code by `python docs/make.py`: change it there. -->"
GIVEN = {*LISTS, *SINGLE}
"""Arguments that a part is given on every task."""


def pages() -> dict[Path, str]:
    """Path -> text of every page that is made here, as it should be."""
    architecture = HERE / "architecture.md"
    return {
        HERE / "metrics.md": metrics(),
        HERE / "parts.md": parts_page(),
        HERE / "reference.md": reference(),
        architecture: put(architecture.read_text(), "floors", floors()),
    }


def put(page: str, name: str, text: str) -> str:
    """The page with the text between its marks `<!-- name -->` and `<!-- /name -->`.

    >>> put("a <!-- x -->old<!-- /x --> b", "x", "new")
    'a <!-- x -->\\nnew\\n<!-- /x --> b'
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if not 0 <= page.find(begin) < page.find(end):
        raise ValueError(f"the page has no {begin} … {end} to put text between")
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{text}\n{end}{after}"


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table; bars inside cells are escaped.

    >>> table(["a"], [["x|y"]]).splitlines()
    ['| a |', '| --- |', '| x\\\\|y |']
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", r"\|") for cell in line) + " |" for line in lines)


# --- metrics -------------------------------------------------------------------------------------


def metrics() -> str:
    """The page of metrics: formula, range, reading, failure mode and source of each, from its docstring."""
    groups: dict[str, list[str]] = {"Axes": [], "Flags": [], "Beside the axes": []}
    rows = []
    for name, question in sorted(find.files("metrics").items(), key=lambda item: _order(item[0])):
        group = kind_of(name)
        groups[group].append(f"### {name}\n\n{question}\n\n" + "\n\n".join(_metric(f) for f in explained(name)))
        rows.append([f"[{name}](#{name})", group.lower(), question])
    first, _, rest = str(import_module("rewardbench.metrics").__doc__).partition("\n")
    sections = [f"## {group}\n\n" + "\n\n".join(entries) for group, entries in groups.items()]
    shown = (n for n in find.files("metrics") if hasattr(import_module(f"rewardbench.metrics.{n}"), "of_run"))
    told = [f"`{name}`" for name in shown]
    where = f"Axes and flags stand in every result; {', '.join(told)} are told of a run by `rbench show RUN`."
    head = ["# Metrics", NOTE, first, rest.strip(), where, table(["metric", "kind", "question"], rows)]
    return "\n\n".join([*head, *sections, _marks(), _verdicts()]) + "\n"


def _order(name: str) -> tuple[int, int, str]:
    """Axes in their own order, then flags, then the rest by name."""
    if name in AXES:
        return 0, AXES.index(name), name
    return (1 if kind_of(name) == "Flags" else 2), 0, name


def kind_of(name: str) -> str:
    """Whether a metric is an axis, a flag (it answers yes or no), or stands beside them."""
    if name in AXES:
        return "Axes"
    return "Flags" if name in flags() else "Beside the axes"


def explained(name: str) -> list[Any]:
    """The functions of a metric's file whose docstring gives a formula, the one of the file's name first."""
    own = _functions(import_module(f"rewardbench.metrics.{name}"))
    return sorted((f for f in own if "Formula:" in (f.__doc__ or "")), key=lambda f: f.__name__ != name)


def _functions(module: Any) -> list[Any]:
    """The functions that a module defines itself."""
    return [f for f in vars(module).values() if inspect.isfunction(f) and f.__module__ == module.__name__]


def _metric(function: Any) -> str:
    """One function of a metric's file as a paragraph and a list."""
    told = said(function)
    place = f"rewardbench/metrics/{function.__module__.rpartition('.')[2]}.py"
    lines = [f"- **{word}**: {_linked(told[word])}" for word in WORDS if word in told]
    return f"`{function.__name__}` ([{place}](../{place})): {told['']}\n\n" + "\n".join(lines)


def _linked(text: str) -> str:
    """The text with arXiv numbers as links."""
    return re.sub(r"arXiv (\d{4}\.\d{5})", r"[arXiv \1](https://arxiv.org/abs/\1)", text)


def _marks() -> str:
    """What is said of a design beside its flags, which single runs raise."""
    return f"## Marks\n\nA flag is raised by a run; a mark is of a design.\n\n### harmful\n\n{HARMFUL}"


def _verdicts() -> str:
    """How designs are compared: the public functions of `rewardbench/stats/`, a table a file."""
    asks = str(import_module("rewardbench.stats").__doc__).split("\n")[0]
    intro = f"{asks} Which pairs form a family stands in [rewardbench/comparing.py](../rewardbench/comparing.py)."
    return "\n\n".join(["## Intervals and verdicts", intro, *map(_statistics, find.files("stats"))])


def _statistics(name: str) -> str:
    """One file of `rewardbench/stats/`: its question, and what each of its public functions returns."""
    module = import_module(f"rewardbench.stats.{name}")
    rows = [[f"`{f.__name__}`", _linked(said(f)[""])] for f in _functions(module) if f.__name__[0] != "_"]
    asks = str(module.__doc__).split("\n")[0]
    return f"{asks}\n\n" + table([f"function of `rewardbench/stats/{name}.py`", "returns"], rows)


# --- parts ---------------------------------------------------------------------------------------


def parts_page() -> str:
    """The page of shipped parts, a section a topic: what each pays, its range, cost, speed and source."""
    speeds = {row["name"].removeprefix("part "): row for row in _rows(ROOT / "benchmarks" / "results" / "parts.jsonl")}
    topics: dict[str, list[str]] = {}
    for name in find.parts():
        topics.setdefault(name.partition(".")[0], []).append(name)
    sections = [_topic(topic, names, speeds) for topic, names in topics.items()]
    intro = (
        "What a design can pay for; columns and parameters of each stand in the [reference](reference.md#parts). "
        "A part may be the user's own as well: see [Adding things](adding.md)."
    )
    return "\n\n".join(["# Parts", NOTE, intro, _measured(list(speeds.values())), *sections]) + "\n"


def _rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of benchmark results."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def _measured(rows: Sequence[Mapping[str, Any]]) -> str:
    """How the speeds were taken: machine, versions, dates and command, as the rows say them."""
    told = {key: " or ".join(sorted({str(row[key]) for row in rows})) for key in ("machine", "date", "rounds")}
    versions = sorted({f"{name} {number}" for row in rows for name, number in row["versions"].items()})
    return (
        "Speed: completions a CPU second of one core, the median of "
        f"{told['rounds']} rounds of different completions, mean length {_lengths(rows)} characters; "
        f"{told['machine']}; {', '.join(versions)}; {told['date']}; "
        "`python benchmarks/parts.py --json benchmarks/results/parts.jsonl`. "
        "Beside it, where another library scores the same: its own call on the same completions. "
        "A dash: not measured yet, or not to be measured without a model."
    )


def _lengths(rows: Sequence[Mapping[str, Any]]) -> str:
    """The mean lengths that the rows give."""
    return " or ".join(sorted({f"{row['characters']:.0f}" for row in rows}))


def _topic(topic: str, names: Sequence[str], speeds: Mapping[str, Mapping[str, Any]]) -> str:
    """A topic's question and a table of its parts."""
    rows = []
    for name in names:
        told, row = _told(find.callable_of(Part(name, name))), speeds.get(name)
        speed = f"{row['ours']:,}" if row else "–"
        if row and row["peer"]:
            speed += f" ({row['peer']}: {row['peer_value']:,})"
        facts = [told[word].rstrip(".") for word in ("Range", "Cost")]
        rows.append([f"`{name}`", told[""], *facts, speed, _linked(told["Source"])])
    question = find.first_line(part_files()[topic])
    return f"## {topic}\n\n{question}\n\n" + table(["part", "what it pays", "range", "cost", "speed", "source"], rows)


def _told(function: Any) -> dict[str, str]:
    """What a part's docstring says: "" -> its first line, and `Range`, `Cost`, `Source` -> their texts.

    >>> def f(): "Nothing.\\n\\n    Range: [0, 1].\\n    Cost: none,\\n    at all.\\n    Source: own.\\n\\n    >>> 1"
    >>> _told(f)
    {'': 'Nothing.', 'Range': '[0, 1].', 'Cost': 'none, at all.', 'Source': 'own.'}
    """
    text = (inspect.getdoc(function) or "").partition(">>>")[0].strip()
    pieces = re.split(r"(?m)^\s*(Range|Cost|Source): ", text)
    found = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    told = {word: " ".join(found.get(word, "–").split("\n\n")[0].split()) for word in ("Range", "Cost", "Source")}
    return {"": pieces[0].split("\n")[0], **told}


# --- reference -----------------------------------------------------------------------------------


def reference() -> str:
    """The page of everything that can be named: commands, exit codes, tasks, designs, parts, algorithms, policies."""
    sections = {
        "Commands": commands(),
        "Exit codes": exit_codes(),
        "Keys of a spec file": _keys(Spec(), "`rbench run SPEC.toml`; flags override it."),
        "Keys of a design file": _design_keys(),
        "Tasks": tasks(),
        "Designs": designs(),
        "Arms": table(["arm", "what it is"], [[f"`{n}`", s] for n, s in find.arms().items()]),
        "Parts": parts(),
        "Algorithms": algorithms(),
        "Policies": shipped(),
    }
    links = "\n".join(f"- [{name}](#{anchor(name)})" for name in sections)
    head = ["# Reference", NOTE, "`rbench list` and `rbench show THING` say the same, with hashes.", links]
    return "\n\n".join([*head, *(f"## {name}\n\n{text}" for name, text in sections.items())]) + "\n"


def anchor(heading: str) -> str:
    """The anchor that a code host gives a heading.

    >>> anchor("Keys of a `spec` file")
    'keys-of-a-spec-file'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def commands() -> str:
    """Each command's summary and help, asked of the command line itself."""
    group, found = cli.main, []
    context = click.Context(group, info_name="rbench", **group.context_settings)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        under = click.Context(command, info_name=name, parent=context, terminal_width=100, max_content_width=100)
        question = find.first_line(cli.COMMANDS / f"{name}.py")
        found.append(f"### rbench {name}\n\n{question}\n\n{_help(command, under)}")
        for inner, sub in sorted(getattr(command, "commands", {}).items()):
            below = click.Context(sub, info_name=inner, parent=under, terminal_width=100, max_content_width=100)
            found.append(f"#### rbench {name} {inner}\n\n{_help(sub, below)}")
    return "\n\n".join(found)


def _help(command: click.Command, context: click.Context) -> str:
    """A command's help as a block."""
    helped = re.sub(r"(?m)[ \t]+$", "", command.get_help(context))
    return f"```text\n{helped}\n```"


def exit_codes() -> str:
    """The codes of the help's last lines as a table."""
    listed = " ".join(cli.EPILOG.split()).removeprefix("Exit codes: ").rstrip(".")
    return table(["code", "meaning"], [entry.strip().split(" ", 1) for entry in listed.split("·")])


def _keys(defaults: Any, intro: str) -> str:
    """A dataclass's fields with their defaults."""
    told = documented(type(defaults))
    rows = [[f"`{f.name}`", told[f.name], f"`{_plain(getattr(defaults, f.name))}`"] for f in fields(defaults)]
    return f"{intro}\n\n" + table(["key", "what it is", "default"], rows)


def documented(kind: type) -> dict[str, str]:
    """Field -> the string literal that stands under it in a dataclass's source, or nothing."""
    (body,) = (node.body for node in ast.parse(inspect.getsource(kind)).body if isinstance(node, ast.ClassDef))
    found = {f.name: "" for f in fields(kind)}
    for line, under in pairwise(body):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and isinstance(under, ast.Expr):
            found[line.target.id] = " ".join(str(ast.literal_eval(under.value)).split())
    return found


def _plain(value: Any) -> str:
    """A value as TOML would say it.

    >>> _plain((1, True)), _plain(None), _plain({})
    ('[1, true]', 'none', '{}')
    """
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_plain, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else "{}" if value == {} else repr(value).replace("'", '"')


def _design_keys() -> str:
    """The keys of a design and of its parts, with their defaults."""
    module = import_module("rewardbench.design")
    told, plain = documented(Design), Design("")
    rows = [
        ["`summary`", "A line for `rbench list`.", "", "–"],
        ["`combine`", told["combine"], ", ".join(f"`{c}`" for c in module.COMBINE), f"`{plain.combine}`"],
        ["`normalise`", told["normalise"], ", ".join(f"`{n}`" for n in module.NORMALISE), f"`{plain.normalise}`"],
        ["`[[part]]`", "One table a part, at least one.", "", "–"],
    ]
    part = Part("", "")
    own = [f for f in fields(Part) if f.name not in ("source", "form")]
    defaults = {"name": "the last word of `use`", "use": "–"}
    told = documented(Part)
    keys = [[f"`{f.name}`", told[f.name], defaults.get(f.name, f"`{_plain(getattr(part, f.name))}`")] for f in own]
    listed = table(["key", "what it is", "default"], keys)
    return table(["key", "what it is", "values", "default"], rows) + "\n\nIn a `[[part]]`:\n\n" + listed


def tasks() -> str:
    """What each task promises."""
    rows = []
    for name, folder in ours().items():
        task, card = find.task(name), (folder / "README.md").relative_to(ROOT).as_posix()
        facts = [task.version, task.turns, task.max_tokens, find.gold(name).bar, "yes" if task.one_answer else "no"]
        columns = [f"`{c}`" + ("*" if c in task.verifiable else "") for c in columns_of(folder)]
        rows.append([f"[{name}](../{card})", task.summary, *facts, ", ".join(columns)])
    head = ["task", "question", "version", "turns", "most tokens", "bar", "one answer", "columns"]
    return table(head, rows) + "\n\n\\* verifiable: it equals the truth, as the task's card declares."


def ours() -> dict[str, Path]:
    """Name -> folder of the tasks that ship, whatever `$REWARDBENCH_TASKS` adds."""
    return {n: f for n, f in sorted(find.task_folders().items()) if f.is_relative_to(ROOT)}


def columns_of(folder: Path) -> list[str]:
    """The columns that a task's hand-written examples carry."""
    first = json.loads((folder / "examples.jsonl").read_text().splitlines()[0])
    return sorted(first["prompt"]["columns"])


def designs() -> str:
    """Each task's own designs."""
    rows = []
    for name, summary in find.listing("designs").items():
        task, _, own = name.rpartition("/")
        if task in ours():
            rows.append([f"`{task}`", f"`{own}`", summary])
    return table(["task", "design", "what it pays for"], rows)


def parts() -> str:
    """The shipped parts by topic, with the columns and the parameters that they take."""
    rows = []
    for name, summary in find.parts().items():
        function = find.callable_of(Part(name, name))
        asked = needed(function)
        takes = inspect.signature(function).parameters.values()
        own = [p for p in takes if p.name not in GIVEN | asked and p.kind is not p.VAR_KEYWORD]
        params = ", ".join(f"`{p.name} = {_plain(p.default)}`" for p in own)
        rows.append([f"`{name}`", summary, ", ".join(f"`{c}`" for c in sorted(asked)), params])
    return table(["part", "what it pays", "columns", "params"], rows)


def algorithms() -> str:
    """The shipped algorithms with their hyperparameters."""
    rows = []
    for name, summary in find.files("algorithms").items():
        values: Mapping[str, Any] = asdict(find.algorithm(name))
        rows.append([f"`{name}`", summary, ", ".join(f"`{k} = {_plain(v)}`" for k, v in values.items())])
    return table(["algorithm", "what it does", "options"], rows)


def shipped() -> str:
    """The policies that can be named, and the settings that go with folders without a `.toml` of their own."""
    named, rows = {*policies.shipped(), *policies.known()}, []
    for path in sorted(policies.HERE.glob("*.toml")):
        s = policies.read_settings(path)
        how = "full" if s.kind == "full" else f"LoRA, rank {s.rank}"
        steps = ", ".join(f"{k} {v}" for k, v in s.steps.items())
        what = f"`{path.stem}`" if path.stem in named else f"(settings only: `{path.name}`)"
        rows.append([what, first_comment(path), how, s.learning_rate, f"{s.P} × {s.K}", steps])
    return table(["policy", "what it is", "trained", "learning rate", "prompts × samples", "steps of a budget"], rows)


# --- floors --------------------------------------------------------------------------------------


def floors() -> str:
    """The table of floors that `tests/test_floors.py` keeps, with the question that each module answers."""
    tree = ast.parse((ROOT / "tests" / "test_floors.py").read_text())
    (kept,) = (
        ast.literal_eval(n.value)
        for n in tree.body
        if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name) and n.targets[0].id == "FLOORS"
    )
    placed = [(floor, name) for floor in reversed(range(len(kept))) for name in kept[floor]]
    rows = [[floor, f"`{name}`", question] for floor, name in placed if (question := _asks(name))]
    return table(["floor", "module", "the question it answers"], rows)


def _asks(name: str) -> str:
    """The first line of a module or a package of ours; nothing for one that is not there yet."""
    package = ROOT / "rewardbench"
    places = [package / f"{name}.py", package / name / "__init__.py", *package.glob(f"*/*/{name}.py")]
    there = next((p for p in places if p.is_file()), None)
    return find.first_line(there) if there else ""


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or say which are stale; returns the exit code."""
    stale = {path: text for path, text in pages().items() if not path.is_file() or path.read_text() != text}
    for path, text in stale.items():
        if "--check" not in arguments:
            path.write_text(text)
        print(f"{path.relative_to(ROOT)} {'is stale' if '--check' in arguments else 'written'}", file=sys.stderr)
    return 3 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
