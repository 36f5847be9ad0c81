"""Do the measures work as modules of Hugging Face `evaluate`, offline?"""

import pytest

from rewardbench.modules import module, names
from rewardbench.types import UserError

TEXTS = ["the cat sat on the mat", "the cat sat on the mat", "a dog ran in the park"]


def test_names_are_measures_of_texts_or_of_two_lists():
    assert {"distinct_n", "self_bleu", "compression_ratio", "kendall_tau_b", "mtld", "flesch", "cohesion"} <= set(names())
    assert "vendi" not in names()


def test_unknown_names_are_answered():
    with pytest.raises(UserError, match="self_bleu"):
        module("bleu")


@pytest.mark.slow
def test_compute_and_combine_without_the_hub(monkeypatch):
    pytest.importorskip("evaluate")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import evaluate

    both = evaluate.combine([module("distinct_n", n=1), module("self_bleu")])
    shown = both.compute(data=TEXTS)
    assert shown["distinct_n"] == pytest.approx(10 / 18)
    assert shown["self_bleu"] == pytest.approx(69.3722, abs=1e-4)
    metric = module("kendall_tau_b")
    metric.add_batch(predictions=[1, 1, 2, 3], references=[1, 2, 2, 3])
    assert metric.compute()["kendall_tau_b"] == pytest.approx(0.8)
    apart = module("mattr", window=2).compute(data=["a b a b", "a a a"])
    assert apart["mattr"] == pytest.approx((1 + 1 / 2) / 2)
