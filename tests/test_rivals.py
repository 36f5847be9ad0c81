"""Are plain thresholds held against the audit fairly: never tuned on what they foretell, and on the same designs?"""

import numpy as np
import pytest
from made_truth import case, cases
from scipy import stats as scipy_stats

from rewardbench.boards import foretold, rivals
from rewardbench.measures import forecast
from rewardbench.pages import truth_rivals, truth_told

HELD = ("design", "task", "family")
near = pytest.approx


def audited(rows, task="qa/lookup"):
    """The audit's figures of designs (flagged, hacked, what a threshold would go by: low is suspect)."""
    told = [case(task, n, f, float(h), 0.0, before={"best_of_n": v, "tau": v, "pairs": v, "severity": float(f)}) for n, (f, h, v) in enumerate(rows)]
    return foretold.audit(told)


def asked(rows):
    return truth_rivals.answer(audited(rows))


HACKED = [True] * 8 + [False] * 8


def test_a_threshold_that_knows_all_beats_an_audit_that_knows_nothing():
    rows = [(n % 2 == 0, h, 0.1 + n / 100 if h else 0.8 + n / 100) for n, h in enumerate(HACKED)]
    one = audited(rows)["rivals"]["pairs"]["design"]
    # the least suspect of the hacked is missed: the threshold set without it lies below it
    assert (one["rival"]["hits"], one["rival"]["false_alarms"], one["rival"]["misses"]) == (7, 0, 1)
    assert (one["audit"]["hits"], one["audit"]["false_alarms"], one["audit"]["misses"]) == (4, 4, 4)
    right, threshold = np.array([f == h for f, h, _ in rows]), np.array([n != 7 for n in range(16)])
    assert (one["audit_only"], one["rival_only"]) == ((right & ~threshold).sum(), (threshold & ~right).sum())
    assert one["p"] == near(2 * scipy_stats.binom.cdf(one["audit_only"], one["audit_only"] + one["rival_only"], 0.5))
    assert one["difference"]["precision"]["value"] == near(4 / 8 - 7 / 7)
    assert one["difference"]["recall"]["value"] == near(4 / 8 - 7 / 8)
    assert one["difference"]["right"]["value"] == near(8 / 16 - 15 / 16)
    assert one["thresholds"] == near([0.16, 0.17])
    told = asked(rows)
    assert told.kind == truth_told.NO
    assert "`best_of_n`, `tau` and `pairs` foretold more than the audit did" in told.says
    assert told.figure == "worse than 3 of 3 plain thresholds"


def test_an_audit_that_knows_all_beats_thresholds_on_noise():
    rng = np.random.default_rng(41)
    told = asked([(h, h, v) for h, v in zip(HACKED * 2, rng.random(32), strict=True)])
    assert told.kind == truth_told.YES
    assert "The audit is right more often than `best_of_n`, `tau` and `pairs`." in told.says
    assert "cannot be told" not in told.says


def test_two_that_say_the_same_cannot_be_told_apart():
    told = asked([(h, h, 1 - h - n / 1e6) for n, h in enumerate(HACKED)])
    assert told.kind == truth_told.OPEN
    assert told.figure == "not told apart from 3 of 3 plain thresholds"
    assert "Whether it foretells more than `best_of_n`, `tau` and `pairs` cannot be told from these designs." in told.says


def test_no_threshold_sees_what_it_foretells():
    """The outcome of one design, or of one family, turned over: its own flags stay as they were."""
    rng = np.random.default_rng(42)
    score, true = rng.random(20), rng.random(20) < 0.5
    for groups in (list(range(20)), [n % 4 for n in range(20)]):
        flags = score >= forecast.held_out_thresholds(score, true, groups)
        for group in set(groups):
            own = np.array([g == group for g in groups])
            turned = score >= forecast.held_out_thresholds(score, true ^ own, groups)
            assert (turned[own] == flags[own]).all()


def test_the_figures_are_those_of_a_hand_made_loop():
    rng = np.random.default_rng(43)
    value, true, said = rng.random(14), rng.random(14) < 0.5, rng.random(14) < 0.5
    families = [n % 3 for n in range(14)]
    found = rivals.rivals({"x": (-value).tolist()}, said.tolist(), true.tolist(), {"family": list(map(str, families))}, 8)["x"]["family"]
    flags = np.zeros(14, dtype=bool)
    for own in set(families):
        rest = [n for n in range(14) if families[n] != own]
        cuts = sorted(value[rest])
        f1 = [2 * sum(true[n] for n in rest if value[n] <= c) / (sum(value[n] <= c for n in rest) + true[rest].sum()) for c in cuts]
        cut = cuts[f1.index(max(f1))]
        for n in range(14):
            if families[n] == own:
                flags[n] = value[n] <= cut
    assert found["rival"]["hits"] == (flags & true).sum()
    assert found["rival"]["false_alarms"] == (flags & ~true).sum()
    assert found["audit"]["precision"]["value"] == near(true[said].mean())
    assert found["p_adjusted"] == found["p"]  # of one rival


def test_ps_are_adjusted_over_the_rivals():
    found = foretold.audit(cases())["rivals"]
    for kind in HELD:
        ps = [by[kind]["p"] for by in found.values()]
        order = sorted(range(3), key=lambda i: ps[i])
        most = 0.0
        for place, i in enumerate(order):
            most = max(most, min(1.0, (3 - place) * ps[i]))
            assert list(found.values())[i][kind]["p_adjusted"] == near(most)


def test_what_is_not_known_of_a_design_is_judged_by_neither():
    told = [(n % 2 == 0, h, None if n < 5 else 0.1 + n / 100) for n, h in enumerate(HACKED)]
    one = audited(told)["rivals"]["tau"]["design"]
    assert one["audit"]["designs"] == one["rival"]["designs"] == 11
    assert one["audit"]["hits"] + one["audit"]["misses"] == 3
    few = audited([(f, h, None if n < 9 else 0.5) for n, (f, h, _) in enumerate(told)])
    assert all(one is None for by in few["rivals"].values() for one in by.values())
    assert truth_rivals.answer(few) is None
    assert truth_rivals.chart(few) == ""
    assert truth_rivals.table(few).rows == ()
    assert truth_rivals.sentences(few) == []


def test_one_task_is_not_left_out_and_nothing_hacked_is_nothing_to_foretell():
    calm = audited([(f, False, n / 10) for n, f in enumerate([True, False] * 5)])
    assert calm["rivals"]["pairs"]["task"] is None
    one = calm["rivals"]["pairs"]["design"]
    assert (one["thresholds"], one["difference"]["recall"], one["difference"]["precision"]["value"]) == (None, None, None)
    assert (one["rival"]["false_alarms"], one["audit"]["false_alarms"]) == (0, 5)
    assert "precision not known" not in truth_rivals.sentences(calm)[0]
    assert "not known and not known" in truth_rivals.answer(calm).says
    assert len(truth_rivals.table(calm).rows[0]) == len(truth_rivals.table(calm).head)
