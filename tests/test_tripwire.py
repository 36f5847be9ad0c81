"""Can a reward see what only gold may see? Every shipped part and design, with `truth` that raises when touched."""

import inspect
import random
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from sweeping import PARTS

from rewardbench import find, given, scoring
from rewardbench.calling import Bound, When, score
from rewardbench.types import Part, RewardError, UserError

TASKS = sorted(find.task_folders())
WHEN = When("tripwire", 0, 0.0)
K = 3


class Touched(Exception):
    """Somebody looked at the truth."""


def _raise(*_):
    raise Touched


class Tripwire:
    """A truth that nobody may look at."""


for _name in ("getattribute", "getitem", "iter", "len", "bool", "eq", "hash", "str", "repr", "contains", "call", "deepcopy",
              "copy", "reduce_ex", "format", "float", "int", "index"):
    setattr(Tripwire, f"__{_name}__", _raise)


def said(task_name, prompt, k):
    """Messages after the prompt: a demonstration, ever more corrupted."""
    try:
        show = find.demonstrate(task_name)
    except ModuleNotFoundError:
        return [{"role": "assistant", "content": ("The answer is 7.", "7", "Ann has no idea. It is 12.")[k]}]
    return show(prompt, random.Random(f"{prompt.id}/{k}"), 0.3 * k)


def batch_of(task_name, count=4):
    """Dev prompts with K completions each; a word a position."""
    prompts = list(islice(find.task(task_name).prompts("dev", 1), count))
    made = given.batch(prompts, [[said(task_name, p, k) for k in range(K)] for p in prompts])
    return replace(made, prompts=tuple(replace(p, truth=Tripwire()) for p in prompts))


@pytest.fixture(scope="module", params=TASKS)
def task(request):
    try:
        return request.param, batch_of(request.param)
    except UserError as error:
        if error.code != 5:
            raise
        return pytest.skip(f"its data is not here: {error}")


def test_every_design_pays_without_the_truth(task):
    name, batch = task
    assert find.task_designs(name)
    for asked in [*find.task_designs(name), *(a for a in find.arms() if a not in ("untrained", "oracle"))]:
        made = find.bind(find.design(asked, name), name)
        paid = scoring.pay(made, batch, WHEN, scoring.start(made), 60.0).batch
        assert paid.reward.shape == (4, K), asked
        assert np.isfinite(paid.reward).any(), asked


def test_no_part_reads_the_truth(task):
    _, batch = task
    for part in find.parts():
        function = find.callable_of(Part(part, part))
        bound = Bound(part, function, str(getattr(function, "form", "text")))
        try:
            scores = score(bound, batch, WHEN, 60.0)
        except RewardError as error:
            # a column of another task's is missing here, or says something that the part cannot read
            complaint = str(error)
        else:
            complaint = ""
            assert scores.scores.shape == (4, K)
        assert not any(word in complaint for word in ("'truth'", "Touched")), complaint


def asks_a_judge(part):
    """Whether it needs an endpoint, which `test_judges.py` gives it, with the same tripwire."""
    return "endpoint" in inspect.signature(find.callable_of(Part(part, part))).parameters


@pytest.mark.parametrize("part", sorted(part for part in find.parts() if not asks_a_judge(part)))
def test_some_task_or_arm_uses_every_part_or_it_runs_on_every_task(part):
    """A part that no shipped prompts can feed could not have been tried above."""
    fed, absent = 0, False
    for name in TASKS:
        try:
            batch = batch_of(name, 1)
        except UserError:
            absent = absent or any(p.use == part for d in find.task_designs(name) for p in find.design(d, name).parts)
            continue
        function = find.callable_of(Part(part, part))
        try:
            score(Bound(part, function, str(getattr(function, "form", "text"))), batch, WHEN, 60.0)
        except RewardError as error:
            if getattr(error.__cause__, "code", None) == 5:
                pytest.skip(str(error))  # an optional library or model that is not here
            continue
        fed += 1
    if absent and not fed:
        pytest.skip("the data of the tasks whose designs have it is not here")
    assert fed


def test_the_wire_trips(task):
    """Gold reads the truth, and the wire says so: the check above can fail."""
    name, batch = task
    with pytest.raises(Touched):
        find.gold(name).score(batch.prompts[0], batch.said(0, 0, find.task(name).turns))


def test_a_part_that_asks_for_the_truth_gets_a_type_error(task):
    part = Part("reads_truth", f"{PARTS}:reads_truth", source="0" * 64)
    with pytest.raises(RewardError, match=r"'reads_truth' raised TypeError: .*missing.*'truth'"):
        score(Bound("reads_truth", find.callable_of(part)), task[1], WHEN, 60.0)


def test_a_column_that_answers_the_prompt_is_declared(task):
    """An undeclared column is neither the truth nor, said as a completion, enough for gold; a declared one is."""
    name, _ = task
    found, gold = find.task(name), find.gold(name)
    if found.turns > 1:
        assert not found.verifiable
        return
    answering: dict[str, list[float]] = {}
    for prompt in islice(found.prompts("dev", 1), 20):
        for column, value in prompt.columns.items():
            items = [str(v) for v in value] if isinstance(value, (list, tuple)) else [str(value)]
            same = value == prompt.truth or (isinstance(value, list) and tuple(value) == prompt.truth)
            each = [gold.score(prompt, text) >= gold.bar for text in items]
            answering.setdefault(column, []).append(1.0 if same else sum(each) / len(each))
    assert {c for c, shares in answering.items() if np.mean(shares) > 0.8} == set(found.verifiable), answering
