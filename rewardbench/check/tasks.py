"""Does a task keep its promises? Disjoint splits, prompts that a seed repeats, a gold that tells, designs that pay."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from itertools import islice
from typing import Any

from rewardbench import find, given, judging, scoring
from rewardbench.check.promise import Promise, trying
from rewardbench.check.rewards import WHEN
from rewardbench.check.rows import Row, batch, examples
from rewardbench.types import GoldError, Prompt, RewardError, UserError

SPLITS = ("train", "dev", "test")
COUNT = 64


def check(name: str, timeout: float) -> dict[str, Any]:
    """The report of a task as plain values."""
    for split in SPLITS:
        find.first_prompt(name, split, 1)
    prompts = {split: list(islice(find.task(name).prompts(split, 1), COUNT)) for split in SPLITS}
    told = [endless(name, prompts), disjoint(prompts), repeatable(name, prompts["train"])]
    told += [differ(prompts["dev"]), hidden(name, prompts["dev"])]
    rows = examples(name)
    told += [trying("gold-of-examples", lambda: gold_of(name), GoldError) if rows else _no_examples()]
    told += [trying("gold-of-nothing", lambda: gold_of_nothing(name, prompts["dev"]), GoldError)]
    designs = find.task_designs(name)
    told += [trying(f"design-{d}", partial(paid, name, d, rows, timeout), _Broken) for d in designs]
    lacking = {"reference", "exploit"} - set(designs)
    words = f"designs/ lacks {', '.join(sorted(lacking))}" if lacking else "a reference and an exploit"
    told.append(Promise("planted", not lacking, words))
    head = {"kind": "task", "thing": name, "hash": find.task_digest(name)}
    return head | {"promises": [asdict(p) for p in told], "failure": None}


class _Broken(UserError):
    """A design that does not pay."""


def _no_examples() -> Promise:
    """The promise of a task without examples."""
    return Promise("gold-of-examples", False, "it has no examples.jsonl: completions whose gold is known by hand")


def endless(name: str, prompts: dict[str, list[Prompt]]) -> Promise:
    """Each split gives as many prompts as it is asked for."""
    short = [find.ends(name, split, len(some)) for split, some in prompts.items() if len(some) < COUNT]
    return Promise("prompts-without-end", not short, "; ".join(short) or f"each split gives {COUNT} and more")


def disjoint(prompts: dict[str, list[Prompt]]) -> Promise:
    """No prompt stands in two splits."""
    seen = {split: {p.plain() for p in some} for split, some in prompts.items()}
    shared = [f"{a} and {b}" for a in SPLITS for b in SPLITS if a < b and seen[a] & seen[b]]
    apart = f"the first {COUNT} prompts of each split are no other's"
    words = f"{', '.join(shared)} share prompts" if shared else apart
    return Promise("splits-disjoint", not shared, words)


def repeatable(name: str, first: list[Prompt]) -> Promise:
    """The same seed gives the same prompts again, columns included."""
    again = list(islice(find.task(name).prompts("train", 1), COUNT))
    same = [(p.id, p.plain(), dict(p.columns)) for p in first] == [(p.id, p.plain(), dict(p.columns)) for p in again]
    words = "twice the same" if same else "the same seed gives other prompts the second time"
    return Promise("same-seed-same-prompts", same, words)


def differ(dev: list[Prompt]) -> Promise:
    """Different dev prompts have different ids."""
    ids, texts = {p.id for p in dev}, {p.plain() for p in dev}
    return Promise("ids-tell-apart", len(ids) >= len(texts), f"{len(ids)} ids for {len(texts)} different dev prompts")


def hidden(name: str, dev: list[Prompt]) -> Promise:
    """No column holds the truth, or a value of it, unless it is declared `verifiable`."""
    declared, found = set(find.task(name).verifiable), set()
    for prompt in dev:
        truths = list(prompt.truth.values()) if isinstance(prompt.truth, dict) else [prompt.truth]
        found |= {c for c, v in prompt.columns.items() if c not in declared and v is not None and v == prompt.truth}
        found |= {c for c, v in prompt.columns.items() if c == "answer" and c not in declared and v in truths}
    if found:
        return Promise("truth-hidden", False, f"column {min(found)!r} equals the truth: declare it `verifiable`")
    words = "columns do not hold it, but for those declared `verifiable`" if declared else "no column holds it"
    return Promise("truth-hidden", True, words)


def gold_of(name: str) -> str:
    """How many examples' gold is what stands beside them; raises GoldError for the first that is not."""
    task, gold = find.task(name), find.gold(name)
    known = [row for row in _with_truth(name) if row[1] is not None]
    for prompt, expected, completion in known:
        made = given.batch([prompt], [[completion]])
        value, kind = judging.judge(gold, task, made, 0, 0)
        if abs(value - float(expected)) > 0.005:  # what stands beside an example is rounded
            raise GoldError(f"gold of {made.text[0][0][:50]!r} is {value:g}, the example says {expected:g}")
        if kind == made.text[0][0] and len(kind) > 20:
            raise GoldError(f"kind of {made.text[0][0][:50]!r} is its exact text, so every completion is its own kind")
    return f"{len(known)} examples have the gold that stands beside them"


def _with_truth(name: str) -> list[tuple[Prompt, Any, given.Completion]]:
    """The examples with their truth, as gold needs them."""
    import json

    found = []
    for line in (find.task_folder(name) / "examples.jsonl").read_text(encoding="utf-8").splitlines():
        raw = json.loads(line)
        asked = raw["prompt"]
        messages = tuple(asked.get("messages") or ())
        head = (str(asked.get("id", "")), asked.get("text", ""))
        prompt = Prompt(*head, messages, asked.get("columns", {}), asked.get("truth"))
        found.append((prompt, raw.get("gold"), raw["completion"]))
    return found


def gold_of_nothing(name: str, dev: list[Prompt]) -> str:
    """Gold of the empty completion lies below the bar; raises GoldError where it does not."""
    task, gold = find.task(name), find.gold(name)
    made = given.batch(dev, [[""] for _ in dev])
    worst = max(judging.score(gold, task, made, p, 0) for p in range(len(dev)))
    if worst >= gold.bar:
        raise GoldError(f"gold pays the empty completion {worst:g}, and the bar is {gold.bar:g}")
    return f"at most {worst:g}, below the bar of {gold.bar:g}"


def paid(name: str, design: str, rows: list[Row], timeout: float) -> str:
    """That a design of the task scores the examples; raises where a part breaks."""
    try:
        contestant = find.bind(find.design(design, name), name)
        scored = scoring.pay(contestant, batch(rows), WHEN, scoring.start(contestant), timeout) if rows else None
    except (RewardError, UserError) as error:
        raise _Broken(str(error)) from error
    return "resolves" if scored is None else f"pays the {len(rows)} examples"
