"""Does a reward function, or a whole design, keep its promises? Called on rows, twice, shuffled, one by one."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from rewardbench import calling, find, scoring
from rewardbench.calling import ANSWERS, SINGLE, When, arguments
from rewardbench.check.promise import Promise
from rewardbench.check.rows import Row, batch, examples, fitting, read
from rewardbench.conventions import read as read_function
from rewardbench.design import design_hash, nearest
from rewardbench.plan import portable as as_run
from rewardbench.types import Design, Floats, Part, RewardError, UserError

WHEN = When("check", 0, 0.0)
EXAMPLES = "examples of "
ASKS = {"verl": "`ground_truth`", "openrlhf": "`labels`", "verifiers": "`answer`"}
"""What each convention calls the answer."""
Pay = Callable[[Sequence[Row]], Floats]
"""Rows -> what each is paid, [rows]; NaN where it abstained."""


def check(thing: str, task: str | None, rows: Path | None, timeout: float) -> dict[str, Any]:
    """The report of a reward function, a part or a design as plain values; `failure` says what broke it.

    Raises UserError where there is nothing to check: an unknown name, unreadable rows.
    """
    told = heading(thing, task, rows)
    asked = _asked(thing, task)
    where, tried, _ = tried_on(asked, task, rows)
    try:
        values, promises = promised(asked, task or where.removeprefix(EXAMPLES), tried, timeout)
    except RewardError as error:
        return told | {"values": None, "promises": [], "failure": str(error)}
    listed = [None if math.isnan(v) else float(v) for v in values]
    return told | {"values": listed, "promises": [asdict(p) for p in promises], "failure": None}


def heading(thing: str, task: str | None, rows: Path | None) -> dict[str, Any]:
    """What can be said before anything is scored: how it was read, and on what it is tried."""
    asked = _asked(thing, task)
    told = as_run(asked)
    alone = thing in find.parts() or (":" in thing and asked.parts[0].use == find.own_part(thing).use)
    reading = read_function(find.callable_of(asked.parts[0]), asked.parts[0].params) if alone else None
    where, _, chosen = tried_on(asked, task, rows)
    return {
        "kind": "reward" if alone else "design",
        "thing": portable(thing),
        "hash": design_hash(told),
        **({"convention": reading.convention, "form": reading.form, "why": reading.why} if reading else {}),
        "parts": [_told(part) for part in told.parts],
        "rows": where,
        **({"chosen": chosen} if chosen else {}),
    }


def _asked(thing: str, task: str | None) -> Design:
    """The design of a name; one that belongs to no task is found through any. Raises UserError for an arm that has no
    part to call: gold reads the truth, which no row of a check has.
    """
    found = find.design(thing, task or next(iter(find.task_folders())))
    if not found.parts or found.parts[0].use == "oracle":
        what = "is gold as reward, the upper anchor" if found.parts else "is an arm that pays nothing"
        raise UserError(f"design {thing!r} {what}: there is nothing to check")
    return found


def _told(part: Part) -> dict[str, Any]:
    """A part in a report."""
    return {"name": part.name, "use": part.use, "convention": part.convention or "trl", "form": part.form}


def portable(use: str) -> str:
    """A part's use without the folder that its file lies in."""
    return use.rpartition("/")[2] if ".py:" in use else use


def tried_on(design: Design, task: str | None, rows: Path | None) -> tuple[str, list[Row], str]:
    """(where the rows are from, the rows, why those): a user's file, the task's examples, or those of a task that fits,
    of which alone it is said why.
    """
    if rows is not None:
        found = read(rows)
        for row, part in ((row, part) for row in found for part in design.parts):
            if name := find.lacking(part, row.prompt.columns):
                has = f"{nearest(name, row.prompt.columns)} (its columns: {', '.join(row.prompt.columns) or 'none'})"
                raise UserError(f"{rows}, line {row.line}: no {name!r}, which part {part.name!r} needs{has}", 5)
        return rows.name, found, ""
    if task is not None:
        found = examples(task)
        if not found:
            raise UserError(f"{task} has no examples.jsonl: give completions with --rows rows.jsonl", 5)
        find.check_columns(design, task, found[0].prompt.columns)
        return f"{EXAMPLES}{task}", found, ""
    lacks = sorted({name for part in design.parts for name in find.columns(part)})
    (name, found), *others = fitting(lacks, ANSWERS)
    return f"{EXAMPLES}{name}", found, why_chosen(lacks, bool(others))


def why_chosen(asked: Sequence[str], others: bool) -> str:
    """Why a reward is tried on a task that nobody named: the columns it asks for; where `others` have them, how to name
    one.

    >>> why_chosen(["concepts"], False)
    "no other task has what is asked for: 'concepts'"
    >>> why_chosen(["ground_truth", "keywords"], True)
    "its prompts have what is asked for: an answer, 'keywords'; --task T tries another"
    """
    names = ", ".join("an answer" if name in ANSWERS else repr(name) for name in asked)
    has = f"{'its prompts have' if others else 'no other task has'} what is asked for: {names}" if asked else ""
    return "; ".join(filter(None, [has, "--task T tries another" if others else ""]))


def promised(design: Design, task: str, rows: Sequence[Row], timeout: float) -> tuple[Floats, list[Promise]]:
    """(what each row is paid, the promises). Raises RewardError where a part breaks."""
    contestant = scoring.raw(find.bind(design, task))

    def pay(some: Sequence[Row]) -> Floats:
        scored = scoring.pay(contestant, batch(some), WHEN, scoring.start(contestant), timeout)
        return np.asarray(scored.batch.reward, dtype=np.float64)[:, 0]

    values = pay(rows)
    cpu, wall = time.process_time(), time.perf_counter()
    again = pay(rows)
    cpu, wall = (time.process_time() - cpu) / len(rows), (time.perf_counter() - wall) / len(rows)
    one = many(len(rows), "completion")
    return values, [
        Promise("count-and-finite", True, f"{one}, {many(len(rows), 'score')}, every one a number or None"),
        same_twice(values, again),
        *alone_and_shuffled(values, rows, pay),
        inputs_unchanged(contestant, rows),
        some_paid(values),
        tells_apart(values, rows, pay),
        golden(values, rows, pay),
        *answer_known(design, rows),
        Promise("cost", None, cost(cpu, wall)),
    ]


def answer_known(design: Design, rows: Sequence[Row]) -> list[Promise]:
    """A word for functions that are given the answer by their convention, where no column holds one: they get None."""
    if any(set(row.prompt.columns) & set(ANSWERS) for row in rows):
        return []
    asking = {p.name: ASKS[p.convention] for p in design.parts if p.convention in ASKS}
    told = [f"part {name!r} is given None for {what}" for name, what in asking.items()]
    return [Promise("answer-known", None, f"no column holds an answer: {'; '.join(told)}")] if told else []


def cost(cpu: float, wall: float) -> str:
    """Seconds a completion in words.

    >>> cost(2e-5, 0.05)
    '20 CPU µs and 50,000 µs in all a completion: 20 a second'
    """
    both = f"{cpu * 1e6:,.0f} CPU µs and {wall * 1e6:,.0f} µs in all"
    return f"{both} a completion: {1 / max(wall, 1e-9):,.0f} a second"


def many(count: int, word: str) -> str:
    """A count with its word.

    >>> many(1, "score"), many(2, "score")
    ('1 score', '2 scores')
    """
    return f"{count} {word}{'s' * (count != 1)}"


def inputs_unchanged(contestant: scoring.Contestant, rows: Sequence[Row]) -> Promise:
    """Every part leaves what it is given as it is: a trainer hands the same lists to the next one.

    A run gives copies, so that nothing but the part itself can suffer; elsewhere it would be everybody.
    """
    made = batch(rows)
    for bound in contestant.bounds:
        given = arguments(bound.call, made, bound.form, WHEN)
        plain = {name: value for name, value in given.items() if name not in SINGLE and name != "rng"}
        before = copy.deepcopy(plain)
        calling.finished([bound.call(**given)])
        changed = [name for name, value in plain.items() if value != before[name]]
        if changed:
            return Promise("inputs-unchanged", False, f"part {bound.name!r} changes {', '.join(changed)} in place")
    return Promise("inputs-unchanged", True, "what it was given is as it was")


ROUNDING = 4 * float(np.finfo(np.float32).eps)
"""Of a value: what single precision may add to it in another company of completions."""


def equal(a: Floats, b: Floats, share: float = 1e-5) -> np.ndarray[Any, Any]:
    """Which values are the same, up to a share of how far values differ and the rounding of single precision; NaN
    equals NaN. A reward's unit is its own business.

    >>> equal(np.array([0.0, 1e-9]), np.array([0.0, 2e-9])).tolist()
    [True, False]
    """
    known = a[np.isfinite(a)]
    spread = float(np.ptp(known)) if len(known) else 0.0
    return np.isclose(a, b, rtol=ROUNDING if share else 1e-12, atol=share * spread, equal_nan=True)


def same_twice(first: Floats, second: Floats) -> Promise:
    """The same rows in the same batch are paid the same again, to the last digits."""
    away = int((~equal(first, second, 0.0)).sum())
    words = f"{away} of {len(first)} completions are paid otherwise the second time" if away else "paid the same twice"
    return Promise("deterministic", away == 0, words)


def groups(rows: Sequence[Row]) -> list[list[int]]:
    """The numbers of the rows of each prompt: siblings, wherever they stand.

    >>> from rewardbench.types import Prompt
    >>> groups([Row(Prompt("a", text=t), "") for t in "xyx"])
    [[0, 2], [1]]
    """
    found: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        found.setdefault(row.prompt.plain(), []).append(i)
    return list(found.values())


def alone_and_shuffled(values: Floats, rows: Sequence[Row], pay: Pay) -> list[Promise]:
    """Order-independence over prompts, and whether a batch equals its rows (or its groups of siblings) one by one."""
    together = groups(rows)
    order = [i for some in together[::-1] for i in some]
    shuffled = int((~equal(values[order], pay([rows[i] for i in order]))).sum())
    seen = "prompts in another order are paid the same" if not shuffled else (
        f"{shuffled} of {len(rows)} completions are paid differently when the prompts come in another order"
    )
    some = together[: max(1, 64 // max(len(t) for t in together))]
    picked = [i for t in some for i in t]
    by_group = np.concatenate([pay([rows[i] for i in t]) for t in some])
    by_row = np.concatenate([pay([rows[i]]) for i in picked])
    grouped, single = bool(equal(values[picked], by_group).all()), bool(equal(values[picked], by_row).all())
    if grouped and not single:
        told = Promise("batch-equals-single", True, "it looks at siblings (completions of one prompt); at nothing else")
    else:
        words = "what a completion is paid depends on other prompts"
        words = "each completion alone is paid as in the batch" if single else words
        told = Promise("batch-equals-single", single, words)
    return [Promise("order-independent", shuffled == 0, seen), told]


def some_paid(values: Floats) -> Promise:
    """It does not abstain on everything."""
    share = float(np.isnan(values).mean())
    return Promise("not-silent", share < 1, f"None for {share:.0%} of the completions")


def tells_apart(values: Floats, rows: Sequence[Row], pay: Pay) -> Promise:
    """Not everything is paid alike, the empty completion among it, or nothing can be learnt."""
    known = values[np.isfinite(values)]
    silent = f"; it abstains on {np.isnan(values).sum()} of {len(values)}" if np.isnan(values).any() else ""
    if len(known) < 2:
        return Promise("tells-apart", None, f"fewer than two completions were paid{silent}")
    if float(np.ptp(known)) > 0:
        return Promise("tells-apart", True, f"from {known.min():g} to {known.max():g}")
    nothing = pay([replace(row, completion=empty(row.completion)) for row in rows])
    if (nothing[np.isfinite(nothing)] != known[0]).any():
        return Promise("tells-apart", True, f"{known[0]:g} for each of these, something else for the empty completion")
    return Promise("tells-apart", False, f"everything is paid {known[0]:g}: nothing can be learnt from it{silent}")


def golden(values: Floats, rows: Sequence[Row], pay: Pay) -> Promise:
    """Good completions (gold of the best rows, at least .5) are paid more on average than empty ones."""
    best = [i for i, row in enumerate(rows) if row.gold is not None and row.gold >= 0.5]
    good = [i for i in best if np.isfinite(values[i])]
    if not good:
        words = "it abstains on every good completion" if best else "no row says a `gold` of .5 or more"
        return Promise("golden-above-empty", None, words)
    nothing = [replace(rows[i], completion=empty(rows[i].completion)) for i in good]
    paid = pay(nothing)
    known = np.isfinite(paid)
    if not known.any():
        return Promise("golden-above-empty", True, "it abstains on the empty completion")
    a, b = float(values[good][known].mean()), float(paid[known].mean())
    are = f"{many(len(good), 'good completion')} {'is' if len(good) == 1 else 'are'} paid"
    words = f"{are} {a:.3g} on average, empty ones {b:.3g}"
    return Promise("golden-above-empty", a > b, words)


def empty(completion: Any) -> Any:
    """The completion with nothing said by the policy; what a partner said stays.

    >>> empty("Hi"), empty([{"role": "assistant", "content": "Hi"}])
    ('', [{'role': 'assistant', 'content': ''}])
    """
    if isinstance(completion, str):
        return ""
    return [m if m["role"] != "assistant" else {**m, "content": ""} for m in completion]
