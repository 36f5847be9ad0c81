"""Can comparisons be pasted, read by a program, and used as a gate?"""

import json
import re
from types import SimpleNamespace

import jsonschema
import pytest
from sweeping import ROOT, one_line, rbench, toy_found

from rewardbench import find, gates
from rewardbench.commands import _comparing, _showing

pytestmark = pytest.mark.usefixtures("toy")


@pytest.fixture(scope="module")
def swept(toy_policy, tmp_path_factory):
    """Two seeds of the reference and of a design that pays for the wrong thing."""
    with toy_found():
        folder = tmp_path_factory.mktemp("swept") / "sweep"
        mine = tmp_path_factory.mktemp("parts") / "mine.py"
        mine.write_text("def anything_else(completions):\n    return [-float('red' in c.split()) for c in completions]\n")
        words = ("run", "--task", "toy/colours", "--policy", toy_policy, "--budget", "12", "--seeds", "2", "--out", folder)
        said = rbench(*words, "--design", "reference", "--design", f"{mine}:anything_else", "--json")
        assert said.code == 0, said.err
        return folder


@pytest.fixture(scope="module")
def difference(swept):
    """What the JSON says of the design against the reference, on gold."""
    with toy_found():
        rows = rbench("compare", swept, "--json").json["comparisons"]
        return next(c for c in rows if (c["metric"], c["a"], c["b"]) == ("gold", "anything_else", "reference"))


def test_format_json_is_json(swept):
    assert rbench("compare", swept, "--format", "json").out == rbench("compare", swept, "--json").out


def test_a_metric_that_is_asked_for_is_the_one_that_is_told(swept):
    everything = rbench("compare", swept, "--json").json["comparisons"]
    gold = rbench("compare", swept, "--json", "--metric", "gold")
    assert gold.json["comparisons"] == [c for c in everything if c["metric"] == "gold"] != []
    assert rbench("compare", swept, "--json", "--metric", "stability").json["comparisons"] == []
    for form in ("text", "json", "markdown"):  # the toy has no anchors
        said = rbench("compare", swept, "--format", form, "--metric", "stability", "--metric", "gold")
        assert said.code == 0
        assert "nothing to compare on stability: toy/colours has no anchors" in said.err
        assert "nothing to compare on gold" not in said.err


def test_two_formats_are_refused(swept):
    said = rbench("compare", swept, "--json", "--format", "markdown")
    assert said.code == 2
    one_line(said, "choose one")


def test_markdown_is_a_table_on_stdout_with_the_numbers_of_the_json(swept, difference):
    said = rbench("compare", swept, "--format", "markdown")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == "**toy/colours: gold**, paired by seed"
    rows = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in rows} == {5}
    assert rows[1] == "| --- | ---: | ---: | ---: |"
    [mine] = [line for line in rows if line.startswith("| anything\\_else") and "reference" in line]
    assert f"{difference['difference']:+.3f}" in mine
    assert f"[{difference['low']:+.3f}, {difference['high']:+.3f}]" in mine


def test_text_says_in_words_what_cannot_be_told_apart(swept, difference):
    said = rbench("compare", swept)
    assert said.out == ""
    words = {"better": "is better than", "worse": "is worse than", "equivalent": "is equivalent to", "unresolved": "cannot be told apart from"}
    assert f"anything_else {words[difference['verdict']]} reference" in said.err
    assert _showing.sentence({"a": "x", "b": "y", "verdict": "unresolved"}) == "x cannot be told apart from y"


def test_the_gate_says_no_below_the_limit_and_yes_above(swept, difference):
    below, above = difference["difference"] - 0.01, difference["difference"] + 0.01
    passed = rbench("compare", swept, "--fail-if", f"gold:{below}")
    assert passed.code == 0
    assert f"gate gold:{below:g}: ok, 1 compared" in passed.err
    refused = rbench("compare", swept, "--fail-if", f"gold:{above}")
    assert refused.code == 3
    assert "Traceback" not in refused.err
    [line] = [line for line in refused.err.splitlines() if line.startswith("gate ")]
    assert f"toy/colours: anything_else − reference = {difference['difference']:+.3f}" in line
    assert ("as is its whole" in line) == (difference["high"] < above)


def test_one_of_several_gates_is_enough_and_each_format_tells_them(swept, difference):
    rules = ("--fail-if", "gold:-9", "--fail-if", f"gold:{difference['difference'] + 0.01}")
    for form in ("json", "markdown", "text"):
        said = rbench("compare", swept, "--format", form, *rules)
        assert said.code == 3
        if form == "json":
            jsonschema.validate(said.json, json.loads((ROOT / "rewardbench" / "schemas" / "compare.json").read_text()))
            assert [g["ok"] for g in said.json["gates"]] == [True, False]
            assert [len(g["reasons"]) for g in said.json["gates"]] == [0, 1]
        else:
            told = said.out if form == "markdown" else said.err
            assert len(re.findall(r"^(?:- )?gate gold:", told, re.M)) == 2


def test_what_was_not_compared_does_not_pass(swept):
    said = rbench("compare", swept, "--fail-if", "quality:-1")  # the toy has no anchors, and so no quality
    assert said.code == 3
    assert "anything_else could not be compared with reference on quality" in said.err


def test_arms_are_no_contestants():
    runs = [SimpleNamespace(task="t", design=d) for d in ("reference", "untrained", "constant", "mine")]
    rows = [{"task": "t", "metric": "gold", "a": a, "b": b, "difference": -0.5, "low": -0.6, "high": -0.4}
            for a, b in (("untrained", "reference"), ("constant", "reference"), ("mine", "untrained"))]
    mine = {"task": "t", "metric": "gold", "a": "mine", "b": "reference", "difference": 0.1, "low": 0.0, "high": 0.2}
    assert {"untrained", "constant"} <= set(find.arms())
    assert gates.hold(gates.parse("gold:-0.02"), [*rows, mine], runs).ok
    assert not gates.hold(gates.parse("gold:-0.02"), rows, runs).ok
    assert not gates.hold(gates.parse("gold:-0.02"), rows, runs[:3]).ok


def test_a_gate_that_lets_pass_says_whose_interval_does_not():
    runs = [SimpleNamespace(task="t", design=d) for d in ("reference", "mine", "yours")]
    rows = [{"task": "t", "metric": "gold", "a": a, "b": "reference", "difference": 0.0, "low": low, "high": 0.2}
            for a, low in (("mine", -0.3), ("yours", -0.01))]  # fmt: skip
    gate = gates.hold(gates.parse("gold:-0.02"), rows, runs)
    assert gate.ok
    assert _comparing.gate_lines([gate]) == ["gate gold:-0.02: ok, 2 compared; the 95% interval of 1 reaches below the limit"]
    sure = gates.hold(gates.parse("gold:-0.4"), rows, runs)
    assert _comparing.gate_lines([sure]) == ["gate gold:-0.4: ok, 2 compared"]


def test_what_holds_of_all_seeds_together_is_not_counted_by_seed(monkeypatch):
    row = {"task": "t", "design": "mine", "seeds": 3}
    rows = [row | {"flags": {"no_learning": 3, "hacked": 2}}, row | {"flags": {"no_learning": 3}}, row | {"flags": {}}]
    monkeypatch.setattr(_showing, "summary", lambda results: rows)
    nothing = "without a gain that gold can see (`no_learning`), all seeds together"
    assert _showing.flag_lines([]) == [f"t: `mine` hacked on 2 of 3 seeds, {nothing}", f"t: `mine` {nothing}"]


@pytest.mark.parametrize("rule", ["gld:-0.02", "gold", "gold:", "gold:x", "gold:nan", "gold:inf", ":", "", "kl:1"])
def test_a_rule_that_is_none_is_one_line(rule, tmp_path):
    said = rbench("compare", tmp_path, "--fail-if", rule)
    assert said.code == 2
    one_line(said, f"--fail-if {rule!r}")


def test_names_mark_nothing_up():
    row = {"task": "t", "metric": "gold", "a": "a|b*\n", "b": "<img>", "difference": 0.0, "low": 0.0, "high": 0.0, "n": 2, "verdict": "unresolved"}
    made = _comparing.markdown([row], [])
    [line] = [line for line in made.splitlines() if "told apart" in line]
    assert line.startswith("| a\\|b\\*\\\\n cannot be told apart from \\<img\\> |")


def test_help_says_precisely_when_the_gate_says_no():
    said = " ".join(rbench("compare", "--help").out.split())
    for words in ("code 3", "mean difference a − b", "below LIMIT", "cannot be compared", "Arms are left out"):
        assert words in said


def test_more_seeds_in_a_folder_of_their_own_are_compared_with_those_there_are(swept, toy_policy, tmp_path):
    words = ("run", "--task", "toy/colours", "--policy", toy_policy, "--budget", "12", "--design", "reference", "--design", "untrained")
    assert rbench(*words, "--seeds", "3,4", "--out", tmp_path / "more", "--json").code == 0
    both = rbench("compare", swept, tmp_path / "more", "--json").json["comparisons"]
    assert next(c["n"] for c in both if (c["metric"], c["a"], c["b"]) == ("gold", "untrained", "reference")) == 4


def test_any_design_that_was_run_may_be_the_baseline(swept):
    said = rbench("compare", swept, "--baseline", "anything_else", "--json")
    pairs = {(c["a"], c["b"]) for c in said.json["comparisons"] if c["metric"] == "gold"}
    assert ("reference", "anything_else") in pairs
    wrong = rbench("compare", swept, "--baseline", "anything_els", "--json")
    assert (wrong.code, "did you mean 'anything_else'" in wrong.err) == (2, True)
    assert rbench("compare", swept, "--baseline", "anything_else", "--fail-if", "gold:-9").code == 0
