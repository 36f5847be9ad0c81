"""Is it seen whether one board foretells another: the order beside what seeds let it be, and the decisions of both?"""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from rewardbench.boards import definition
from rewardbench.boards.transfer import Compared, Held, _learning, between, lines, qualities
from rewardbench.cli import call
from rewardbench.find.names import beside
from rewardbench.measures.agreement import rank_interval, spearman_brown
from rewardbench.measures.retest import retest
from rewardbench.measures.transfer import _told_apart, transfer
from rewardbench.types import UserError


def board(means, spread=0.02, seeds=5, stream=0):
    rng = np.random.default_rng(stream)
    return {f"d{i}": rng.normal(m, spread, seeds) for i, m in enumerate(means)}


def said(found, left=((), ())):
    return "\n".join(lines("t", Compared(found, "", left), "a", "b"))


# --- the order -----------------------------------------------------------------------------------


def test_the_same_order_with_other_numbers_is_foretold_whole():
    steps = np.linspace(0, 1, 12)
    found = transfer(board(steps), board(0.2 + steps**2 / 2, stream=1))
    assert found.low < found.tau > 0.9
    assert found.same == found.resolved > 40
    assert (found.share, found.share_high) == (1.0, 1.0)
    assert 0.4 < found.share_low < 0.9


def test_two_that_change_places_are_a_decision_that_differs():
    means = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    turned = [0.2, 0.0, 0.4, 0.6, 0.8, 1.0]
    found = transfer(board(means), board(turned, stream=1))
    assert (found.designs, found.resolved - found.same) == (6, 1)
    assert found.tau == pytest.approx(kendalltau(means, turned).statistic)


def test_a_board_with_itself_is_what_the_retest_says_stepped_up_to_all_seeds():
    one, other = board(np.linspace(0, 1, 12), 0.3), board(np.linspace(0, 1, 12), 0.2, stream=1)
    found = transfer(one, other)
    half = retest(list(one.values())).kendall.r
    whole = 2 / np.pi * np.arcsin(spearman_brown(np.sin(np.pi * half / 2), 5 / 2))
    assert found.first_again == pytest.approx(whole)
    assert min(found.first_again, found.second_again) <= found.ceiling <= max(found.first_again, found.second_again)


def test_noise_lowers_tau_and_its_ceiling_alike():
    steps = np.linspace(0, 1, 20)
    quiet, loud = (transfer(board(steps, s), board(steps, s, stream=1)) for s in (0.02, 0.5))
    assert quiet.tau > loud.tau + 0.2
    assert quiet.ceiling > loud.ceiling + 0.2
    assert loud.true_low < 1 < loud.true_high
    assert loud.true == pytest.approx(np.sin(np.pi * loud.tau / 2) / np.sin(np.pi * loud.ceiling / 2))


def test_seeds_that_lift_some_designs_widen_the_interval():
    """Half of the designs rise and fall together with the seed: over designs alone that would not be seen."""
    rng, steps = np.random.default_rng(3), np.linspace(0, 1, 20)
    lift = np.outer(np.arange(20) % 2, rng.normal(0, 0.6, 5))
    still = {f"d{i}": q for i, q in enumerate(steps[:, None] + rng.normal(0, 0.02, (20, 5)))}
    found = transfer({f"d{i}": q + lift[i] for i, q in enumerate(still.values())}, still)
    low, high = rank_interval(found.tau, 20, "kendall")
    assert found.low < low - 0.2
    assert found.high > high


def test_seeds_that_both_boards_share_are_left_out_of_both():
    lift = np.random.default_rng(3).normal(0, 0.6, 5)
    both = {f"d{i}": np.asarray(i / 20 + (i % 2) * lift) for i in range(20)}
    one, other = ({d: q + x for (d, q), x in zip(both.items(), noise, strict=True)} for noise in _noise())
    paired, apart = transfer(one, other, paired=True), transfer(one, other)
    assert paired.tau == apart.tau
    assert paired.low > apart.low


def _noise():
    return np.random.default_rng(4).normal(0, 0.05, (2, 20, 5))


def test_few_designs_have_no_interval_and_fewer_nothing():
    nine, ten = (transfer(*(board(np.linspace(0, 1, n), 0.2, stream=s) for s in (0, 1))) for n in (9, 10))
    assert nine.tau is not None
    assert (nine.low, nine.high, nine.true_low, nine.true_high) == (None,) * 4
    assert "no interval: fewer than 10 designs have none" in said(nine)
    assert ten.low < ten.tau < ten.high
    with pytest.raises(UserError, match="4 designs stand on both"):
        transfer(board(np.linspace(0, 1, 9)), board(np.linspace(0, 1, 4)))


def test_a_board_that_has_all_designs_alike_has_no_order():
    found = transfer(board(np.linspace(0, 1, 12)), {f"d{i}": np.full(5, 0.3) for i in range(12)})
    assert (found.tau, found.low, found.ceiling, found.true, found.second_resolved) == (None, None, None, None, 0)
    assert "order: none" in said(found)


def test_two_seeds_have_no_interval_of_what_is_left_without_noise():
    found = transfer(board(np.linspace(0, 1, 12), 0.3, 2), board(np.linspace(0, 1, 12), 0.3, 2, 1))
    assert found.low < found.tau < found.high
    assert (found.true_low, found.true_high) == (None, None)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["normal", "floor", "lifted"])
@pytest.mark.parametrize("designs", [10, 20])
def test_one_true_order_is_not_denied_by_noise_of_seeds(kind, designs):
    rng = np.random.default_rng(7)
    missed = told = lower = 0
    for n in range(50):
        truth = rng.normal(0, 0.3, designs)
        truth = np.where(truth > 0, 2 * truth, 0) if kind == "floor" else truth
        tables = truth[:, None] + rng.normal(0, 0.2 if n % 2 else 0.1, (2, designs, 5))
        if kind == "lifted":
            tables += (np.arange(designs) % 3 == 0)[:, None] * rng.normal(0, 0.3, (2, 1, 5))
        found = transfer(*(dict(enumerate(t)) for t in tables))
        if found.true_low is not None:
            told += 1
            missed += not found.true_low <= 1 <= found.true_high
            lower += found.true_low > 0
    assert told >= 35
    assert missed <= 0.1 * told
    assert designs == 10 or lower > 0.7 * told  # it says something: an interval over everything would not miss either


# --- decisions -----------------------------------------------------------------------------------


def test_what_one_board_does_not_resolve_is_no_decision():
    found = transfer(board([0, 0.2, 0.4, 0.6, 0.8]), board([0.5] * 5, stream=3))
    assert (found.resolved, found.taking_part, found.share, found.share_low) == (0, 0, None, None)
    assert (found.pairs, found.first_resolved, found.second_resolved) == (10, 10, 0)
    assert "of 10: 10 by a, 0 by b, none by both" in said(found)


def test_the_pages_say_how_many_pairs_the_cpu_board_tells_apart_of_the_designs_that_the_gpu_board_has_too():
    told = " ".join(beside("docs/gpu.md").read_text().split())
    counts = []
    for task in ("qa/lookup", "dialogue/booking", "writing/story"):
        entries = beside("leaderboards/cpu/entries")
        drawn = [entries / f"{task.replace('/', '-')}-g{n:02}" / "entry.json" for n in range(1, 21)]
        runs = [json.loads(path.read_text())["tasks"][task]["runs"] for path in drawn]
        table = np.array([[run["quality"] for run in own] for own in runs])
        counts.append(np.count_nonzero(_told_apart(table)))
    assert "tell apart {} pairs of 190 of qa/lookup, {} of dialogue/booking and {} of writing/story".format(*counts) in told


def test_many_pairs_that_hang_on_one_design_are_one_decision():
    """One outlier, the rest alike on both boards: all pairs agree, and that says next to nothing."""
    found = transfer(board([0.5] * 19 + [3]), board([0.2] * 19 + [2], stream=1))
    assert (found.resolved, found.same, found.taking_part) == (19, 19, 20)
    assert (found.share_low, found.share_high) == (0.0, 1.0)


def test_pairs_of_few_designs_have_no_interval():
    """All but two designs tremble so much on one board that nothing can be said of them there."""
    rng, steps = np.random.default_rng(0), board(np.arange(6))
    loud = {d: q + rng.normal(0, 20, 5) * (n > 1) for n, (d, q) in enumerate(board(np.arange(6), stream=1).items())}
    few, five = transfer(steps, loud), transfer(*(board(np.arange(5), stream=s) for s in (0, 1)))
    assert (few.resolved, few.taking_part, few.share, few.share_low, few.share_high) == (1, 2, 1.0, None, None)
    assert "only 2 designs take part, and 5 are needed" in said(few)
    assert (five.taking_part, five.share_high) == (5, 1.0)


def test_an_interval_of_the_share_holds_chance_where_there_is_nothing_but_chance():
    """Two unrelated orders, every pair resolved: pairs share designs, so an exact share would leave .5 out often."""
    missed = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        found = transfer(board(rng.random(12), 1e-4, stream=seed), board(rng.random(12), 1e-4, stream=seed + 99))
        missed += not found.share_low <= 0.5 <= found.share_high
    assert missed <= 2


def test_agreement_that_is_only_the_split_into_learnt_and_not_is_told_apart():
    """Eight on the floor and eight that learnt, in the same two groups on both boards, in no common order inside."""
    inside = np.linspace(0, 0.35, 8)
    one = board([*(-0.5 + inside), *(0.5 + inside)], 0.01)
    other = board([*(-0.5 + inside[::-1]), *(0.5 + inside[::-1])], 0.01, stream=1)
    found = transfer(one, other)
    assert found.share > 0.5
    assert (found.alike_same, found.alike) == (0, found.resolved - 64)
    assert f"of designs that both learnt, or both did not, on each board: 0 of {found.alike}" in said(found)


def test_pairs_without_any_spread_are_told_apart_by_more_than_rounding():
    same = {f"d{i}": np.full(5, i * 1e-4) for i in range(6)}
    apart = {f"d{i}": np.full(5, i * 0.2) for i in range(6)}
    assert transfer(same, apart).first_resolved == 0
    assert transfer(same, apart).second_resolved == 15


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_boards_change_places(seed):
    rng = np.random.default_rng(seed)
    one, other = board(rng.random(7), 0.1, stream=seed), board(rng.random(7), 0.1, 4, seed + 1)
    a, b = transfer(one, other), transfer(other, one)
    assert (a.tau, a.resolved, a.same, a.alike) == (pytest.approx(b.tau), b.resolved, b.same, b.alike)
    assert (a.first_resolved, a.second_resolved) == (b.second_resolved, b.first_resolved)
    whole = transfer(one, one)
    assert (whole.tau, whole.same, whole.first_resolved) == (pytest.approx(1.0), whole.resolved, whole.resolved)


def test_designs_of_one_board_alone_do_not_count():
    assert transfer(board(np.linspace(0, 1, 9)), board(np.linspace(0, 1, 6))).designs == 6


# --- boards --------------------------------------------------------------------------------------


@pytest.fixture
def two(tmp_path):
    """The cpu board, and a copy of what was built of it under another name."""
    cpu = definition.read(beside("leaderboards") / "cpu")
    copy = tmp_path / "other"
    copy.mkdir()
    other = replace(cpu, name="other", folder=copy)
    told = json.loads((cpu.folder / "board.json").read_text())
    seeds = dict(zip(cpu.seed_list(10), other.seed_list(10), strict=True))
    for row in (r for t in told["tasks"] for r in t["rows"]):
        for run in row["runs"]:
            run["seed"] = seeds[run["seed"]]
    told["board"]["digest"] = other.digest
    return cpu, other, told


def _write(other, told):
    (other.folder / "board.json").write_text(json.dumps(told))


def _row(told, task, entry):
    rows = next(t["rows"] for t in told["tasks"] if t["task"] == task)
    return next(r for r in rows if r["entry"] == entry)


def test_a_board_is_compared_as_it_was_built_without_arms(two):
    cpu, other, told = two
    _write(other, told)
    found = between(cpu, other)
    assert set(found) == set(cpu.tasks)
    one = found["qa/lookup"]
    assert one.found.designs == len({r["design_hash"] for r in told["tasks"][0]["rows"] if r["kind"] != "control"})
    assert one.found.tau == pytest.approx(1.0)
    assert one.left_out == ((), ())


def test_a_missing_seed_is_told_and_a_failed_run_counts_nothing(two):
    cpu, other, told = two
    lacking, failing = (_row(told, "qa/lookup", name) for name in ("reference", "brevity"))
    lacking["runs"] = lacking["runs"][1:]
    failing["runs"][0] |= {"status": "failed", "quality": None}
    _write(other, told)
    held = qualities(other, "qa/lookup")
    assert held.left_out == ("reference",)
    assert held.values[failing["design_hash"]][0] == 0.0
    said = "\n".join(lines("qa/lookup", between(cpu, other)["qa/lookup"], "cpu", "other"))
    assert "left out of other, since they lack a seed or its quality: 1 (reference)" in said


def test_a_task_with_too_few_designs_is_named_not_dropped(two):
    cpu, other, told = two
    task = next(t for t in told["tasks"] if t["task"] == "qa/lookup")
    for row in task["rows"][4:]:
        row["runs"] = row["runs"][:1]
    _write(other, told)
    found = between(cpu, other)["qa/lookup"]
    assert found.found is None
    line = lines("qa/lookup", found, "cpu", "other")[0]
    assert "and 5 are needed (left out, since they lack a seed or its quality:" in line


def test_an_entry_that_a_check_refused_is_not_compared(two):
    _, other, told = two
    _row(told, "qa/lookup", "reference")["broken"] = True
    _write(other, told)
    held = qualities(other, "qa/lookup")
    assert _row(told, "qa/lookup", "reference")["design_hash"] not in held.values
    assert held.left_out == ()


def test_two_versions_of_a_task_are_not_compared(two):
    cpu, other, told = two
    code = {**cpu.hashes["tasks"]["qa/lookup"], "code": "0" * 64}
    other = replace(other, hashes={**cpu.hashes, "tasks": {**cpu.hashes["tasks"], "qa/lookup": code}})
    told["board"]["digest"] = other.digest
    for row in (r for t in told["tasks"] for r in t["rows"]):
        for run, seed in zip(row["runs"], other.seed_list(10), strict=False):
            run["seed"] = seed
    _write(other, told)
    found = between(cpu, other)
    assert (found["qa/lookup"].found, found["qa/lookup"].why) == (None, "the boards have two versions of its code")
    assert found["writing/story"].found.designs >= 10


def test_a_board_that_changed_since_it_was_built_is_refused(two):
    cpu, other, told = two
    told["board"]["digest"] = "0" * 64
    _write(other, told)
    with pytest.raises(UserError, match="is not built as it is now: rbench board build") as caught:
        between(cpu, other)
    assert caught.value.code == 5


def test_an_empty_board_and_the_same_board_twice(capsys):
    assert call(["board", "transfer", "cpu", "gpu"]) == 5
    assert "board gpu is empty (rbench board run gpu): nothing to compare yet" in capsys.readouterr().err
    assert call(["board", "transfer", "cpu", "cpu"]) == 2
    assert "give two different boards" in capsys.readouterr().err


def test_a_check_of_an_empty_board_says_so(capsys):
    assert call(["board", "check", "gpu"]) == 0
    assert capsys.readouterr().out == "0 entries\n"


def test_what_is_printed_is_the_same_in_words_and_in_json(two, capsys):
    cpu, other, told = two
    _write(other, told)
    text = (cpu.folder / "board.toml").read_text().replace('name = "cpu"', 'name = "other"', 1)
    (other.folder / "board.toml").write_text(text)
    assert call(["board", "transfer", "cpu", str(other.folder), "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    one = out["tasks"]["qa/lookup"]["found"]
    assert call(["board", "transfer", "cpu", str(other.folder)]) == 0
    said = capsys.readouterr().out
    alone = f"{one['first_resolved']} by cpu, {one['second_resolved']} by other"
    assert f"pairs told apart, of {one['pairs']}: {alone}, {one['resolved']} by both" in said


def test_who_learnt_on_both_boards_is_told_with_what_chance_would_give():
    """Lady tasting tea: of eight, four and four, three of them the same (Fisher 1935: p .486)."""
    values = {f"d{i}": np.full(5, i / 8) for i in range(8)}
    one, other = Held(values, (), frozenset({"d0", "d1", "d2", "d3", "gone"})), Held(values, (), frozenset({"d0", "d1", "d2", "d7"}))
    told = _learning(one, other)
    assert (told.first, told.second, told.both) == (4, 4, 3)
    assert told.p == pytest.approx(34 / 70)
    found = Compared(transfer(board(np.linspace(0, 1, 8)), board(np.linspace(0, 1, 8), stream=1)), "", ((), ()), told)
    assert "learnt: 4 by a, 4 by b, 3 by both (unrelated: p 0.49)" in "\n".join(lines("t", found, "a", "b"))
