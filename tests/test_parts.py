"""Does every shipped part keep the contract: says its range, cost and source, scores any text, depends on no order?

Found by the folder, as a design finds them; what a part asks for beside the completions is made up from its signature.
"""

import inspect
import json
import math
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from rewardbench import find
from rewardbench import given as given_texts
from rewardbench.calling import Bound, When, asks_for, needed, score
from rewardbench.find.functions import part_files
from rewardbench.types import Part, Prompt, RewardError, UserError

WHEN = When("contract", 3, 0.5)
P, K = 5, 4
AWKWARD = [
    "",
    " \t\n\u3000 ",
    "The wolf hid a key in the cave. It ran away, 7 times!",
    "👩‍👩‍👧‍👦🏳️‍🌈 🙂",
    "e\u0301\u0301\u0301 Z͑ͫ̓ͪa̵l̷g̸o",
    "مرحبا بالعالم. كيف حالك؟",
    "שלום עולם",
    "a\x00b\x00\x00",
    "The wolf and the key. " * 454 + "It is so.",
    "从前有一只狼。它把钥匙藏在山洞里！",
    "<think>7</think><answer>\\boxed{7}</answer>\n#### 7",
    '{"answer": [1, 2.5e3, null]}',
    "ǅ İ ß ﬃ ½ Ⅷ ² ٣",
    "\u202eevil\u202c \ufeff\u200b\u2028\u2029",
    "-1,000.50 / 3 = $.5 %",
    ". ! ? … 。",
    "WORD",
    "don't 'quote' “this”",
    "\\" * 50 + "{" * 50,
    "x " * 500,
]
assert len(AWKWARD) == P * K
assert max(map(len, AWKWARD)) >= 9_000
NAMES = sorted(find.parts())


@cache
def part(name):
    """The function of a part, or a skip that says what is missing."""
    try:
        return find.callable_of(Part(name, name))
    except UserError as error:
        return missing(name, error)


def missing(name, error):
    """Skip for want of a library, a model or an endpoint (code 5; a part with a model of its own may say 2 or 4)."""
    model = part_files()[name.partition(".")[0]].parent.name == "parts"
    if error.code == 5 or (model and error.code in (2, 4)):
        pytest.skip(str(error))
    raise error


def column(annotation, i):
    """An entry of a prompt column of that type, for the prompt number i."""
    kind = str(annotation).replace("collections.abc.", "").replace("typing.", "").removeprefix("Sequence[").removesuffix("]")
    if kind.startswith(("Sequence", "list", "tuple")):
        return ["wolf", "key", str(i)]
    if kind.startswith(("Mapping", "dict")):
        return {"wolf": str(i)}
    return float(i) if kind in ("float", "int") else str(7 + i)


def columns(function, i):
    parameters = inspect.signature(function).parameters
    return {name: column(parameters[name].annotation, i) for name in needed(function)}


def batch(function, rows):
    """The texts [P][K] as completions of as many prompts: as they are, or as a clerk's two turns."""
    made = [Prompt(f"p{i}", text=f"Say {i}: wolf, key.", columns=columns(function, i)) for i in range(len(rows))]
    if getattr(function, "form", "text") == "messages":
        rows = [[talk(text) for text in row] for row in rows]
    return given_texts.batch(made, rows)


def talk(text):
    said = [{"role": "assistant", "content": text}, {"role": "user", "content": "On Friday, please. " + text}]
    return [*said, {"role": "assistant", "content": "Booked on Friday. " + text}] if text else []


def scores(name, texts):
    """The scores [P, K] of completions; NaN where the part abstains."""
    function = part(name)
    bound = Bound(name, function, str(getattr(function, "form", "text")), trusted=True)
    try:
        found = score(bound, texts, WHEN, 0)
    except RewardError as error:
        if isinstance(error.__cause__, UserError):
            missing(name, error.__cause__)
        raise
    return found.scores, not found.noted


@cache
def whole(name):
    rows = [AWKWARD[i * K : i * K + K] for i in range(P)]
    texts = batch(part(name), rows)
    return texts, *scores(name, texts)


def same(first, second):
    np.testing.assert_allclose(first, second, rtol=1e-6, atol=1e-9, equal_nan=True)


# --- what it says --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_returns_its_range_its_cost_and_its_source(name):
    text = inspect.getdoc(part(name)) or ""
    first = text.split("\n")[0]
    assert len(first) > 10, first
    assert first[-1] in ".:;,", first
    for word in ("Range", "Cost", "Source"):
        assert re.search(rf"(?m)^\s*{word}: \S.+", text), f"no line `{word}: …`"
    model = part_files()[name.partition(".")[0]].parent.name == "parts"  # a model is no thing for a doctest
    assert model or ">>> " in text, "no doctest"


@pytest.mark.parametrize("name", NAMES)
def test_its_parameters_can_stand_in_toml(name):
    for p in inspect.signature(part(name)).parameters.values():
        if p.default is not p.empty:
            assert p.default is None or isinstance(p.default, (bool, int, float, str, list, tuple, dict)), p


@pytest.mark.parametrize("name", NAMES)
def test_no_parameter_is_called_as_a_column_of_a_task(name):
    """It would be given the column, an entry a completion, instead of what the design says."""
    parameters = inspect.signature(part(name)).parameters.values()
    optional = {p.name for p in parameters if p.default is not p.empty and p.kind is not p.VAR_KEYWORD}
    if name == "diversity.novelty":
        optional.remove("references")  # the column is wanted where there is one, and the docstring says so
    for task, folder in find.task_folders().items():
        rows = (folder / "examples.jsonl").read_text().splitlines()
        asked = {column for line in rows for column in json.loads(line)["prompt"]["columns"]}
        assert not optional & asked, task


def bounds(function):
    """Least and most that the docstring's Range allows; infinite where it gives no interval of numbers."""
    line = re.search(r"Range: (.+)", inspect.getdoc(function) or "")[1]
    if line.startswith("0 or 1"):
        return 0.0, 1.0
    interval = re.match(r"[\[(]([^,]+), ([^\])]+)[\])]", line)
    if interval is None:
        return -math.inf, math.inf
    parameters = inspect.signature(function).parameters
    return tuple(edge(words, parameters, unknown) for words, unknown in zip(interval.groups(), (-math.inf, math.inf)))


def edge(words, parameters, unknown):
    if words in parameters:
        return float(parameters[words].default)
    try:
        return float(words.replace("∞", "inf").replace("−", "-"))
    except ValueError:
        return unknown


def test_ranges_are_read():
    def f(completions, floor=-2.0):
        """Range: [floor, ∞)."""

    assert bounds(f) == (-2.0, math.inf)
    f.__doc__ = "Range: [1 / K, 1]; more."
    assert bounds(f) == (-math.inf, 1)
    f.__doc__ = "Range: 0 or 1."
    assert bounds(f) == (0, 1)
    told = [bounds(part(name)) for name in NAMES if name.partition(".")[0] in ("null", "length", "matching", "overlap")]
    assert all(math.isfinite(low) and math.isfinite(high) for low, high in told)


# --- what it pays --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_any_text_has_a_finite_score_within_the_range_or_none(name):
    _, values, one = whole(name)
    assert values.shape == (P, K)
    assert not np.isinf(values).any()
    low, high = bounds(part(name))
    paid = values[np.isfinite(values)]
    if one:
        assert ((paid >= low - 1e-9) & (paid <= high + 1e-9)).all(), (low, high, values)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_completions_are_paid_the_same_again(name):
    texts, values, _ = whole(name)
    same(scores(name, texts)[0], values)


@pytest.mark.parametrize("name", NAMES)
def test_prompts_in_another_order_are_paid_the_same(name):
    texts, values, _ = whole(name)
    if asks_for(part(name), "rng") and "rng" in inspect.signature(part(name)).parameters:
        pytest.skip("its noise is named by the prompt's place")
    order = [3, 0, 4, 1, 2]
    same(scores(name, picked(texts, order, range(K)))[0], values[order])


def picked(texts, prompts, samples):
    """The batch of some prompts and samples, in their order; with tokens and places, as they were."""
    prompts, samples = list(prompts), list(samples)
    arrays = {n: getattr(texts, n)[np.ix_(prompts, samples)] for n in ("ids", "logp", "mine", "turn", "ended")}
    nested = {n: tuple(tuple(getattr(texts, n)[p][k] for k in samples) for p in prompts) for n in ("text", "messages", "spans")}
    asked = {n: tuple(getattr(texts, n)[p] for p in prompts) for n in ("prompts", "context")}
    return replace(texts, **arrays, **nested, **asked)


@pytest.mark.parametrize("name", NAMES)
def test_a_pure_part_pays_each_completion_for_itself(name):
    if not getattr(part(name), "pure", False):
        pytest.skip("it does not say that it is pure")
    assert not {"completion_ids", "rng", "step", "fraction"} & set(inspect.signature(part(name)).parameters)
    texts, values, _ = whole(name)
    backwards = list(reversed(range(K)))
    same(scores(name, picked(texts, range(P), backwards))[0], values[:, backwards])
    alone = [[scores(name, picked(texts, [p], [k]))[0].item() for k in range(K)] for p in range(P)]
    same(alone, values)


@pytest.mark.parametrize("name", [n for n in NAMES if part_files()[n.partition(".")[0]].parent.name == "rewards"])
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=some.lists(some.text(max_size=40), min_size=2, max_size=2))
def test_hypothesis_finds_no_text_without_a_score(name, texts):
    values, one = scores(name, batch(part(name), [texts]))
    low, high = bounds(part(name))
    paid = values[np.isfinite(values)]
    assert not one or ((paid >= low - 1e-9) & (paid <= high + 1e-9)).all()
