"""What must not change what is paid: the order of siblings and of prompts, padding, and whatever unicode comes."""

import random
from dataclasses import replace
from functools import cache
from itertools import islice

import numpy as np
import pytest
from hypothesis import given as always
from hypothesis import settings
from hypothesis import strategies as st

from rewardbench import find, given, scoring
from rewardbench.calling import When
from rewardbench.design import shares

WHEN = When("invariances", 0, 0.0)
TASKS = ("qa/lookup", "writing/story", "dialogue/booking")
P, K = 3, 4
DESIGNS = [(task, name) for task in TASKS for name in find.task_designs(task)]


@cache
def made(task, name):
    return find.bind(find.design(name, task), task)


@cache
def prompts(task):
    return tuple(islice(find.task(task).prompts("dev", 1), P))


@cache
def said(task):
    """Demonstrations, ever more corrupted: [P][K] of messages."""
    show = find.demonstrate(task)
    return [[show(p, random.Random(f"{p.id}/{k}"), 0.25 * k) for k in range(K)] for p in prompts(task)]


def paid(task, name, batch):
    return scoring.pay(made(task, name), batch, WHEN, scoring.start(made(task, name)), 60.0).batch


@pytest.mark.parametrize(("task", "name"), DESIGNS)
@settings(max_examples=5, deadline=None)
@always(st.permutations(range(K)), st.permutations(range(P)))
def test_siblings_and_prompts_in_another_order_are_paid_the_same(task, name, siblings, order):
    plain = paid(task, name, given.batch(prompts(task), said(task)))
    moved = [[said(task)[p][k] for k in siblings] for p in order]
    other = paid(task, name, given.batch([prompts(task)[p] for p in order], moved))
    for values, again in ((plain.reward, other.reward), (plain.parts, other.parts)):
        np.testing.assert_allclose(again, values[list(order)][:, list(siblings)], rtol=1e-12)
    design = made(task, name).design
    np.testing.assert_allclose(shares(design, other.parts), shares(design, plain.parts), atol=1e-9)


def padded(batch, more):
    """The batch with `more` positions of padding after its longest completion."""
    wide = {n: np.pad(getattr(batch, n), ((0, 0), (0, 0), (0, more))) for n in ("ids", "logp", "mine", "turn")}
    spans = tuple(tuple((*one, *[(one[-1][1], one[-1][1])] * more) for one in row) for row in batch.spans)
    return replace(batch, **wide, spans=spans)


@pytest.mark.parametrize(("task", "name"), DESIGNS)
@settings(max_examples=4, deadline=None)
@always(st.integers(1, 40))
def test_padding_is_not_paid_and_moves_no_credit(task, name, more):
    batch = given.batch(prompts(task), said(task))
    plain, wide = paid(task, name, batch), paid(task, name, padded(batch, more))
    np.testing.assert_array_equal(wide.reward, plain.reward)
    assert (wide.credit is None) == (plain.credit is None)
    if plain.credit is not None:
        T = plain.credit.shape[-1]
        np.testing.assert_array_equal(wide.credit[..., :T], plain.credit)
        assert (wide.credit[..., T:] == 0).all()


@pytest.mark.parametrize(("task", "name"), DESIGNS)
@settings(max_examples=10, deadline=None)
@always(st.lists(st.text(max_size=60), min_size=2, max_size=2))
def test_any_unicode_text_is_paid_a_number_or_nothing(task, name, texts):
    batch = paid(task, name, given.batch(prompts(task)[:1], [texts]))
    assert not np.isinf(batch.reward).any()
    if batch.credit is not None:
        np.testing.assert_allclose(batch.credit.sum(-1), np.nan_to_num(batch.reward), atol=1e-9)
