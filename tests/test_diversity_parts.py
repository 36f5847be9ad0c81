"""Do the parts over siblings pay what is new, whatever the order, and by the published formulas?"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardbench import find, scoring
from rewardbench import given as given_
from rewardbench.calling import When
from rewardbench.check.rewards import promised
from rewardbench.check.rows import examples
from rewardbench.design import parse
from rewardbench.measures.diversity import distinct_n
from rewardbench.measures.diversity import self_bleu as set_self_bleu
from rewardbench.rewards import diversity
from rewardbench.types import Prompt, UserError

Scores = Callable[[list[str], list[str]], list[float | None]]
PARTS: dict[str, Scores] = {
    "distinct": diversity.distinct,
    "self_bleu": diversity.self_bleu,
    "vendi": diversity.vendi,
    "partition": diversity.partition,
    "discount": diversity.discount,
}
text = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from(["wolf", "key", "the", "ran", "hid", "."]), max_size=12).map(" ".join),
)
group = st.lists(text, min_size=1, max_size=6)


def one_group(part: Scores, texts: list[str]) -> list[float | None]:
    return part(texts, ["p"] * len(texts))


@pytest.mark.parametrize("name", PARTS)
@settings(max_examples=60, deadline=None)
@given(texts=group, data=st.data())
def test_siblings_may_stand_in_any_order(name: str, texts: list[str], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(texts))))
    paid = one_group(PARTS[name], texts)
    assert all(one is None or (math.isfinite(one) and 0 <= one <= 1 + 1e-12) for one in paid)
    again = one_group(PARTS[name], [texts[i] for i in order])
    for i, value in zip(order, again):
        assert value == (None if paid[i] is None else pytest.approx(paid[i], abs=1e-9))


@pytest.mark.parametrize("name", PARTS)
@settings(max_examples=60, deadline=None)
@given(texts=st.lists(text, min_size=2, max_size=5))
def test_a_copy_among_the_siblings_lowers_what_is_paid(name: str, texts: list[str]) -> None:
    before, after = one_group(PARTS[name], texts)[0], one_group(PARTS[name], [*texts, texts[0]])
    assert after[0] is not None
    assert before is not None
    assert after[0] <= before + 1e-9
    assert after[0] == pytest.approx(after[-1], abs=1e-9)
    different = ["one two three", "four five six", "seven eight nine"]
    assert one_group(PARTS[name], [*different, different[0]])[0] < one_group(PARTS[name], different)[0]


@pytest.mark.parametrize("name", PARTS)
@settings(max_examples=30, deadline=None)
@given(first=group, second=group)
def test_other_prompts_completions_are_no_siblings(name: str, first: list[str], second: list[str]) -> None:
    texts, prompts = [*first, *second], ["p"] * len(first) + ["q"] * len(second)
    apart = [*one_group(PARTS[name], first), *one_group(PARTS[name], second)]
    assert PARTS[name](texts, prompts) == apart
    mixed = [*range(0, len(texts), 2), *range(1, len(texts), 2)]  # siblings need not stand together
    assert PARTS[name]([texts[i] for i in mixed], [prompts[i] for i in mixed]) == [
        None if apart[i] is None else pytest.approx(apart[i], abs=1e-9) for i in mixed
    ]


def test_a_lone_completion_is_paid_for_itself_or_abstains() -> None:
    said = {name: one_group(part, ["the wolf ran"])[0] for name, part in PARTS.items()}
    assert said == {"distinct": 1.0, "self_bleu": None, "vendi": 1.0, "partition": None, "discount": 1.0}


@pytest.mark.parametrize("name", PARTS)
def test_it_keeps_the_promises_that_check_asks_for(name: str) -> None:
    task = "qa/lookup"
    _, promises = promised(find.design(f"diversity.{name}", task), task, examples(task), 9.0)
    kept = {p.name: p for p in promises}
    assert all(kept[p].kept for p in ("count-and-finite", "deterministic", "order-independent", "inputs-unchanged"))
    assert kept["batch-equals-single"].kept
    assert "siblings" in kept["batch-equals-single"].detail


@pytest.mark.parametrize("name", PARTS)
def test_no_completions_and_a_wrong_n(name: str) -> None:
    assert PARTS[name]([], []) == []
    if name in ("vendi", "partition", "discount"):
        with pytest.raises(UserError, match="at least one word"):
            find.callable_of(parse(f'[[part]]\nuse = "diversity.{name}"', "d").parts[0])(["a"], ["p"], n=0)


# --- known answers ------------------------------------------------------------------------------------

# bigrams: A {ab bc}, B {ab bd}, C {ef fg}; J(A, B) = 1/3, all else 0
THREE = ["a b c", "a b d", "e f g"]


def test_the_discount_is_that_of_the_paper_by_hand() -> None:
    assert one_group(diversity.discount, THREE) == pytest.approx([1 / (1 + 1 / 3), 3 / 4, 1])


def test_the_partition_is_that_of_the_paper_by_hand() -> None:
    assert diversity.partition(THREE, ["p"] * 3, threshold=1 / 3) == [0.5, 0.5, 1.0]
    assert diversity.partition(THREE, ["p"] * 3, threshold=0.34) == [1.0, 1.0, 1.0]
    assert diversity.partition(["a b"] * 4, ["p"] * 4) == [0.1] * 4
    # a chain: the first and the last share nothing, and are one cluster by what stands between
    chain = ["a b c", "b c d", "c d e", "x y z"]
    assert diversity.partition(chain, ["p"] * 4, threshold=1 / 3) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1])


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(text, min_size=2, max_size=6), threshold=st.sampled_from([0.2, 0.5, 0.9]))
def test_clusters_are_the_connected_components_of_scipy(texts: list[str], threshold: float) -> None:
    from scipy.sparse.csgraph import connected_components

    alike = diversity.similarity(texts)
    count, labels = connected_components(alike >= threshold, directed=False)
    mine = diversity.clusters(alike, threshold)
    assert len(set(mine)) == count
    assert all((mine[i] == mine[j]) == (labels[i] == labels[j]) for i, j in combinations(range(len(texts)), 2))


def test_what_distinct_pays_is_the_loss_of_different_ngrams() -> None:
    texts = ["the wolf ran to the wolf", "the wolf hid a key", "a bear ran to the wolf"]

    def different(some: list[str]) -> float:
        return distinct_n(some, 2) * sum(len(t.split()) - 1 for t in some)

    lost = [different(texts) - different(texts[:i] + texts[i + 1 :]) for i in range(3)]
    paid = one_group(diversity.distinct, texts)
    assert [p * (len(t.split()) - 1) for p, t in zip(paid, texts)] == pytest.approx(lost)


def test_self_bleu_averages_to_that_of_the_set() -> None:
    texts = ["the wolf ran to the cave", "the wolf hid a key in it", "a bear ran to the cave"]
    assert 1 - np.mean(one_group(diversity.self_bleu, texts)) == pytest.approx(set_self_bleu(texts) / 100)


def test_vendi_pays_by_the_entropy_of_shares() -> None:
    # two equal texts and another: shares 2/3 and 1/3; without the other, one class is left
    entropy = -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))
    assert one_group(diversity.vendi, ["a b", "a b", "c d"]) == pytest.approx([0, 0, math.exp(entropy) - 1])
    assert one_group(diversity.vendi, ["a b", "c d", "e f"]) == pytest.approx([1, 1, 1])


def test_novelty_reads_the_archive_and_the_column() -> None:
    assert diversity.novelty(["a b c"], archive=["a b d", "x"]) == pytest.approx([2 / 3])
    assert diversity.novelty(["a b c"] * 2, archive=["x y"], references=[["a b c"], []]) == [0.0, 1.0]
    assert diversity.novelty(["a b c"]) == [None]
    assert diversity.novelty(["a"], references=[None]) == [None]


# --- in a design --------------------------------------------------------------------------------------

QUALITY_TIMES_DIVERSITY = """
summary = "A story with its words, the more the less its siblings are like it"
combine = "product"

[[part]]
use = "keywords.coverage"

[[part]]
use = "diversity.partition"
weight = 0.5
params = { threshold = 0.4 }
"""


def test_a_multiplier_pays_the_different_one_more_and_nonsense_nothing() -> None:
    design = parse(QUALITY_TIMES_DIVERSITY, "darling")
    contestant = find.bind(design, "writing/story")
    prompt = Prompt("a", text="Tell.", columns={"keywords": ["wolf", "key"]})
    told = ["the wolf hid a key", "the wolf hid a key", "one day a wolf found some key", "colourless green ideas"]
    batch = given_.batch([prompt], [told])
    paid = scoring.pay(contestant, batch, When("t", 0, 0.0), scoring.start(contestant), 9.0).batch.reward[0]
    assert paid.tolist() == pytest.approx([math.sqrt(2 / 3), math.sqrt(2 / 3), 1, 0])
