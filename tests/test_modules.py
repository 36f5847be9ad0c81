"""Do the measures work as modules of Hugging Face `evaluate`, offline?"""

import inspect
from statistics import fmean

import pytest

from rewardbench import measures, modules
from rewardbench.modules import module, names
from rewardbench.types import UserError

TEXTS = ["the cat sat on the mat", "the cat sat on the mat", "a dog ran in the park"]


def test_names_are_measures_of_texts_or_of_two_lists():
    assert {"distinct_n", "self_bleu", "compression_ratio", "kendall_tau_b", "mtld", "flesch", "cohesion"} <= set(names())
    assert "vendi" not in names()


def test_every_measure_of_the_folder_is_found_and_no_other_function(tmp_path, monkeypatch):
    lines = "def shared(texts: list[str]) -> float:\n    return 0.5\n\ndef _own(texts: list[str]) -> float:\n    return 1.0\n"
    (tmp_path / "added.py").write_text("from __future__ import annotations\n" + lines)
    monkeypatch.setattr(measures, "__path__", [*measures.__path__, str(tmp_path)])
    before = names()
    monkeypatch.setattr(measures, "__path__", [str(tmp_path), *measures.__path__])
    assert "shared" in names()
    assert "shared" not in before
    assert "_own" not in names()


def test_unknown_names_are_answered():
    with pytest.raises(UserError, match="self_bleu"):
        module("bleu")


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_a_module_gives_the_number_of_its_measure(name, monkeypatch):
    pytest.importorskip("evaluate")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    made = module(name)
    if "data" in made.features:
        given = {"data": TEXTS}
    else:
        given = {"predictions": [1.0, 1.0, 2.0, 3.0], "references": [1.0, 2.0, 2.0, 3.0]}
    function = modules._measures()[name]
    if "text" in inspect.signature(function).parameters:  # of one text alone: the mean over the texts
        expected = fmean(function(text) for text in given["data"])
    else:
        expected = function(*given.values())
    assert made.compute(**given) == {name: pytest.approx(expected)}


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
