"""Does the truth page say what its numbers say: of a perfect audit, a useless one, a board that seeds or trainers turn over?"""

import json
import re
import time
from copy import deepcopy
from itertools import permutations
from types import SimpleNamespace
from xml.etree import ElementTree

import jsonschema
import numpy as np
import pytest
from made_board import board_json
from made_truth import BOARD, SIX, case, cases, challenged, grid, judged, retested, trained, truth_json
from scipy import stats as scipy_stats
from sweeping import ROOT
from test_board_page import HOSTILE, Read

from rewardbench import stats
from rewardbench.boards import build, definition, foretold, second, studies, truth
from rewardbench.boards.kept import Kept
from rewardbench.boards.writing import FORMS
from rewardbench.measures import strata
from rewardbench.measures.agreement import icc_interval, kendall_p_value, rank_interval
from rewardbench.pages import (
    board_texts,
    safe,
    truth_audit,
    truth_challenge,
    truth_charts,
    truth_retest,
    truth_second,
    truth_told,
    truth_trainer,
    truth_words,
)
from rewardbench.pages import truth as page
from rewardbench.types import Prompt, UserError

TASKS = BOARD.tasks
PICK = "best 5 of 20"


def audited(flags, hacked, tasks=TASKS, quality=None):
    """The audit's figures of designs with these flags and outcomes, the same on each task."""
    told = [case(t, n, f, float(h), quality[n] if quality else (0.5 - 0.9 * h + n / 100)) for t in tasks for n, (f, h) in enumerate(zip(flags, hacked, strict=True))]
    return foretold.audit(told)


def said(audit):
    """(kind, sentence) of an audit's answer."""
    told = truth_audit.audit(audit)
    return told.kind, told.says


HALF = [True] * 6 + [False] * 6


# --- audit against outcome -----------------------------------------------------------------------


def test_a_perfect_audit_is_called_one():
    audit = audited(HALF, HALF)
    one = audit["verdicts"]["gameable"]["hacked"]
    assert (one["precision"]["value"], one["recall"]["value"], one["false_alarms"], one["misses"]) == (1, 1, 0, 0)
    assert one["chance"]["expected"] == pytest.approx(9)
    assert one["chance"]["p"] < 1e-6
    assert said(audit)[0] == truth_told.YES
    assert "Of 36 drawn designs the audit called 18 gameable; 18 of them were hacked" in said(audit)[1]
    assert "precision 1.00 [0.82, 1.00]" in said(audit)[1]
    [echo] = audit["probes"]
    assert (echo["auc"]["value"], echo["hits"]) == (1.0, 18)
    assert 0.5 < echo["auc"]["low"] < 1  # perfect on 36 designs is not certain
    assert audit["predictors"]["tau"]["quality"]["r"] == pytest.approx(1)
    assert audit["predictors"]["tau"]["gap"]["r"] == pytest.approx(-1)
    assert audit["predictors"]["tau"]["quality"]["low"] < 1


def test_a_useless_audit_cannot_be_told_from_chance():
    audit = audited([True, False] * 6, HALF)
    one = audit["verdicts"]["gameable"]["hacked"]
    assert one["hits"] == 9
    assert one["chance"]["expected"] == pytest.approx(9)
    assert one["precision"]["value"] == one["base_rate"]["value"] == 0.5
    assert said(audit)[0] == truth_told.OPEN
    assert "cannot be told from chance" in said(audit)[1]
    assert audit["probes"][0]["auc"]["value"] == pytest.approx(0.5)


def test_an_audit_that_only_knows_the_task_foretells_nothing():
    told = [case(t, n, t == TASKS[0], float(t == TASKS[0]), n / 10) for t in TASKS for n in range(12)]
    one = foretold.audit(told)["verdicts"]["gameable"]["hacked"]
    assert one["precision"]["value"] == one["recall"]["value"] == 1
    assert one["chance"] == {"expected": 12.0, "low": 12.0, "high": 12.0, "p": 1.0}
    assert said(foretold.audit(told))[0] == truth_told.OPEN


def test_a_warning_that_points_the_wrong_way_is_said_to():
    audit = audited([not h for h in HALF], HALF)
    assert said(audit)[0] == truth_told.NO
    assert "points the wrong way" in said(audit)[1]


def test_nothing_hacked_leaves_nothing_to_foretell():
    audit = audited(HALF, [False] * 12)
    one = audit["verdicts"]["gameable"]["hacked"]
    assert one["recall"]["value"] is None
    assert one["precision"]["value"] == 0
    assert audit["probes"][0]["auc"]["value"] is None
    assert "nothing to foretell" in said(audit)[1]
    assert all(by["hacked"] is None for by in audit["predictors"].values())


def test_where_all_are_hacked_every_flag_hits_and_tells_nothing():
    audit = audited(HALF, [True] * 12)
    one = audit["verdicts"]["gameable"]["hacked"]
    assert (one["precision"]["value"], one["recall"]["value"], one["chance"]["p"]) == (1, 0.5, 1)
    assert said(audit)[0] == truth_told.OPEN


def test_no_flag_has_no_precision():
    audit = audited([False] * 12, HALF)
    assert audit["verdicts"]["gameable"]["hacked"]["precision"]["value"] is None
    assert "called none gameable, and 18 were hacked" in said(audit)[1]
    assert audit["probes"] == []


def test_one_task_alone_is_not_left_out():
    audit = audited(HALF, HALF, TASKS[:1])
    without = audit["verdicts"]["gameable"]["hacked"]["without_each"]
    assert without["task"] == {"precision": None, "recall": None}
    assert without["family"]["precision"] == [1, 1]
    assert audit["predictors"]["tau"]["quality"]["without_each"]["task"] is None
    assert list(audit["predictors"]["tau"]["quality"]["tasks"]) == [TASKS[0]]


def test_leaving_out_shows_which_task_carries_it():
    told = [case(t, n, f if t == TASKS[0] else n % 2 == 0, float(f), 0.5) for t in TASKS for n, f in enumerate(HALF)]
    found = foretold.audit(told)["verdicts"]["gameable"]["hacked"]
    low, high = found["without_each"]["task"]["precision"]
    assert low == 0.5 < found["precision"]["value"] < high


def test_ties_and_too_few_designs_have_no_correlation():
    told = [case(TASKS[0], n, n % 2 == 0, 0.0, 0.5) for n in range(12)]
    assert all(one is None for by in foretold.audit(told)["predictors"].values() for one in by.values())
    assert foretold.audit(told[:7]) is None
    unknown = [case(TASKS[0], n, False, 0.0, n / 10, before=dict.fromkeys(foretold.PREDICTORS)) for n in range(12)]
    assert "`tau` not known" in truth_audit.ranked(foretold.audit(unknown), foretold.PREDICTORS)


def test_what_no_run_has_is_left_out_and_not_zero():
    told = cases()
    spoilt = [*told[:-1], case(TASKS[2], 19, True, 0.0, 0.0, after={"quality": 0.0, "regret": None, "gap": None, "hacked": 0.0})]
    audit = foretold.audit(spoilt)
    assert audit["predictors"]["tau"]["regret"] is None  # regret is the same everywhere else
    assert audit["predictors"]["tau"]["gap"]["designs"] == len(told) - 1
    assert audit["predictors"]["tau"]["quality"]["designs"] == len(told)


def test_a_verdict_is_that_of_most_stages_and_on_a_draw_of_the_first():
    def rows(*verdicts):
        return [{"verdict": v, "findings": {"echo": 0.6} if i else {}, "best_of_n": {"share": None}, "tau": 0.1 * i, "pairs": 0.5, "probes": ["echo"]} for i, v in enumerate(verdicts)]

    part = SimpleNamespace(weight=-2.0, scale=1.0, use="length.words")
    run = SimpleNamespace(spec=SimpleNamespace(task="t", design=SimpleNamespace(parts=[SimpleNamespace(weight=1.0, scale=1.0, use="text.repeats"), part])), curve=None)
    results = (SimpleNamespace(run=run, values={"quality": None}, flags=["hacked"]), SimpleNamespace(run=run, values={"quality": 0.4}, flags=[]))
    board = SimpleNamespace(scale={})
    one = SimpleNamespace(name="g01", results=results)

    def of(*verdicts):
        return foretold._case(board, "t", one, rows(*verdicts), False)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(foretold.numbers, "scale", lambda board, spec: "no scale")
        assert of("clean", "gameable", "gameable").verdict == "gameable"
        found = of("silent", "blind", "clean")
    assert found.verdict == "silent"
    assert found.family == "length"
    assert found.before["best_of_n"] is None
    assert found.before["tau"] == pytest.approx(0.1)
    assert found.findings == {"echo": pytest.approx(0.4)}
    assert found.after == {"quality": 0.2, "regret": None, "gap": None, "hacked": 0.5}


# --- the statistics ------------------------------------------------------------------------------


def test_luck_of_one_group_is_fishers_test():
    said_, true = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 1], dtype=bool), np.array([1, 1, 1, 0, 0, 0, 0, 0, 1, 1], dtype=bool)
    table = [[(said_ & true).sum(), (said_ & ~true).sum()], [(~said_ & true).sum(), (~said_ & ~true).sum()]]
    one_sided = min(scipy_stats.fisher_exact(table, alternative=a).pvalue for a in ("greater", "less"))
    found = strata.luck(said_, true, "a" * 10)
    assert found.p == pytest.approx(2 * one_sided)
    assert found.expected == pytest.approx(said_.sum() * true.mean())


def test_luck_of_several_groups_is_that_of_flags_shuffled_within_them():
    rng = np.random.default_rng(1)
    said_, true, groups = rng.random(40) < 0.5, rng.random(40) < 0.3, ["a"] * 15 + ["b"] * 25
    dealt = []
    for _ in range(4000):
        order = np.concatenate([rng.permutation(15), 15 + rng.permutation(25)])
        dealt.append(int((said_[order] & true).sum()))
    found = strata.luck(said_, true, groups)
    assert found.expected == pytest.approx(np.mean(dealt), abs=0.1)
    assert (found.low, found.high) == pytest.approx(np.quantile(dealt, [0.025, 0.975]), abs=1)


def test_agreement_of_one_group_is_spearmans_and_no_level_of_a_group_enters():
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 6, 30), rng.integers(0, 6, 30)
    assert strata.agreement(x, y, [0] * 30) == pytest.approx(scipy_stats.spearmanr(x, y).statistic)
    groups = ["a"] * 15 + ["b"] * 15
    moved = np.where(np.arange(30) < 15, 0, 100)
    assert strata.agreement(x + moved, y - moved, groups) == pytest.approx(strata.agreement(x, y, groups))


def test_the_interval_of_an_agreement_covers():
    rng = np.random.default_rng(3)
    hits = 0
    for i in range(100):
        z = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 40)
        found = strata.agreement_interval(z[:, 0], z[:, 1], ["a"] * 20 + ["b"] * 20, str(i))
        hits += found.low <= 6 / np.pi * np.arcsin(0.25) <= found.high  # Spearman's of a normal pair
    assert hits >= 92


def test_auc_counts_pairs_within_groups():
    rng = np.random.default_rng(4)
    score, true, groups = rng.integers(0, 5, 30), rng.random(30) < 0.4, rng.choice(["a", "b"], 30).tolist()
    pairs = [(score[i] > score[j]) + (score[i] == score[j]) / 2 for i in range(30) for j in range(30) if true[i] and not true[j] and groups[i] == groups[j]]
    found = strata.auc_within(score, true, groups)
    assert found.value == pytest.approx(np.mean(pairs))
    assert found.low < found.value < found.high


def test_the_interval_of_an_auc_covers_and_a_perfect_one_may_tell():
    rng, hits = np.random.default_rng(14), 0
    true, groups = np.tile([1, 0, 0], 20).astype(bool), ["a"] * 30 + ["b"] * 30
    for _ in range(300):
        found = strata.auc_within(rng.normal(true * 1.0, 1), true, groups)
        hits += found.low <= scipy_stats.norm.cdf(1 / np.sqrt(2)) <= found.high
    assert 276 <= hits <= 297
    perfect = strata.auc_within(range(8), [0] * 5 + [1] * 3, "a" * 8)
    assert 0.5 < perfect.low < perfect.high == 1  # Mann and Whitney's p is 2 in 56


# --- seeds ---------------------------------------------------------------------------------------


def test_a_board_that_other_seeds_rank_alike_passes():
    rng = np.random.default_rng(5)
    told = retested((np.arange(12.0)[:, None] / 10 + rng.normal(0, 0.01, (12, 5))).tolist())
    assert told["reliable"]
    assert told["half_spearman"]["r"] > 0.95
    assert truth_retest.retest("t", told).kind == truth_told.YES
    assert told["seed_correlation"]["low"] < 0.1


def test_a_board_of_noise_does_not():
    told = retested(np.random.default_rng(6).normal(0, 1, (12, 5)).tolist())
    assert not told["reliable"]
    assert truth_retest.retest("t", told).kind != truth_told.YES
    assert told["icc_2_k"]["low"] <= told["icc_2_k"]["r"] <= told["icc_2_k"]["high"]


def test_seeds_that_move_all_alike_are_seen_and_few_seeds_make_it_unsure():
    rng = np.random.default_rng(7)
    shift = rng.normal(0, 1, (1, 5))
    noise = rng.normal(0, 1, (30, 5))
    one = retested((rng.normal(0, 1, (30, 1)) + shift).tolist())["seed_correlation"]
    assert one["r"] == pytest.approx(1)
    table = rng.normal(0, 1, (30, 1)) + shift + noise
    half = retested(table.tolist())["seed_correlation"]
    together = np.corrcoef(table)[np.triu_indices(30, 1)].mean()
    assert half["r"] == pytest.approx(together, abs=0.1)
    assert half["low"] < half["r"] < half["high"] - 0.3
    still = np.tile(np.arange(9.0)[:, None], (1, 5))
    assert retested(still.tolist())["seed_correlation"] is None
    still[0] += shift[0]
    assert retested(still.tolist())["seed_correlation"] is None


def test_the_reliability_of_those_that_learnt_is_their_own():
    """Half of the designs end on one floor. Of the others the designs' variance is 1 and the seeds' 2: 1 / (1 + 2/5)."""
    rng = np.random.default_rng(21)
    floor = -5 + rng.normal(0, 2**0.5, (400, 5))
    above = 5 + rng.normal(0, 1, (400, 1)) + rng.normal(0, 2**0.5, (400, 5))
    told = retested([*floor.tolist(), *above.tolist()], learnt=range(400, 800))
    assert told["icc_2_k"]["r"] > 0.98
    assert (told["above"], told["learnt"]["designs"]) == (400, 400)
    assert told["learnt"]["icc_2_k"]["r"] == pytest.approx(1 / 1.4, abs=0.04)
    assert told["learnt"]["icc_2_k"]["low"] < 1 / 1.4 < told["learnt"]["icc_2_k"]["high"]
    assert told["learnt"] == {k: v for k, v in retested(above.tolist()).items() if k in told["learnt"]}
    assert told["reliable"]
    assert not told["learnt"]["reliable"]
    whole, learnt = truth_retest.retest("t", told), truth_retest.above("t", told)
    assert (whole.kind, learnt.kind) == (truth_told.YES, truth_told.NO)
    assert whole.says.endswith("which passes the gate of 0.8.")
    assert "among the 400 designs alone that learnt" in learnt.says
    assert learnt.says.endswith("which does not pass the gate.")


def test_too_few_that_learnt_are_counted_and_not_judged():
    table = np.random.default_rng(22).normal(0, 1, (20, 5)).tolist()
    told = retested(table, learnt=range(7))
    assert (told["above"], told["least"], told["learnt"]) == (7, 8, None)
    answer = truth_retest.above("t", told)
    assert (answer.kind, answer.figure) == (truth_told.OPEN, "7 designs, too few")
    assert "there are 7: among them it is not told before there are 8" in answer.says
    assert retested(table, learnt=range(8))["learnt"]["designs"] == 8
    assert retested([*table, [0.1, None, 0.2, 0.3, 0.4]], learnt=[*range(7), 20])["above"] == 7


def test_a_reliability_far_below_none_leaves_room_for_the_others():
    rng = np.random.default_rng(23)
    above = rng.normal(0, 1, (8, 5))
    above -= above.mean(axis=1, keepdims=True)  # designs alike but for their seeds: less alike than chance has it
    told = retested([*(rng.normal(0, 1, (20, 1)) + rng.normal(0, 0.1, (20, 5))).tolist(), *above.tolist()], learnt=range(20, 28))
    assert told["learnt"]["whole_spearman"]["low"] == 0
    html = truth_retest.figures({"retest": {"t": told}})[1][0][0]
    texts = [float(x) for x in re.findall(r'middle">(-?[\d.]+)<', html)]
    assert min(texts) >= -1


def test_a_task_below_the_gate_keeps_a_board_provisional():
    told = retested(np.random.default_rng(6).normal(0, 1, (12, 5)).tolist())
    [reason] = build._unreliable({"retest": {"t": told, "u": None}})
    assert reason == f"t: ICC(2,k) {told['icc_2_k']['r']:.2f} of Q is below 0.8"


def test_those_that_learnt_are_those_that_the_board_says_learn():
    told = json.loads((ROOT / "leaderboards" / "cpu" / "board.json").read_text())
    for view in told["tasks"]:
        own = [r for r in view["rows"] if r["kind"] in ("handmade", "generated") and r["learns"] and len(r["runs"]) >= 5]
        if one := told["truth"]["retest"][view["task"]]:
            assert one["above"] == len(own)
            assert (one["learnt"] is None) == (len(own) < foretold.LEAST)


def test_entries_that_lack_a_seed_are_counted_out():
    table = np.random.default_rng(8).normal(0, 1, (12, 4)).tolist()
    assert retested([*table, [0.1, None, 0.2, 0.3]])["left_out"] == 1
    assert retested(table[:7]) is None


def test_what_was_handed_in_is_not_asked():
    scored = [SimpleNamespace(entry=SimpleNamespace(kind=k)) for k in ("handmade", "submitted", "control", "generated")]
    assert [s.entry.kind for s in truth._own(scored)] == ["handmade", "control", "generated"]


def test_the_interval_of_an_icc_covers():
    rng, hits = np.random.default_rng(9), 0
    for _ in range(200):
        table = rng.normal(0, 1, (20, 1)) + rng.normal(0, 0.3, (1, 5)) + rng.normal(0, 0.7, (20, 5))
        low, high = icc_interval(table)
        hits += low <= 1 / (1 + 0.09 + 0.49) <= high
    assert 178 <= hits <= 199


# --- second gold ---------------------------------------------------------------------------------


def both(change, designs=8):
    rng = np.random.default_rng(10)
    words = {n: rng.random((16, 2)) * 0.5 + i / 20 for i, n in enumerate(["untrained", *"abcdefgh"[:designs]])}
    return second.figures({n: ("control" if n == "untrained" else "generated", second.Judged(w, change(w))) for n, w in words.items()})


def test_a_second_gold_that_is_the_first():
    told = both(lambda w: w)
    assert [told[k]["tau"] for k in ("order", "trained", "untrained")] == pytest.approx([1, 1, 1])
    assert told["order"]["low"] < 0.8  # eight designs in one order twice are no proof
    assert told["untrained"]["near"] == 1
    assert truth_second.second_gold("t", told).kind == truth_told.OPEN
    assert "cannot be told" in truth_second.second_gold("t", told).says


def test_a_second_gold_that_says_the_contrary():
    told = both(lambda w: 1 - w)
    assert [told[k]["tau"] for k in ("order", "trained")] == pytest.approx([-1, -1])
    assert truth_second.second_gold("t", told).kind == truth_told.NO


def test_a_second_gold_that_tells_nothing_apart():
    told = both(lambda w: np.full(w.shape, 0.5))
    assert told["order"]["tau"] is told["trained"]["tau"] is told["untrained"]["tau"] is None
    assert truth_second.second_gold("t", told).kind == truth_told.OPEN
    assert both(lambda w: w, 4)["order"] is None
    assert both(lambda w: w, 0)["trained"] is None


def test_one_completion_a_prompt_from_every_place():
    words = Kept([Prompt(str(i), text="?") for i in range(5)], [[f"{i}{k}" for k in range(3)] for i in range(5)], np.arange(15.0).reshape(5, 3))
    picked = second._one_each(words)
    assert picked.said == [["00"], ["11"], ["22"], ["30"], ["41"]]
    assert picked.gold.ravel().tolist() == [0, 4, 8, 9, 13]


# --- another trainer -----------------------------------------------------------------------------


@pytest.fixture
def rows():
    import random

    return trained(TASKS[0], grid(random.Random(0)))


def test_a_flipped_verdict_is_trainer_dependent(rows):
    told = truth.sensitivity(BOARD, rows)
    assert told["dependent"] == ["flips"]
    assert told["seeds"] == 5
    own = next(t for t in told["trainers"] if (t["rate"], t["algorithm"]) == ("same", "grpo"))
    assert own["tau"] == pytest.approx(1)
    assert own["low"] < 0.5  # of six designs
    triple = next(t for t in told["trainers"] if t["rate"] == "triple")
    assert triple["verdicts"]["flips"] == "better"
    assert own["verdicts"]["flips"] == "worse"
    answer = truth_trainer.sensitivity(TASKS[0], told)
    assert answer.kind == truth_told.NO
    assert "1 of 5 designs flip between better and worse (`flips`)" in answer.says


def test_designs_are_paired_by_seed_whatever_the_order_of_rows(rows):
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    one, other = truth.sensitivity(BOARD, rows), truth.sensitivity(BOARD, shuffled)
    for told in (one, other):
        told["trainers"].sort(key=lambda t: (t["rate"], t["algorithm"]))
        for t in told["trainers"]:
            t["gold"] = {d: round(v, 12) for d, v in t["gold"].items()}
        told["designs"].sort()
    assert one == other
    left = [r for r in rows if (r["design"], r["rate"], r["seed"]) != ("a", "third", 2)]
    assert truth.sensitivity(BOARD, left)["seeds"] == 4


def test_without_the_boards_own_trainer_or_baseline_nothing_is_said(rows):
    assert truth.sensitivity(BOARD, [r for r in rows if r["rate"] != "same"]) is None
    assert truth.sensitivity(BOARD, [r for r in rows if r["design"] != "reference"]) is None
    assert truth.sensitivity(BOARD, []) is None


def test_a_trainer_that_turns_the_order_around():
    order = dict(zip(SIX, (0.6, 0.5, 0.4, 0.3, 0.2, 0.1), strict=True))
    turned = {d: 0.7 - m for d, m in order.items()}
    told = truth.sensitivity(BOARD, trained("t", {("same", "grpo"): order, ("triple", "grpo"): turned}, noise=0.001))
    assert told["trainers"][1]["tau"] == pytest.approx(-1)
    assert told["dependent"] == sorted(SIX[1:])
    assert truth_trainer.sensitivity("t", told).kind == truth_told.NO


def test_a_tau_that_the_exact_test_does_not_tell_from_chance_is_no_yes():
    """Six designs in an order two swaps away: Fisher's interval leaves 0 out, by all 720 orders p is .056."""
    order = dict(zip(SIX, (0.9, 0.75, 0.6, 0.45, 0.3, 0.15), strict=True))
    swapped = order | {"b": 0.45, "c": 0.6, "d": 0.15, "flips": 0.3}
    told = truth.sensitivity(BOARD, trained("t", {("same", "grpo"): order, ("triple", "grpo"): swapped}, noise=0.3, seed=3))
    told["trainers"][1] |= {"tau": 11 / 15, "low": 0.02, "high": 0.95, "p": 40 / 720}
    assert rank_interval(11 / 15, 6, "kendall")[0] > 0
    assert kendall_p_value(range(6), [0, 1, 3, 2, 5, 4]) == pytest.approx(scipy_stats.kendalltau(range(6), [0, 1, 3, 2, 5, 4], method="exact").pvalue)
    answer = truth_trainer.sensitivity("t", told)
    assert answer.kind == truth_told.OPEN
    assert "1 of 1 cannot be told from no agreement: exact p up to 0.056)" in answer.says
    two = deepcopy(told)
    two["trainers"].append({**two["trainers"][1], "algorithm": "other", "tau": 1.0, "low": 0.4, "high": 1.0, "p": 2 / 720})
    assert truth_trainer.sensitivity("t", two).kind == truth_told.OPEN  # one of two is not enough
    two["trainers"].pop(1)
    assert truth_trainer.sensitivity("t", two).kind == truth_told.YES
    drawn = truth_trainer.figures({"sensitivity": {"t": told}})[2][0]
    [cell] = [c for row in drawn.rows for c in row if not isinstance(c, str) and "0.73" in c.shown]
    assert (cell.sign, cell.shade) == ("·", 0)


@pytest.mark.parametrize("second", [[0, 1, 2, 3, 4], [1, 0, 2, 4, 3, 5, 6], [0, 0, 1, 1, 2], list(range(9))])
def test_the_chance_of_a_tau_is_that_of_all_orders(second):
    first = list(range(len(second)))
    every = [abs(scipy_stats.kendalltau(first, [second[i] for i in o]).statistic) for o in permutations(first)] if len(second) < 8 else None
    own = abs(scipy_stats.kendalltau(first, second).statistic)
    wanted = np.mean([e >= own - 1e-9 for e in every]) if every else 2 / 362880
    assert kendall_p_value(first, second) == pytest.approx(wanted)
    assert kendall_p_value(first, [1] * len(first)) == 1


def test_a_pair_is_turned_over_only_if_both_trainers_tell_it_apart():
    order = dict(zip(SIX, (0.9, 0.75, 0.6, 0.45, 0.3, 0.15), strict=True))
    turned = order | {"a": 0.6, "b": 0.75}
    clear, noisy = (truth.sensitivity(BOARD, trained("t", {("same", "grpo"): order, ("triple", "grpo"): turned}, noise=n)) for n in (0.001, 0.4))
    assert [(t["told_apart"], t["both_told_apart"], t["turned"]) for t in clear["trainers"]] == [(15, 15, []), (15, 15, [["a", "b"]])]
    assert clear["dependent"] == []  # neither passes the baseline
    answer = truth_trainer.sensitivity("t", clear)
    assert answer.kind == truth_told.NO
    assert "(15 a trainer, 15 in all), 1 are turned over (on the board `a` above `b`)" in answer.says
    assert "No design is better than `reference` under any trainer, so that no verdict could flip" in answer.says
    assert noisy["trainers"][1]["turned"] == []


def test_the_margin_of_raw_gold_is_that_of_the_scale():
    """.02 of raw gold is .1 of a scale .2 wide: of weight, though below .03."""
    gold = {("same", "grpo"): dict.fromkeys(SIX, 0.5) | {"a": 0.52}}
    narrow = SimpleNamespace(**vars(BOARD) | {"scale": {"t": {"low": 0.4, "high": 0.6}}})
    rows = trained("t", gold, noise=0.001)
    assert truth.sensitivity(narrow, rows)["trainers"][0]["verdicts"]["a"] == "better"
    plain = SimpleNamespace(**vars(BOARD) | {"scale": {}})
    assert truth.sensitivity(plain, rows)["trainers"][0]["verdicts"]["a"] == "equivalent"


def test_golds_that_agree_on_the_floor_alone_are_not_said_to_agree_on_what_learnt():
    rng = np.random.default_rng(10)
    levels = np.r_[np.linspace(0, 0.2, 30), np.linspace(0.7, 0.71, 10)]
    first = {f"d{i}": np.full((8, 2), x) for i, x in enumerate(levels)} | {"untrained": rng.random((8, 2))}
    other = {n: v + (0.05 * rng.random() if v.mean() > 0.6 else 0) for n, v in first.items()}
    judged_ = {n: ("control" if n == "untrained" else "generated", second.Judged(v, other[n])) for n, v in first.items()}
    told = second.figures(judged_, {f"d{i}" for i in range(30, 40)})
    assert told["order"]["low"] > 0.8
    assert (told["above"], told["learnt"]["designs"]) == (10, 10)
    assert truth_second.second_gold("t", told).kind == truth_told.YES
    assert truth_second.above("t", told).kind in (truth_told.OPEN, truth_told.NO)
    few = second.figures(judged_, {f"d{i}" for i in range(33, 40)})
    assert few["learnt"] is None
    assert "7 designs learnt: of these alone the order is not told before there are 8" in truth_second.above("t", few).says


def test_a_forecast_is_told_a_task_at_a_time():
    """Perfect on one task, blind on the other: pooled it beats chance."""
    told = foretold.audit([case("a", n, n < 10, float(n < 10), 0.1 * n) for n in range(20)] + [case("b", n, True, float(n < 15), 0.1 * n) for n in range(20)])
    tasks = told["verdicts"]["gameable"]["hacked"]["tasks"]
    assert tasks["a"]["p"] == pytest.approx(scipy_stats.fisher_exact([[10, 0], [0, 10]]).pvalue)
    assert tasks["b"] == {"designs": 20, "flagged": 20, "happened": 15, "hits": 15, "p": 1.0}
    assert "on `b` 15 of 20 flagged, where 15 of 20 were (p 1.000)" in truth_audit.by_task(told)
    assert "Of the 15 that were not, it called 5 so too." in truth_audit.verdict(told, "gameable", "hacked")


# --- challenge seeds -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def caught():
    return truth.challenge(BOARD, [r for i in range(8) for r in challenged(f"d{i}", seed=i)])


def test_normal_seeds_are_caught_as_the_table_has_it(caught):
    assert caught["theory"][PICK]["caught"] == pytest.approx([0.55, 0.69, 0.77, 0.85], abs=0.015)
    assert caught["theory"]["best 5 of 5"]["caught"] == pytest.approx([0.05] * 4, abs=0.01)
    for pick, bound in (("best 5 of 5", 0.02), ("best 5 of 10", 0.1), (PICK, 0.1)):
        real = np.mean([one["picks"][pick]["caught"] for one in caught["designs"].values()], axis=0)
        assert real == pytest.approx(caught["theory"][pick]["caught"], abs=bound)


def test_designs_together_are_their_mean_and_surer_than_each(caught):
    each, one = caught["designs"].values(), caught["together"][PICK]
    assert one["caught"] == pytest.approx(np.mean([d["picks"][PICK]["caught"] for d in each], axis=0))
    widths = np.array([np.subtract(d["picks"][PICK]["high"], d["picks"][PICK]["low"]) for d in each])
    assert np.subtract(one["high"], one["low"]) == pytest.approx(np.sqrt((widths**2).sum(axis=0)) / 8, rel=0.1)
    assert one["caught"] == pytest.approx(caught["theory"][PICK]["caught"], abs=0.06)


def test_the_interval_of_a_caught_share_covers_what_normal_seeds_have(caught):
    inside = [low <= rate <= high for one in caught["designs"].values() for p in one["picks"]
              for low, rate, high in zip(one["picks"][p]["low"], caught["theory"][p]["caught"], one["picks"][p]["high"], strict=True)]  # fmt: skip
    assert np.mean(inside) > 0.8
    assert all(0 <= v <= 1 for one in caught["designs"].values() for g in one["picks"].values() for v in g["low"] + g["high"])


def test_grinding_copies_is_caught_the_more_the_more_were_tried(caught):
    for one in caught["designs"].values():
        rates = [one["ground"][f"best of {n}"]["inflation"] for n in (1, 5, 20)]
        assert rates == sorted(rates)
        assert rates[-1] - rates[0] > 0.3


def test_seeds_at_the_ceiling_are_tested_as_angles():
    """Seeds whose gold's angles are normal are caught as the table has it, though Q itself leans far to one side."""
    low, high = BOARD.scale["qa/lookup"]["low"], BOARD.scale["qa/lookup"]["high"]
    angles = scipy_stats.norm.ppf((np.arange(60) + 0.5) / 60, np.pi / 2 - 0.25, 0.08)
    rows = [{**r, "quality": (np.sin(a) ** 2 - low) / (high - low)} for r, a in zip(challenged("d", copies=0), angles, strict=True)]
    assert scipy_stats.skew([r["quality"] for r in rows]) < -0.5
    found = truth.challenge(BOARD, rows)["designs"]["d"]["picks"]
    assert found[PICK]["caught"] == pytest.approx([0.55, 0.69, 0.77, 0.85], abs=0.05)
    assert found["best 5 of 5"]["caught"] == pytest.approx([0.05] * 4, abs=0.02)


def test_too_few_seeds_and_unknown_scores_say_nothing():
    assert truth.challenge(BOARD, []) is None
    assert truth.challenge(BOARD, challenged("d", fresh=20)) is None
    told = truth.challenge(BOARD, [*challenged("d", copies=3), {"design": "d", "sort": "fresh", "copy": 0, "seed": 9, "quality": None}])
    assert told["designs"]["d"]["seeds"] == 60
    ragged = [r for r in challenged("e") if not (r["sort"] == "copy" and r["copy"] == 4 and r["seed"] == 2)]
    assert truth.challenge(BOARD, ragged)["designs"]["e"]["copies"] == 19
    assert truth.challenge(BOARD, [r for r in ragged if r["sort"] == "fresh"])["designs"]["e"]["ground"] == {}


def test_the_studys_rates_are_those_of_the_test_itself():
    rng, flags = np.random.default_rng(11), []
    for _ in range(2000):
        flags.append(stats.challenge(np.sort(rng.normal(0, 1, 20))[-5:], rng.normal(0, 1, 5)).flag)
    assert np.mean(flags) == pytest.approx(stats.simulate((5, 20)).caught[-1], abs=0.03)


# --- how long it takes ---------------------------------------------------------------------------


def test_sixty_entries_take_three_seconds_a_task_at_most():
    rng = np.random.default_rng(12)
    words = {n: ("generated", second.Judged(g := rng.random((160, 1)), np.clip(g + rng.normal(0, 0.1, g.shape), 0, 1))) for n in map(str, range(60))}
    began = time.process_time()
    second.figures(words | {"untrained": ("control", second.Judged(rng.random((160, 2)), rng.random((160, 2))))})
    probes = [f"p{i}" for i in range(46)]
    many = [case(TASKS[0], n, n % 3 == 0, float(n % 2), rng.random(), findings={p: rng.random() for p in probes if rng.random() < 0.4}, probes=frozenset(probes)) for n in range(60)]
    foretold.audit(many)
    retested(rng.normal(0, 1, (60, 5)).tolist())
    assert time.process_time() - began < 3


# --- page and README -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told():
    return board_json(12, names=["flips"])


@pytest.fixture(scope="module")
def hostile(told):
    """Every name in the truth hostile."""
    text = json.dumps(told["truth"])
    for old, new in (("qa/lookup", HOSTILE[0]), ("writing/story", HOSTILE[3]), ("flips", HOSTILE[4]), ("g04", HOSTILE[2]), ("echo", HOSTILE[0])):
        text = re.sub(f'"([^"]*){re.escape(old)}([^"]*)"', lambda m, new=new: json.dumps(m[1] + new + m[2]), text)
    return {**deepcopy(told), "truth": json.loads(text), "board": {**told["board"], "name": HOSTILE[3]}}


def without(told, *parts):
    return {**told, "truth": {**told["truth"], **{p: None if p in ("audit", "sensitivity", "challenge") else {} for p in parts}}}


@pytest.mark.parametrize("which", ["told", "hostile"])
def test_the_page_is_one_safe_file(which, request):
    html = page.page(request.getfixturevalue(which))
    read = Read(html)
    [policy] = [a["content"] for t, a in read.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert len(read.inside) == 2
    assert all(f"'{safe.source_hash(text)}'" in policy for text in read.inside)
    for tag, attrs in read.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form"), tag
        assert not {"style", "src", "action", "srcset"} & set(attrs)
        assert not any(name.startswith("on") for name in attrs)
        assert attrs.get("href", "#").startswith("#") or attrs["href"] in ("index.html", "board.json")
    ids = [a["id"] for _, a in read.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for t, a in read.tags if t == "a" and a["href"].startswith("#")} <= set(ids)
    assert [t for t, _ in read.tags].count("script") == 1
    assert "\u202e" not in html
    pictures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    panels = {"audit": 2, "rivals": 3, "predictors": 4, "probes": 1, "retest": 3 + 2, "second gold": 3 + 3, "trainers": 3, "challenge": 1 + 2}
    marks = len(TASKS) + 2
    assert len(pictures) == sum(panels.values()) + marks
    for picture in pictures:
        ElementTree.fromstring(picture)
    assert page.page(request.getfixturevalue(which)) == html


def test_each_part_has_its_question_sentence_chart_and_tables(told):
    html = page.page(told)
    answers = truth_words.all_of(told)
    assert {a.part for a in answers} == set(truth_words.PARTS)
    for key, question in truth_words.questions(told).items():
        section = html.split(f'<section id="{key}"')[1].split("</section>")[0]
        at = [section.index(w) for w in (question, "<p class=\"wide\">", "<svg", "<table")]
        assert at == sorted(at), key
        assert "What it does not tell" in section
    words = " ".join("".join(Read(html).words).split())
    for answer in answers:
        assert " ".join(answer.says.replace("`", "").split()) in words


def test_copies_that_are_flagged_no_more_than_honest_entries_are_not_called_caught():
    def ground(*caught):
        return truth_challenge.ground({"seeds": [1, 5], "designs": {f"d{n}": {"ground": {"best of 20": {"caught": [0.5, c], "inflation": 0.1}}} for n, c in enumerate(caught)}})

    assert [ground(*c).kind for c in ((0.0, 0.02), (0.2, 0.9), (0.01, 0.2))] == [truth_told.NO, truth_told.YES, truth_told.OPEN]
    assert ground(0.0, 0.02).figure == "0 % to 2 % of best of 20 copies caught"


def test_every_table_is_as_wide_as_its_head(told):
    for part in page.parts(told):
        for table in part.tables:
            assert {len(r) for r in table.rows} == {len(table.head)}, table.title


def test_a_part_that_lacks_its_runs_names_the_command(told):
    studies_of = {part: one.STUDY for part, one in truth_words.PARTS.items() if one.STUDY}
    assert len(studies_of) == 3
    for part, study in studies_of.items():
        bare = without(told, part)
        [answer] = [a for a in truth_words.all_of(bare) if a.part == part]
        assert (answer.kind, answer.figure) == (truth_told.MISSING, "–")
        assert f"rbench board study {study} leaderboards/made-up" in answer.says
        assert f"rbench board study {study} leaderboards/made-up" in page.page(bare)
        assert f"`rbench board study {study} leaderboards/made-up`" in board_texts.readme(bare)
    for nothing in ({k: v for k, v in told.items() if k != "truth"}, {**told, "truth": None}, without(told, *truth_words.PARTS)):
        assert page.page(nothing).count("Not measured yet") == 5
        assert "<svg" not in page.page(nothing)


def test_a_null_task_and_an_unknown_number_are_no_trouble(told):
    spoilt = deepcopy(told)
    spoilt["truth"]["retest"][TASKS[0]] = None
    spoilt["truth"]["second_gold"][TASKS[0]] = None
    spoilt["truth"]["second_gold"][TASKS[1]] |= {"order": None, "trained": None}
    spoilt["truth"]["retest"][TASKS[1]]["seed_correlation"] = None
    spoilt["truth"]["audit"]["predictors"]["tau"] = dict.fromkeys(foretold.OUTCOMES)
    for c in spoilt["truth"]["audit"]["cases"]:
        c["before"]["tau"] = c["after"]["regret"] = None
    html = page.page(spoilt)
    assert "None" not in " ".join(Read(html).words)
    assert f"On <code>{TASKS[0]}</code> two halves" not in html
    assert "too few designs to order" in html


def test_readme_and_page_say_the_same(told, hostile):
    section = board_texts.readme(told).split("## Does it tell the truth?\n")[1].split("\n## ")[0]
    for answer in truth_words.all_of(told):
        assert f"- {answer.says}" in section
    assert "[truth.html](truth.html)" in section
    wild = board_texts.readme(hostile)
    assert "<script" not in wild
    assert "<img" not in wild


def test_what_is_made_keeps_the_schema(told):
    schema = json.loads((ROOT / "rewardbench" / "schemas" / "board.json").read_text())
    check = jsonschema.Draft202012Validator({"$ref": "#/$defs/truth", "$defs": schema["$defs"]})
    whole = told["truth"]
    for bare in (whole, None, without(told, *truth_words.PARTS)["truth"], truth_json(parts=("retest",))):
        check.validate(bare)
    for audit in (audited(HALF, [False] * 12), audited([False] * 12, HALF, TASKS[:1]), audited(HALF, HALF)):
        check.validate({**whole, "audit": json.loads(json.dumps(audit))})
    for change in ({"second_gold": {"t": both(lambda w: np.full(w.shape, 0.5))}}, {"second_gold": {"t": judged("t", 3)}}):
        check.validate({**whole, **change})
    for spoil in (lambda t: t.update(x=1), lambda t: t["audit"].pop("cases"), lambda t: t["audit"]["cases"][0].update(verdict="fine"), lambda t: t["challenge"].pop("theory")):
        spoilt = deepcopy(whole)
        spoil(spoilt)
        assert list(check.iter_errors(spoilt))


def test_ranks_are_within_tasks_and_ties_share():
    values, groups = [3.0, 1.0, 1.0, 9.0, 8.0], ["a", "a", "a", "b", "b"]
    for own in ("a", "b"):
        rows = [i for i, g in enumerate(groups) if g == own]
        expected = (scipy_stats.rankdata([values[i] for i in rows]) - 0.5) / len(rows)
        assert [truth_audit.ranks(values, groups)[i] for i in rows] == pytest.approx(expected.tolist())


def test_a_chart_of_nothing_is_nothing():
    empty = truth_charts.Bar("x", None, None, None)
    assert truth_charts.forest("k", "t", {"a": [empty]}, (0, 1), None, "") == ""
    assert truth_charts.scatter("k", "t", {"a": []}, ("x", "y"), None) == ""
    assert truth_charts.lines("k", "t", {"a": []}, ["1"], ("x", "y"), (0, 1)) == ""


def test_the_page_is_among_the_forms():
    assert FORMS["truth.html"] is page.page


# --- what each rule alone decides ----------------------------------------------------------------


def test_half_of_the_seeds_hacked_counts_as_hacked_and_a_misaligned_verdict_as_its_own_alarm():
    told = [case(TASKS[0], n, False, (0.5, 0.4)[n % 2], 0.5, verdict=("misaligned", "clean")[n % 2]) for n in range(12)]
    verdicts = foretold.audit(told)["verdicts"]
    assert [verdicts[a]["hacked"]["hits"] for a in ("gameable", "gameable_or_misaligned")] == [0, 6]
    assert [verdicts["gameable"][o]["misses"] for o in ("hacked", "hacked_once", "harmful")] == [6, 12, 0]
    calm = [case(TASKS[0], n, True, 0.0, 0.5) for n in range(12)]
    assert foretold.audit(calm)["verdicts"]["gameable"]["hacked_once"]["hits"] == 0


def test_recall_without_each_task_is_recall():
    """Flagged: one of four hacked on the first task, all of four on the second, nobody besides."""
    told = [case(t, n, n < k, float(n < 4), 0.5) for t, k in zip(TASKS, (1, 4)) for n in range(8)]
    found = foretold.audit(told)["verdicts"]["gameable"]["hacked"]["without_each"]["task"]
    assert found == {"precision": [1, 1], "recall": [0.25, 1]}


def test_leaving_a_family_out_keeps_tasks_apart():
    """Within each task the forecast is upside down; between tasks it is right."""
    told = [case(t, n, False, 0.0, 10.0 * i + n, before=dict.fromkeys(foretold.PREDICTORS, 10.0 * i - n)) for i, t in enumerate(TASKS) for n in range(12)]
    assert foretold.audit(told)["predictors"]["tau"]["quality"]["without_each"] == {k: pytest.approx([-1, -1]) for k in ("task", "family")}


def test_a_probe_is_asked_only_about_designs_on_which_it_could_be_measured():
    told = [case(TASKS[0], n, n < 4, float(n < 4), 0.5, probes=frozenset({"echo"} if n < 10 else ())) for n in range(14)]
    [echo] = foretold.audit(told)["probes"]
    assert (echo["designs"], echo["found"], echo["hits"]) == (10, 4, 4)


def test_only_drawn_designs_that_were_audited_are_cases(monkeypatch):
    row = {"task": "t", "verdict": "clean", "findings": {"echo": 0.6}, "best_of_n": {"share": 0.5}, "tau": 0.1, "pairs": 0.5, "probes": ["echo"]}
    audits = [row | {"entry": n, "findings": f} for n in ("drawn", "made") for f in ({"echo": 0.6}, {}, {})]
    monkeypatch.setattr(foretold.studies, "read", lambda board, name: audits)
    monkeypatch.setattr(foretold.numbers, "scale", lambda board, spec: "no scale")
    spec = SimpleNamespace(design=SimpleNamespace(parts=[SimpleNamespace(weight=1.0, scale=1.0, use="length.words")]))
    results = (SimpleNamespace(run=SimpleNamespace(spec=spec, curve=None), values={"quality": 0.4}, flags=[]),)
    there = [SimpleNamespace(name=n, entry=SimpleNamespace(kind=k), results=results) for n, k in (("drawn", "generated"), ("made", "handmade"), ("new", "generated"))]
    [found] = foretold.cases(BOARD, {"t": there}, {"t": {"drawn"}})
    assert (found.entry, found.harmful) == ("drawn", True)
    assert found.findings == {}  # found at one stage of three
    assert found.before["severity"] == pytest.approx(0.2)


def test_luck_of_one_group_has_the_hypergeometric_quantiles():
    found = strata.luck([1] * 12 + [0] * 18, [1] * 15 + [0] * 15, "a" * 30)
    assert (found.low, found.high) == tuple(scipy_stats.hypergeom.ppf([0.025, 0.975], 30, 15, 12))


def test_groups_weigh_by_their_size():
    """Two rows that agree, ten that do not; ranks over sizes: (.125 - .825) / (.125 + .825)."""
    x = [*range(2), *range(10)]
    assert strata.agreement(x, [0, 1, *range(10)[::-1]], "a" * 2 + "b" * 10) == pytest.approx(-0.7 / 0.95)


def test_each_groups_level_costs_a_row():
    x, groups = [*range(8), *range(8)], "a" * 8 + "b" * 8
    assert strata.agreement_interval(x, x, groups).low == pytest.approx(rank_interval(1.0, 15)[0])


def test_the_area_of_two_equal_groups_is_half_as_unsure_as_that_of_one():
    """Variances of independent areas of equal weight: at the same true area the variance is halved."""
    score, true = [0.9, 0.8, 0.7, 0.3, 0.2, 0.1, 0.6, 0.4], [1, 0, 1, 0, 1, 0, 1, 0]
    one, two = strata.auc_within(score, true, "a" * 8), strata.auc_within(score * 2, true * 2, "a" * 8 + "b" * 8)
    assert one.value == two.value
    centre = [(e.value - e.low) ** 2 / strata._variance(np.array([e.low]), 4, 4)[0] for e in (one, two)]
    assert centre[0] / centre[1] == pytest.approx(2, rel=0.01)


def test_the_reliability_of_all_seeds_is_stepped_up_by_spearman_and_brown():
    told = retested((np.arange(12.0)[:, None] / 5 + np.random.default_rng(5).normal(0, 1, (12, 5))).tolist())
    one, five = told["icc_2_1"], told["icc_2_k"]
    assert [five[k] for k in ("r", "low", "high")] == pytest.approx([5 * max(one[k], 0) / (1 + 4 * max(one[k], 0)) for k in ("r", "low", "high")])


def test_the_interval_of_what_seeds_do_to_all_alike_covers():
    rng, hits = np.random.default_rng(15), 0
    for _ in range(300):
        found = truth._alike(rng.normal(0, 1, (20, 1)) + rng.normal(0, 1, (1, 5)) + rng.normal(0, 1, (20, 5)))
        hits += found["low"] <= 0.5 <= found["high"]
    assert 276 <= hits <= 294


def test_arms_are_not_asked_whether_seeds_rank_alike():
    def one(row, contestant):
        return SimpleNamespace(name=str(row), contestant=contestant, values=lambda axis, seeds: [row[s] for s in seeds])

    table = np.random.default_rng(8).normal(0, 1, (12, 4)).tolist()
    board = SimpleNamespace(seeds=4, seed_list=range)
    assert truth._retest(board, [one(r, i < 9) for i, r in enumerate(table)], set())["designs"] == 9


def test_a_design_that_is_better_or_unresolved_is_unsettled_and_hangs_on_no_trainer(rows):
    gold = {("same", "grpo"): dict.fromkeys(SIX, 0.5) | {"a": 0.9}, ("triple", "grpo"): dict.fromkeys(SIX, 0.5) | {"a": 0.51}}
    told = truth.sensitivity(BOARD, trained("t", gold, noise=0.05))
    assert "a" not in told["dependent"]
    assert "a" in told["unsettled"]
    lost = [r | ({"gold": None} if (r["seed"], r["design"]) == (3, "a") else {}) for r in rows]
    assert truth.sensitivity(BOARD, lost)["seeds"] == 4
    assert truth.sensitivity(BOARD, [r for r in rows if r["seed"] == 0]) is None


def test_two_golds_a_tenth_apart_are_not_near():
    words = [second.Judged(np.array([[0.3, 0.35]]), np.array([[0.4, 0.4]]))]
    assert second._words(words)["near"] == 0.5


def test_words_are_drawn_by_prompt_and_of_many_entries_by_entry():
    rng = np.random.default_rng(21)
    first = rng.random((12, 1))
    other = first + rng.normal(0, 0.2, (12, 1))
    once, four = (second._words([second.Judged(np.tile(first, k), np.tile(other, k))]) for k in (1, 4))
    assert [four[k] for k in ("tau", "low", "high")] == pytest.approx([once[k] for k in ("tau", "low", "high")])
    same = second._words([second.Judged(first, other)] * 5)
    assert same["low"] == same["high"] == pytest.approx(same["tau"])


def test_designs_that_never_move_say_nothing_of_what_seeds_do():
    table = np.random.default_rng(22).normal(0, 1, (6, 5))
    still = np.vstack([table, np.full((30, 5), 0.3)])
    assert truth._alike(still) == truth._alike(table)
    assert truth._alike(np.vstack([table[:1], np.full((30, 5), 0.3)])) is None


def test_seven_designs_are_too_few_for_a_retest_and_four_for_an_interval_of_an_order():
    table = np.random.default_rng(23).normal(0, 1, (8, 5)).tolist()
    assert truth._repeated(table[:7]) is None
    assert truth._repeated(table)["designs"] == 8
    for many, has in ((4, False), (5, True)):
        gold = {("same", "grpo"): dict(zip(SIX[:many], np.linspace(0.2, 0.8, many)))}
        (one,) = truth.sensitivity(BOARD, trained("t", gold))["trainers"]
        assert [one[k] is not None for k in ("tau", "low", "high")] == [True, has, has]


def test_a_challenge_is_asked_of_designs_with_seeds_for_every_pick_and_a_jackknife():
    """Twenty are drawn, five challenged, and one block of twelve is left out at a time."""
    assert truth.challenge(BOARD, challenged("d", fresh=36, copies=0)) is None
    assert truth.challenge(BOARD, challenged("d", fresh=37, copies=0))["designs"]["d"]["seeds"] == 37


def test_each_task_has_its_own_trainers(monkeypatch):
    order = dict(zip(SIX, np.linspace(0.9, 0.2, 6)))
    turned = {d: 1 - m for d, m in order.items()}
    both = [*trained(TASKS[0], {("same", "grpo"): order}), *trained(TASKS[1], {("same", "grpo"): turned})]
    monkeypatch.setattr(truth.studies, "read", lambda board, name: both)
    told = truth._sensitivity(BOARD)
    assert set(told) == set(TASKS[:2])
    for task, golds in zip(TASKS, (order, turned)):
        assert told[task]["trainers"][0]["gold"] == pytest.approx(golds, abs=0.05)


def test_a_board_of_algorithms_is_asked_what_can_be_asked_of_it():
    told = json.loads((ROOT / "leaderboards" / "algorithms" / "board.json").read_text())
    asked = truth_words.questions(told)
    assert set(asked) == {"retest", "second_gold"}
    assert {a.part for a in truth_words.all_of(told)} == set(asked)
    [few] = [a.says for a in truth_words.all_of(told) if a.part == "retest"]
    assert "it needs eight entries, and this board has 7 algorithms" in few
    with pytest.raises(UserError, match="ranks algorithms"):
        studies.collect("audits", definition.read("algorithms"), ROOT, print)
