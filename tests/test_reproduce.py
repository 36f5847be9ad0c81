"""Is an entry that was trained anew held against its rows and its seeds as it should be?"""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t
from small_board import OWN, ran
from sweeping import one_line, rbench
from test_machine_output import valid

from rewardbench.boards import definition, difference, entries, packing, reproduce, rows, submitting
from rewardbench.types import Design, Part

# --- the challenge -------------------------------------------------------------------------------


def done(board, own, again, task="qa/lookup", differs=True):
    """A task trained anew, with Q as given."""
    own, again = np.array(own), np.array(again)
    verdict = reproduce.challenge(board, task, own, again)
    found = difference.Difference("scores", 1, 0, None, None, "gold", 0.0, 1.0) if differs else None
    return reproduce.Reproduced(task, (1, 2), False, found, own, again, verdict, {}, {}, 4)


@pytest.fixture
def scaled():
    scale = {"low": 0.2, "high": 0.9, "low_se": 0.01, "high_se": 0.01}
    return replace(definition.read("cpu"), scale={"qa/lookup": scale, "writing/story": scale})


def test_the_limit_is_that_of_the_angles_of_gold_told_in_q(scaled):
    own = np.array([0.7, 0.75, 0.8, 0.9, 1.0])
    found = reproduce.challenge(scaled, "qa/lookup", own, np.array([0.3, 0.4]))
    angles = np.arcsin(np.sqrt(0.2 + 0.7 * own))
    room = t.ppf(0.95, 4) * angles.std(ddof=1) * np.sqrt(1 / 2 + 1 / 5)
    assert found.limit == pytest.approx((np.sin(angles.mean() - room) ** 2 - 0.2) / 0.7)
    assert (found.mean, found.sd, found.n, found.fresh_n) == (pytest.approx(own.mean()), pytest.approx(own.std(ddof=1)), 5, 2)
    assert (found.holds, found.fresh_mean) == (False, pytest.approx(0.35))
    one = reproduce.challenge(scaled, "qa/lookup", own, np.array([0.3])).limit
    assert reproduce.challenge(scaled, "qa/lookup", own, np.array([one + 1e-6])).holds
    assert not reproduce.challenge(scaled, "qa/lookup", own, np.array([one - 1e-6])).holds


def test_an_entry_is_held_to_one_test_of_all_its_tasks(scaled):
    own, low, high = [0.6, 0.65, 0.7, 0.75, 0.8], [0.42, 0.44], [0.8, 0.85]
    bad = done(scaled, own, low)
    assert not bad.ok
    assert not reproduce.holds(scaled, [bad])
    good = done(scaled, own, high, "writing/story")
    assert reproduce.holds(scaled, [bad, good])  # by their mean nothing is low
    assert reproduce.together(scaled, [bad, good]).p > reproduce.together(scaled, [bad]).p
    assert reproduce.holds(scaled, [done(scaled, own, low, differs=False)])  # the same rows need no test


# --- the same rows -------------------------------------------------------------------------------


@pytest.fixture
def tables():
    """Two seeds of two evaluations of two prompts, and three steps."""
    key = {
        "seed": np.repeat([9, 4], 4), "step": np.tile([0, 0, 2, 2], 2), "prompt": np.array(["a", "b"] * 4, dtype=object),
        "k": np.zeros(8, dtype=int),
    }
    scores = {**key, "gold": np.arange(8) / 8, "kl": np.array([np.nan] * 8)}
    texts = {**key, "text": np.array([f"w{i}" for i in range(8)], dtype=object)}
    steps = {"seed": np.repeat([9, 4], 3), "step": np.tile([0, 1, 2], 2), "loss": np.arange(6.0)}
    return {"scores": scores, "texts": texts, "steps": steps}


def changed(tables, table, column, row, value):
    values = tables[table][column].copy()
    values[row] = value
    return {**tables, table: {**tables[table], column: values}}


def test_equal_rows_have_no_difference(tables):
    assert difference.same_rows(tables, {t: {n: v.copy() for n, v in c.items()} for t, c in tables.items()}) is None


def test_the_first_difference_is_named_with_its_place(tables):
    new = changed(tables, "scores", "gold", 3, 0.9)
    found = difference.same_rows(tables, new)
    assert (found.table, found.seed, found.step, found.prompt, found.k, found.column) == ("scores", 9, 2, "b", 0, "gold")
    assert (found.old, found.new) == (3 / 8, 0.9)
    earlier = changed(new, "steps", "loss", 1, 7.0)
    assert str(difference.same_rows(tables, earlier)) == "seed 9, step 1: loss of steps was '1.0', is '7.0'"
    assert difference.same_rows(tables, changed(earlier, "texts", "text", 0, "x")).table == "texts"
    assert difference.same_rows(tables, changed(tables, "scores", "kl", 7, 0.0)).seed == 4
    assert difference.same_rows(tables, changed(tables, "scores", "gold", 2, 0.25 + 2**-54)).step == 2  # the last bit


def test_rows_and_columns_that_are_missing_are_differences(tables):
    short = {**tables, "steps": {n: v[:-1] for n, v in tables["steps"].items()}}
    for old, new, said in ((tables, short, ("(a row)", "(no row)")), (short, tables, ("(no row)", "(a row)"))):
        found = difference.same_rows(old, new)
        assert (found.seed, found.step, found.column, (found.old, found.new)) == (4, 2, "row", said)
    bare = {**tables, "steps": {n: v for n, v in tables["steps"].items() if n != "loss"}}
    assert difference.same_rows(tables, bare).new == "(no such column)"
    lost = {t: {n: v[c["seed"] == 9] for n, v in c.items()} for t, c in tables.items()}
    assert difference.same_rows(tables, lost).seed == 4
    assert difference.same_rows(lost, tables).seed == 4


# --- training anew -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def board(small, small_swept, tmp_path_factory):
    """A board with `untrained`, `brevity`, and an entry with code of its own."""
    folder = tmp_path_factory.mktemp("with")
    place = shutil.copytree(small, folder / "small")
    found = definition.read(place)
    (folder / "mine.py").write_text(OWN)
    own = ran(small, folder / "own", "--design", f"{folder / 'mine.py'}:short")
    three = ran(small, folder / "three", "--design", "untrained", "--seeds", "3")
    assert rbench("board", "add", place, three, small_swept).code == 0
    for name, sweep in (("open", own), ("closed", small_swept)):
        entered = submitting.gather(found, [sweep])
        packing.write(found, packing.About(name, authors=("Ann",)), entered.design, place / "entries" / name, thin=True)
    return place


def again(board, name, out, *words):
    return rbench("reproduce", name, "--board", board, "--out", out, "--json", *words)


def test_an_entry_trained_anew_is_the_same_bit_for_bit(board, tmp_path):
    said = again(board, "closed", tmp_path)
    assert said.code == 0, said.err
    (task,) = valid(said, "reproduce")["tasks"]
    assert (task["same"], task["difference"], task["seeds"]) == (True, None, list(definition.read(board).seed_list(2)))
    assert task["axes"]["quality"]["entry"] == task["axes"]["quality"]["again"] == pytest.approx(task["quality"]["mean"])
    assert said.json["ok"] is True
    assert {a for a, both in task["axes"].items() if None in both.values()} == set(task["reasons"])
    loud = rbench("reproduce", "closed", "--board", board, "--out", tmp_path)  # what is there is not run again
    assert task["trained"] == 4  # two seeds, and `untrained` on each
    assert "every row of 2 seeds is the same, bit for bit (nothing was trained now" in loud.err
    twice = again(board, "closed", tmp_path, "--task", "qa/lookup", "--task", "qa/lookup")
    (same,) = twice.json["tasks"]
    assert {**same, "trained": 4} == task  # one task is one witness, however often it is named


def test_an_entry_of_a_clone_is_held_against_the_clones_board_where_what_ships_has_no_entries(board, tmp_path, monkeypatch):
    bare = shutil.copytree(board, tmp_path / "wheel", ignore=shutil.ignore_patterns("entries"))
    monkeypatch.setattr(definition, "boards", lambda: {"small": bare})
    for name in (board / "closed", board / "entries" / "closed"):
        said = rbench("reproduce", name, "--out", tmp_path / "out", "--seeds", "1", "--json")
        assert said.code == 0, said.err
        assert said.json["tasks"][0]["axes"]["efficiency"]["entry"] is not None  # it takes the board's `untrained`


def test_fewer_seeds_are_held_against_the_same_ones_of_the_entry(board, tmp_path):
    said = again(board, "closed", tmp_path, "--seeds", "1")
    (task,) = valid(said, "reproduce")["tasks"]
    assert task["same"] is True
    assert {axis: both["entry"] for axis, both in task["axes"].items()} == {a: b["again"] for a, b in task["axes"].items()}
    own = [r["quality"] for r in entries.read(board / "entries" / "closed").about["tasks"]["qa/lookup"]["runs"]]
    assert (task["axes"]["quality"]["entry"], task["quality"]["n"]) == (pytest.approx(own[0]), 2)
    assert own[0] != own[1]
    loud = rbench("reproduce", "closed", "--board", board, "--out", tmp_path, "--seeds", "1")
    assert loud.err.count("by the entry") == 0
    assert "every row of 1 seed is the same, bit for bit" in loud.err


def lied(board, tmp_path, change):
    """The board with its closed entry's rows changed in `scores`."""
    place = shutil.copytree(board, tmp_path / "lied")
    path = place / "entries" / "closed" / "qa-lookup" / "scores.parquet"
    table = rows.read(path)
    change(table)
    rows._write(path, table, loose=("kl",))
    return place


def test_invented_rows_are_found_with_their_place(board, tmp_path):
    def raise_gold(table):
        late = (table["step"] > 0) & (table["split"] == "dev")
        table["gold"] = np.where(late, 1.0, table["gold"])

    said = again(lied(board, tmp_path, raise_gold), "closed", tmp_path / "out")
    assert said.code == 3
    (task,) = valid(said, "reproduce")["tasks"]
    assert task["ok"] is False
    first = task["difference"]
    assert (first["table"], first["step"], first["column"], first["old"]) == ("scores", 1, "gold", 1.0)
    assert first["seed"] == definition.read(board).seed(0)
    assert task["quality"]["limit"] > task["quality"]["fresh_mean"]


def test_rounding_of_another_processor_is_no_lie(board, tmp_path):
    def nudge(table):
        table["reward"] = np.nextafter(table["reward"], np.float32(9))

    place = lied(board, tmp_path, nudge)
    said = again(place, "closed", tmp_path / "out", "--seeds", "1")
    assert said.code == 0
    (task,) = said.json["tasks"]
    assert (task["same"], task["ok"], task["difference"]["column"]) == (False, True, "reward")
    loud = rbench("reproduce", "closed", "--board", place, "--out", tmp_path / "out", "--seeds", "1")
    assert "rows differ, first at seed" in loud.err


def test_challenge_seeds_are_named_by_board_entry_and_commit(board, tmp_path):
    said = again(board, "closed", tmp_path, "--challenge-seeds", "2", "--commit", COMMIT)
    found = definition.read(board)
    (task,) = valid(said, "reproduce")["tasks"]
    assert task["seeds"] == list(definition.challenge_seeds(found, "closed", COMMIT, 2))
    assert not set(task["seeds"]) & set(found.seed_list(3))
    assert (task["same"], task["difference"], task["quality"]["fresh_n"]) == (None, None, 2)
    own = [r["quality"] for r in entries.read(board / "entries" / "closed").about["tasks"]["qa/lookup"]["runs"]]
    assert (task["quality"]["mean"], task["quality"]["n"]) == (pytest.approx(np.mean(own)), 2)
    assert said.code == (0 if task["quality"]["fresh_mean"] >= task["quality"]["limit"] else 3)
    assert task["axes"]["stability"]["again"] is not None
    assert {a for a, both in task["axes"].items() if None in both.values()} == set(task["reasons"])


def test_code_of_an_entrys_own_runs_only_when_that_is_said(board, tmp_path):
    said = again(board, "open", tmp_path / "out", "--seeds", "1")
    assert said.code == 2
    one_line(said, "code of its own", "--trust", "container")
    assert not (tmp_path / "out").exists()
    said = again(board, "open", tmp_path / "out", "--seeds", "1", "--trust")
    assert said.code == 0, said.err
    assert "container" in said.err
    assert said.json["tasks"][0]["same"] is True


def test_what_reaches_out_is_seen():
    def design(use, **params):
        return Design("d", (Part("a", use, params=params),))

    assert reproduce.reaches_out(design("judge.score", endpoint="http://example.org", key_env="HOME"))
    assert reproduce.reaches_out(design("likelihood.fluency"))
    assert reproduce.reaches_out(design("os:system"))
    assert reproduce.reaches_out(design("answers.alone")) == ""


def test_a_design_of_another_engine_is_not_trained_under_its_name(board, tmp_path):
    place = shutil.copytree(board, tmp_path / "old")
    spec = place / "entries" / "closed" / "qa-lookup" / "spec.toml"
    spec.write_text(spec.read_text().replace("engine = 5", "engine = 4"))
    said = again(place, "closed", tmp_path / "out")
    assert said.code == 5
    one_line(said, "its engine is '4', the board's '5'")


def test_a_board_without_a_scale_says_so_before_the_first_step(board, tmp_path):
    place = shutil.copytree(board, tmp_path / "bare")
    text = (place / "board.toml").read_text()
    (place / "board.toml").write_text(text[: text.index("[scale")])
    said = again(place, "closed", tmp_path / "out")
    assert said.code == 5
    one_line(said, "board small has no scale for qa/lookup", "rbench board freeze")
    assert not (tmp_path / "out").exists()


COMMIT = "0123456789abcdef0123456789abcdef01234567"
WRONG = {
    ("closd",): (2, "did you mean 'closed'?"),
    ("closed", "--challenge-seeds", "2"): (2, "go together"),
    ("closed", "--commit", COMMIT): (2, "go together"),
    ("closed", "--challenge-seeds", "2", "--commit", "HEAD"): (2, "no whole hash"),
    ("closed", "--challenge-seeds", "2", "--commit", COMMIT[:12]): (2, "no whole hash"),
    ("closed", "--seeds", "1", "--challenge-seeds", "2", "--commit", COMMIT): (2, "give one of them"),
    ("closed", "--seeds", "7"): (2, "entry closed has 2 seeds on qa/lookup"),
    ("closed", "--task", "qa/lokup"): (2, "did you mean 'qa/lookup'?"),
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_word_is_one_line(words, board, tmp_path):
    said = rbench("reproduce", *words, "--board", board, "--out", tmp_path / "out")
    code, line = WRONG[words]
    assert said.code == code
    one_line(said, line)


# --- rbench verify --level reproduced ------------------------------------------------------------


@pytest.mark.parametrize("seeds", [0, 1])
def test_verify_trains_anew(seeds, board, tmp_path, monkeypatch):
    from sweeping import here

    from rewardbench import sweep
    from rewardbench.boards.checks import _case as cases

    monkeypatch.setattr(sweep, "execute", here)
    found = definition.read(board)

    def case(name, place=board):
        entry = entries.read(place / "entries" / name)
        return cases.Case(entry.folder, found, entry.about, seeds)

    assert reproduce.check(case("closed"), seeds) == []
    with pytest.raises(cases.NotChecked, match="--trust"):
        reproduce.check(case("open"), seeds)
    liar = lied(board, tmp_path, lambda table: table.update(gold=np.ones_like(table["gold"])))
    (finding,) = reproduce.check(case("closed", liar), seeds)
    assert finding.code == "V41"
    assert len(finding.evidence["tasks"][0]["seeds"]) == (seeds or 2)
    assert "is below the limit" in finding.message
