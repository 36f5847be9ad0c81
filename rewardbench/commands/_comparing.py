"""How are comparisons and gates printed? As text, as JSON, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from rewardbench import comparing, tables
from rewardbench.cli import print_json
from rewardbench.commands import _showing
from rewardbench.gates import METRICS, Gate
from rewardbench.results import Result
from rewardbench.watch.words import safe


def say(
    form: str, compared: Sequence[dict[str, Any]], asked: Sequence[str], gates: Sequence[Gate], scored: Sequence[Result]
) -> None:
    """Print the comparisons on the metrics `asked` for (none: gold, or as JSON all of them), why there are none on one
    of them, and what the gates say.
    """
    told = [c for c in compared if c["metric"] in (asked or (METRICS if form == "json" else ("gold",)))]
    for line in lacking(told, asked, scored):
        click.echo(line, err=True)
    if form == "json":
        held = {"gates": [{**asdict(g.rule), "ok": g.ok, "reasons": list(g.reasons)} for g in gates]} if gates else {}
        print_json({"schema_version": tables.SCHEMA, "comparisons": told, **held})
    elif form == "markdown":
        click.echo(markdown(told, gates))
    else:
        if told or not asked:  # else it was said of each
            _showing.verdicts(told)
        for line in gate_lines(gates):
            click.echo(line, err=True)


def lacking(told: Sequence[Mapping[str, Any]], asked: Sequence[str], scored: Sequence[Result]) -> list[str]:
    """A line for each metric that was asked for and not compared, with a reason that its runs give."""
    found = []
    for metric in dict.fromkeys(m for m in asked if m not in {c["metric"] for c in told}):
        reasons = [r.reasons[metric] for r in scored if metric in r.reasons]
        why = reasons[0] if reasons else _showing.TAKES
        found.append(f"nothing to compare on {metric}: {safe(why, 300)}")
    return found


def gate_lines(gates: Sequence[Gate]) -> list[str]:
    """What each gate says, a line a reason."""
    found = []
    for gate in gates:
        found += [f"gate {gate.rule.text}: no: {safe(reason, 300)}" for reason in gate.reasons]
        unsure = f"; the 95% interval of {gate.unsure} reaches below the limit" if gate.unsure else ""
        found += [f"gate {gate.rule.text}: ok, {gate.pairs} compared{unsure}"] if gate.ok else []
    return found


def markdown(compared: Sequence[Mapping[str, Any]], gates: Sequence[Gate]) -> str:
    """A table a task and metric, then the gates, as Markdown."""
    found: list[str] = []
    for task, metric in dict.fromkeys((c["task"], c["metric"]) for c in compared):
        mine = [c for c in compared if (c["task"], c["metric"]) == (task, metric)]
        found += [f"**{cell(task)}: {metric}**, paired by seed", ""]
        found += ["| verdict | a − b | 95% interval | seeds |", "| --- | ---: | ---: | ---: |"]
        found += [_row(c) for c in comparing.once(mine)]
        found += [""]
    nothing = "Nothing to compare: it takes two finished designs with that score on the same two seeds."
    found += ["Verdicts are Holm-adjusted within a task and metric, intervals are not." if compared else nothing]
    return "\n".join(found + [""] * bool(gates) + [f"- {cell(line)}" for line in gate_lines(gates)])


def _row(c: Mapping[str, Any]) -> str:
    """One comparison as a line of the table."""
    return f"| {cell(_showing.sentence(c))} | {c['difference']:+.3f} | [{c['low']:+.3f}, {c['high']:+.3f}] | {c['n']} |"


def cell(text: str) -> str:
    """The text as a cell of a Markdown table: nothing in it ends the cell or marks up.

    >>> cell("a|b_c*")
    'a\\\\|b\\\\_c\\\\*'
    """
    return "".join(f"\\{c}" if c in "\\|`*_<>[]#" else c for c in text)
