"""How far is an honest bundle believed? Levels, exit codes, JSON, what is never executed, and what each code means."""

import ast
import json
import shutil
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import handed_in as made
import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm as normal
from sweeping import ROOT, environment, one_line, rbench

from rewardbench import seeds
from rewardbench.boards import checks, definition, reproduce, rows, secrets, strict, verify
from rewardbench.boards.checks import (
    _gold,
    v06_rows,
    v09_counters,
    v22_parts,
    v23_reward,
    v25_start,
    v26_control,
    v31_partner,
    v33_copy,
    v34_spread,
    v35_fast,
    v36_null,
    v38_secrets,
    v42_kept,
)
from rewardbench.boards.checks._case import Piece
from rewardbench.boards.finding import SEVERITIES, Finding, Refused
from rewardbench.design import parse
from rewardbench.types import UserError

SCHEMAS = ROOT / "rewardbench" / "schemas"


def valid(found, name):
    """The value, which its schema describes."""
    jsonschema.Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text())).validate(found)
    return found


def serious(verdict):
    return [f for f in verdict.findings if f.severity != "mark"]


# --- honest bundles -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["closed", "thin", "open", "mixed"])
def test_an_honest_bundle_is_rescored_and_nothing_is_found(kind, handed):
    verdict = verify.verify(getattr(handed, kind), handed.board)
    assert (serious(verdict), verdict.level, verdict.accepted) == ([], "rescored", True), verify.lines(verdict)


@pytest.mark.parametrize("name", ["untrained", "constant", "reference"])
def test_the_boards_own_entries_hold(name, handed):
    verdict = verify.verify(handed.board.folder / "entries" / name, handed.board)
    assert (serious(verdict), verdict.level) == ([], "rescored"), verify.lines(verdict)


def test_the_level_is_never_above_what_was_asked_or_could_be_checked(handed):
    assert verify.verify(handed.thin, handed.board, "consistent").level == "consistent"
    asked = verify.verify(handed.thin, handed.board, "regenerated")
    assert asked.level == "rescored"
    assert "no board of this version asks for weights" in dict(asked.unchecked)["V30"]


@pytest.mark.parametrize(("found", "level"), [([], "reproduced"), ([Finding("V41", "it is below the limit")], "rescored")])
def test_a_flagged_challenge_is_not_reached_and_not_rejected(found, level, handed, monkeypatch):
    """Training itself is another module's: what is asked here is how its finding is read."""
    asked = []
    monkeypatch.setattr(reproduce, "check", lambda case, count: asked.append((case.name, count)) or found)
    verdict = verify.verify(handed.thin, handed.board, "reproduced", challenge=2)
    assert (verdict.level, verdict.accepted, asked) == (level, True, [("mine", 2)])


def test_what_was_not_checked_is_said(handed):
    unchecked = dict(verify.verify(handed.open, handed.board).unchecked)
    assert "short" in unchecked["V22"]
    assert "dialogue" in unchecked["V31"]


def test_a_board_without_its_entries_still_rescores_and_says_what_it_could_not_compare(handed, tmp_path):
    folder = shutil.copytree(handed.board.folder, tmp_path / "board", ignore=shutil.ignore_patterns("entries"))
    (folder / "board.json").write_text('{"entries": [{"entry": "reference"}]}')
    verdict = verify.verify(handed.closed, definition.read(folder))
    assert (serious(verdict), verdict.level, verdict.accepted) == ([], "rescored", True), verify.lines(verdict)
    unchecked = dict(verdict.unchecked)
    without = [code for code, why in unchecked.items() if "here without its entries, which a wheel does not carry" in why]
    assert sorted(without) == ["V26", "V33", "V34", "V35", "V36"]
    assert "V26, V33, V34, V35, V36 (board board is here without its entries" in verify.lines(verdict)[-1]


def test_an_entry_of_a_clone_is_held_against_the_clones_board_where_what_ships_has_no_entries(handed, tmp_path, monkeypatch):
    folder = shutil.copytree(handed.board.folder, tmp_path / "wheel", ignore=shutil.ignore_patterns("entries"))
    (folder / "board.json").write_text('{"entries": [{"entry": "reference"}]}')
    monkeypatch.setattr(definition, "boards", lambda: {"small": folder})
    reference = handed.board.folder / "entries" / "reference"
    verdict = verify.verify(reference)
    assert (serious(verdict), verdict.level) == ([], "rescored"), verify.lines(verdict)
    assert verdict.board.folder == handed.board.folder.resolve()
    alone = verify.verify(shutil.copytree(reference, tmp_path / "reference"))
    assert ["without its entries" in f.message for f in serious(alone)] == [True]  # not that the board has none
    other = shutil.copytree(handed.board.folder, tmp_path / "other")
    text = (other / "board.toml").read_text()
    (other / "board.toml").write_text(text.replace("high = 0.9", "high = 0.8"))
    assert verify.verify(other / "entries" / "reference").board.folder == folder  # another board of the same name


def test_without_a_control_and_an_untrained_entry_the_numbers_cannot_follow(handed, tmp_path):
    lone = made.copied(handed.closed, tmp_path)
    shutil.rmtree(lone / "control")
    made.sealed(lone)
    assert serious(verify.verify(lone, handed.board)) == []  # the board has its own
    shutil.copytree(handed.board.folder, tmp_path / "board")
    shutil.rmtree(tmp_path / "board" / "entries")
    verdict = verify.verify(lone, tmp_path / "board")
    assert [f.code for f in serious(verdict)] == ["V05"]
    assert "V25" in dict(verdict.unchecked)


# --- the command ----------------------------------------------------------------------------------


def test_the_command_tells_a_verdict_as_its_schema_says(handed, tmp_path):
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        for path in sorted(p for p in handed.thin.rglob("*") if p.is_file()):
            archive.write(path, f"mine/{path.relative_to(handed.thin).as_posix()}")
    said = rbench("verify", tmp_path / "mine.zip", "--board", handed.board.folder, "--json")
    found = valid(said.json, "verdict")
    assert (said.code, found["level"], found["accepted"]) == (0, "rescored", True)
    assert found["board"]["digest"] == handed.board.digest


def test_a_bundle_that_is_rejected_leaves_with_3_and_names_the_code(handed, tmp_path):
    folder = made.copied(handed.thin, tmp_path)
    made.retable(folder, "scores", lambda c: c | {"gold": np.where(c["step"] == 2, 1.0, c["gold"])})
    made.counted(folder, handed.board)
    said = rbench("verify", folder, "--board", handed.board.folder)
    assert said.code == 3
    assert "reject V20" in said.out
    assert "seed" in said.out
    assert "prompt" in said.out
    found = valid(rbench("verify", folder, "--board", handed.board.folder, "--json").json, "verdict")
    assert (found["level"], found["accepted"]) == ("consistent", False)


def test_mistakes_are_one_line_with_their_code(handed, tmp_path):
    one_line(rbench("verify", tmp_path / "nothing"), "nothing")
    assert rbench("verify", tmp_path / "nothing").code == 5
    (tmp_path / "text.zip").write_text("no archive")
    assert rbench("verify", tmp_path / "text.zip").code == 5
    said = rbench("verify", handed.thin, "--board", handed.board.folder, "--level", "rescord")
    one_line(said, "'rescord'", "did you mean 'rescored'?")
    assert said.code == 2
    said = rbench("verify", handed.thin)  # its board is none that ships
    one_line(said, "'small'", "--board")
    assert said.code == 5


def test_a_board_of_other_code_gives_no_verdict(handed, tmp_path):
    shutil.copytree(handed.board.folder, tmp_path / "board")
    path = tmp_path / "board" / "board.toml"
    path.write_text(path.read_text().replace(f'scorer = "{handed.board.hashes["scorer"]}"', f'scorer = "{"0" * 64}"'))
    with pytest.raises(UserError, match=r"other code \(scorer\)") as error:
        verify.verify(handed.thin, tmp_path / "board")
    assert error.value.code == 4


# --- what is never done ---------------------------------------------------------------------------

LIGHT = """
import sys
from rewardbench.cli import call
code = call(["verify", sys.argv[1], "--board", sys.argv[2]])
print([m for m in ("torch", "transformers", "evaluate", "sklearn") if m in sys.modules], file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize("kind", ["closed", "open", "mixed"])
def test_verifying_loads_no_torch_and_executes_nothing_of_a_bundle(kind, handed, tmp_path):
    marker = tmp_path / "marker"
    words = [sys.executable, "-c", LIGHT, str(getattr(handed, kind)), str(handed.board.folder)]
    done = subprocess.run(words, env=environment(MARKER=str(marker)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.splitlines()[-1] == "[]"
    assert not marker.exists()


def test_the_source_in_the_bundle_would_have_left_its_mark(handed, tmp_path, monkeypatch):
    marker = tmp_path / "marker"
    monkeypatch.setenv("MARKER", str(marker))
    (source,) = handed.open.glob("sources/*/*.py")
    exec(compile(source.read_text(), "own.py", "exec"), {})
    assert marker.exists()


# --- strict reading -------------------------------------------------------------------------------

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(exclude_categories=["Cs"]).filter(lambda c: c != "\0")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(PLAIN)
def test_what_any_writer_writes_is_read_as_any_reader_reads_it(value):
    data = json.dumps(value).encode()
    assert strict.loads(data, "x.json") == json.loads(data)


@pytest.mark.parametrize("quotes", [b'"' * 200_001, b'"\\' * 100_000, b"[" + b'"a",' * 50_000])
def test_a_text_made_to_wear_a_reader_out_is_refused_at_once(quotes):
    with pytest.raises(Refused):
        strict.loads(quotes, "x.json")


def test_a_check_that_breaks_on_a_bundle_refuses_it(handed, monkeypatch):
    from rewardbench.boards.checks import v21_class

    def broken(case):
        raise ZeroDivisionError("of a bundle's making")

    monkeypatch.setattr(v21_class, "check", broken)
    verdict = verify.verify(handed.closed, handed.board)
    assert [(f.code, f.severity) for f in serious(verdict)] == [("V21", "reject")]
    assert not verdict.accepted
    assert verdict.level == "consistent"


# --- checks that need more than the small board has -----------------------------------------------


def test_honest_spread_is_flagged_once_in_a_hundred_and_picked_seeds_far_more_often():
    """Best 5 of 50 normal seeds show .38 standard deviations, honest ones .94: leaderboard practice, simulated."""
    rng = np.random.default_rng(0)
    others = rng.normal(size=(40, 5))
    honest = [v34_spread.spread(rng.normal(size=5), others)[1] < 0.01 for _ in range(4000)]
    best = np.sort(rng.normal(size=(2000, 50)), axis=1)[:, -5:]
    assert best.std(axis=1, ddof=1).mean() == pytest.approx(0.38, abs=0.01)
    picked = [v34_spread.spread(b, others)[1] < 0.01 for b in best]
    assert 0.004 < np.mean(honest) < 0.02
    assert np.mean(picked) > 0.1


def points(steps):
    return SimpleNamespace(where="qa-lookup", specs=[SimpleNamespace(points=(0, 5, 10), steps=steps)])


def test_gold_that_rises_faster_than_when_gold_is_the_reward_is_flagged():
    rng = np.random.default_rng(1)
    oracle = np.stack([np.full(5, 0.2), rng.normal(0.5, 0.02, 5), rng.normal(0.9, 0.02, 5)], axis=1)
    early = np.array([0, 0.2, 0])
    faster = oracle + early
    assert [f.code for f in v35_fast._task(points(10), faster, oracle)] == ["V35"]
    assert v35_fast._task(points(10), oracle - early, oracle) == []
    false = sum(
        bool(v35_fast._task(points(10), rng.normal(0.5, 0.1, (5, 3)), rng.normal(0.5, 0.01, (10, 3)))) for _ in range(1000)
    )
    assert false <= 20  # one in a hundred, though gold itself spreads less
    late = np.array([0, 0, 0.2])
    assert v35_fast._task(points(10), oracle + late, oracle) == []  # in the end a design may be as good as it likes
    many = SimpleNamespace(where="t", specs=[SimpleNamespace(points=tuple(range(21)), steps=20)])
    false = sum(bool(v35_fast._task(many, rng.normal(size=(5, 21)), rng.normal(size=(10, 21)))) for _ in range(500))
    assert false <= 12  # of ten evaluations together


def columns(**more):
    """A hundred completions of one seed before training."""
    told = {"split": np.full(100, "dev", dtype=object), "step": np.zeros(100, int), "temperature": np.ones(100), "prompt": np.full(100, "p", dtype=object), "k": np.arange(100), "seed": np.full(100, 3)}
    return told | {"gold": np.full(100, 0.5), "class": np.zeros(100, int), "tokens": np.full(100, 9), "ended": np.ones(100, bool), "entropy": np.full(100, 2.0)} | more


def piece_of(scores, where="t", **more):
    return SimpleNamespace(where=where, seeds=[3], of=lambda table, seed: scores, **more)


@pytest.mark.parametrize("name", ["gold", "class", "tokens", "ended"])
def test_two_completions_in_a_hundred_may_be_rounded_otherwise_and_three_may_not(name):
    base = piece_of(columns())
    for many, severity in ((0, []), (2, ["flag"]), (3, [""])):
        changed = columns()[name].copy()
        changed[:many] = ~changed[:many] if name == "ended" else changed[:many] + 1
        mine = piece_of(columns(**{name: changed}))
        assert [f.severity for f in v25_start._evaluation(mine, base, 3)] == severity
        assert [f.severity for f in v26_control._seed(mine, base, 3)] == severity
    for drift, severity in ((1e-5, []), (0.01, ["flag"]), (0.03, [""])):
        mine = piece_of(columns(entropy=np.full(100, 2.0 + drift)))
        assert [f.severity for f in v25_start._evaluation(mine, base, 3)] == severity


def test_the_same_words_with_the_same_chances_are_the_same_runs():
    def trained(kl, gold=0.5, seeds=(3,)):
        scores = columns(step=np.full(100, 5), kl=np.full(100, kl), gold=np.full(100, gold))
        return SimpleNamespace(design=SimpleNamespace(trains=True), seeds=list(seeds), of=lambda table, seed: scores)

    assert v33_copy.agreement(trained(1.0), trained(1.001)) == 1
    assert v33_copy.agreement(trained(1.0), trained(1.01)) == 0  # the same words, taught otherwise
    assert v33_copy.agreement(trained(1.0), trained(1.0, gold=0.4)) == 0
    assert v33_copy.agreement(trained(1.0), trained(1.0, seeds=(4,))) == 0
    one, other = (SimpleNamespace(design=SimpleNamespace(parts=(1,)), design_hash="x", algorithm=a) for a in ("grpo", "raft"))
    assert v33_copy._same(one, one)
    assert not v33_copy._same(one, other)  # on a board of algorithms every entry has one design


def asked(module, monkeypatch, ends, kind="submitted", missing=()):
    """What a check of gold at the end finds, of pieces with these ends; the first is the entry's."""
    found = {n: SimpleNamespace(where=n, task="t", seeds=list(range(len(e) + len(missing))), design=SimpleNamespace(trains=True), ends=e) for n, e in ends.items()}
    mine, *others = found.values()
    monkeypatch.setattr(module, "gold_at_end", lambda p: dict(zip([s for s in p.seeds if p is not mine or s not in missing], p.ends)))
    case = SimpleNamespace(pieces=[mine], about={"kind": kind}, others=lambda t: others, listed=lambda name, t: found.get(name))
    return module.check(case)


def test_seeds_that_spread_too_little_are_asked_about_where_there_is_room(monkeypatch):
    wide, close = [0.4, 0.5, 0.6, 0.45, 0.55], [0.5, 0.501, 0.499, 0.5, 0.5005]
    others = {str(i): wide for i in range(8)}
    assert [f.code for f in asked(v34_spread, monkeypatch, {"mine": close, **others})] == ["V34"]
    assert asked(v34_spread, monkeypatch, {"mine": wide, **others}) == []
    assert asked(v34_spread, monkeypatch, {"mine": close, **others}, "control") == []
    assert asked(v34_spread, monkeypatch, {"mine": [v + 0.45 for v in close], **{n: [v + 0.35 for v in e] for n, e in others.items()}}) == []
    assert asked(v34_spread, monkeypatch, {"mine": [v + 0.3 for v in close], **others}) == []  # nobody is near
    assert v34_spread.spread([0.5, 0.5], [wide]) == (1, 1)


def test_an_entry_that_cannot_be_told_from_a_constant_is_marked(monkeypatch):
    flat, noise = [0.2, 0.3, 0.25, 0.22, 0.28], [0.01, -0.01, 0.02, 0, -0.02]
    near, far = ([v + up + n for v, n in zip(flat, noise)] for up in (0, 0.3))
    assert [f.code for f in asked(v36_null, monkeypatch, {"mine": near, "constant": flat})] == ["V36"]
    assert asked(v36_null, monkeypatch, {"mine": far, "constant": flat}) == []
    assert asked(v36_null, monkeypatch, {"mine": near, "constant": flat}, "control") == []


def test_seeds_are_paired_though_a_run_broke_off(monkeypatch):
    """Each seed lifts gold by .1 exactly, and seed 1 was never evaluated."""
    null = [0.1, 0.9, 0.5, 0.3, 0.7]
    mine = [v + 0.1 for s, v in enumerate(null) if s != 1]
    assert asked(v36_null, monkeypatch, {"mine": mine, "constant": null}, missing=(1,)) == []
    tables = {s: columns(step=np.repeat([0, 1, 2, 2], 25), gold=np.repeat([0.0, s / 10, 0.0, 0.2], 25)) for s in (3, 4, 5)}
    tables[4]["step"][:] = 0  # it broke off
    piece = SimpleNamespace(seeds=[3, 4, 5], specs=[SimpleNamespace(points=(0, 1, 2))], of=lambda table, seed: tables[seed])
    assert _gold.gold_at_end(piece) == pytest.approx({3: 0.2, 5: 0.3})


def test_a_prompt_that_is_drawn_twice_has_two_places_and_the_grid_its_own_split():
    drawn = [SimpleNamespace(id=n) for n in "aba"]
    piece = SimpleNamespace(specs=[SimpleNamespace(grid_split="test")], prompts=lambda of, seed: drawn)
    assert v31_partner._drawn(piece, (3, "test", 8, 1.5, "a", 0, 1)) == ("test/3/1.5/2", drawn[2])
    assert v31_partner._drawn(piece, (3, "dev", 0, 1.0, "b", 0, 0)) == ("dev/3/1/1", drawn[1])


def test_kept_completions_are_drawn_like_the_others_and_half_of_five_in_a_hundred_is_noticed_as_such():
    """Honest draws of two of eight have uniform p, also where evaluations share their noise; raised others are seen."""
    rng, ps = np.random.default_rng(5), []
    for _ in range(400):
        level = rng.random((12, 8)).round(1)  # evaluations of one completion go together
        gold = np.concatenate([level, level]).ravel()
        told = columns(gold=gold, step=np.repeat([1, 2], 96), split=np.full(192, "dev", dtype=object), seed=np.full(192, 3), prompt=np.tile(np.repeat(np.arange(12), 8), 2), k=np.tile(np.arange(8), 24))
        own = [i for i in range(192) if told["k"][i] in (2, 5)]
        piece = SimpleNamespace(scores=told, words=lambda own=own: ((i, None, None) for i in own))
        ps.append(v42_kept.p_of(v42_kept.gaps(piece.scores["gold"], list(v42_kept.drawn(piece)))))
    assert 0.02 <= np.mean(np.array(ps) < 0.05) <= 0.085
    assert np.mean(ps) == pytest.approx(0.5, abs=0.05)
    told["gold"] = np.where(np.isin(told["k"], (2, 5)), 0.5, 0.9) + 0.01 * gold
    told["gold"][:96] = 0.5  # kept of the last evaluation alone: the others are not asked
    piece = SimpleNamespace(scores=told, words=lambda: ((i, None, None) for i in own if i >= 96))
    assert len(v42_kept.gaps(piece.scores["gold"], list(v42_kept.drawn(piece)))) == 12
    assert v42_kept.gaps(piece.scores["gold"], list(v42_kept.drawn(piece)))[:, 0] == pytest.approx(-0.4, abs=0.01)


def test_the_variance_of_a_draw_without_replacement_by_hand(monkeypatch):
    """Two of 1 .. 5 kept: 2 - 11 / 3, and 2.5 (1 / 2 + 1 / 3)."""
    told = {n: v[:5] for n, v in columns(gold=np.array([1.0, 2, 3, 4, 5] * 20)).items()}
    piece = SimpleNamespace(scores=told, words=lambda: ((i, None, None) for i in (0, 2)), where="t")
    assert v42_kept.gaps(piece.scores["gold"], list(v42_kept.drawn(piece))) == pytest.approx(np.array([[-5 / 3, 25 / 12]]))
    monkeypatch.setattr(v42_kept, "NUMBERS", ("gold",))
    for p, severity in ((1e-2, []), (5e-4, []), (1e-4, ["flag"]), (5e-7, ["flag"]), (1e-7, ["reject"])):  # of four asked together
        monkeypatch.setattr(v42_kept, "p_of", lambda gap, p=p: p)
        assert [f.severity for f in v42_kept.check(SimpleNamespace(pieces=[piece]))] == severity


def test_two_kept_completions_share_a_class_as_often_as_any_two():
    """By hand, then of honest draws; who gives each completion whose words are not kept a class of its own is seen."""
    told = {n: v[:4] for n, v in columns(**{"class": np.array([0, 0, 1, 2] * 25)}).items()}
    piece = SimpleNamespace(scores=told, words=lambda: ((i, None, None) for i in (0, 1)))
    assert v42_kept.alike(piece, list(v42_kept.drawn(piece))) == pytest.approx(np.array([[5 / 6, 5 / 36]]))
    rng, ps = np.random.default_rng(6), []
    for _ in range(200):
        classes = np.concatenate([rng.integers(0, 3, 12 * 8)] * 2)  # two temperatures that share their noise whole
        heat = np.repeat([0.5, 1.0], 96)
        told = columns(**{"class": classes, "gold": classes / 2, "temperature": heat, "step": np.full(192, 9), "split": np.full(192, "test", dtype=object), "seed": np.full(192, 3), "prompt": np.tile(np.repeat(np.arange(12), 8), 2), "k": np.tile(np.arange(8), 24)})
        own = np.flatnonzero(np.isin(told["k"], (2, 5)))
        piece = SimpleNamespace(scores=told, words=lambda own=own: ((i, None, None) for i in own.tolist()))
        ps.append(v42_kept.p_of(v42_kept.alike(piece, list(v42_kept.drawn(piece)))))
    assert np.mean(np.array(ps) < 0.05) <= 0.09
    assert np.mean(ps) == pytest.approx(0.5, abs=0.08)
    told["class"] = np.where(np.isin(told["k"], (2, 5)), 0, told["k"] + 1)
    assert v42_kept.p_of(v42_kept.alike(piece, list(v42_kept.drawn(piece)))) < 1e-6


def grid_of(split="dev", seeds=(3, 4), steps=(1, 2), prompts=12, samples=8, **more):
    """Completions of several seeds, evaluations and prompts, with the words of k = 2 and 5 kept; alike in everything."""
    size = len(seeds) * len(steps) * prompts * samples
    at = np.unravel_index(np.arange(size), (len(seeds), len(steps), prompts, samples))
    told = {
        "split": np.full(size, split, dtype=object), "seed": np.array(seeds)[at[0]], "step": np.array(steps)[at[1]], "prompt": at[2], "k": at[3],
        "temperature": np.ones(size), "gold": at[3] / 10, "reward": at[3] / 10, "tokens": at[3] + 5.0, "class": np.zeros(size, dtype=int),
    }  # fmt: skip
    told |= {n: f(told) for n, f in more.items()}
    own = np.flatnonzero(np.isin(told["k"], (2, 5))).tolist()
    return SimpleNamespace(scores=told, words=lambda: ((i, None, None) for i in own), where="t")


@pytest.mark.parametrize("split", ["dev", "test"])
@pytest.mark.parametrize("number", ["gold", "reward", "tokens"])
def test_whatever_is_raised_where_no_words_are_kept_is_named(number, split):
    level = np.random.default_rng(7).random(2 * 2 * 12 * 8)
    assert v42_kept.check(SimpleNamespace(pieces=[grid_of(split, **{number: lambda t: level})])) == []
    raised = grid_of(split, **{number: lambda t: level + ~np.isin(t["k"], (2, 5))})
    (found,) = v42_kept.check(SimpleNamespace(pieces=[raised]))
    assert (found.severity, found.message.split(" of the completions")[0]) == ("reject", f"t: {split} {number}")


def test_a_prompt_of_each_seed_is_a_draw_of_its_own_and_its_evaluations_are_not():
    cells = list(v42_kept.drawn(grid_of()))
    assert len(cells) == 2 * 12
    assert {(len(c.kept), len(c.others)) for c in cells} == {(2, 6)}
    assert {len(rows) for c in cells for rows in (*c.kept.values(), *c.others.values())} == {2}


def test_what_an_evaluation_lacks_is_not_compared():
    """KL and the like are no number at some temperatures: a cell with one is left out, not all of them."""
    piece = grid_of(gold=lambda t: np.where((t["prompt"] == 0) & (t["k"] == 7), np.nan, t["gold"]))
    assert len(v42_kept.gaps(piece.scores["gold"], list(v42_kept.drawn(piece)))) == 2 * 11


def test_classes_are_compared_within_an_evaluation():
    """At each evaluation the kept two share a class and nobody else does; across evaluations nobody shares any."""
    alone = grid_of(seeds=(3,), prompts=1, **{"class": lambda t: 10 * t["step"] + np.where(t["k"] == 2, 5, t["k"])})
    assert v42_kept.alike(alone, list(v42_kept.drawn(alone))) == pytest.approx(np.array([[27 / 28, 27 / 28**2]]))
    hot = grid_of("test", seeds=(3,), prompts=1, temperature=lambda t: t["step"] / 2, step=lambda t: np.full(len(t["k"]), 9))
    hot.scores["class"] = alone.scores["class"]
    assert v42_kept.alike(hot, list(v42_kept.drawn(hot))) == pytest.approx(np.array([[27 / 28, 27 / 28**2]]))


def test_where_another_number_than_two_is_kept_classes_are_not_asked():
    piece = grid_of(seeds=(3,), prompts=1, steps=(1,))
    for own, many in (((2, 5), 1), ((2, 5, 6), 0), ((2,), 0)):
        piece.words = lambda own=own: ((i, None, None) for i in own)
        assert len(v42_kept.alike(piece, list(v42_kept.drawn(piece)))) == many


@pytest.mark.parametrize(("entry", "task", "told"), [("reference", "qa-lookup", 0.035), ("rouge", "writing-story", 0.075)])
def test_what_can_be_added_to_gold_unseen(entry, task, told):
    """The lie in Q that is flagged half of the time, of eight p's at 1e-3, on gold where no words are kept."""
    home = ROOT / "leaderboards" / "cpu"
    piece = Piece(home / "entries" / entry / task, task)
    cells = [c for c in v42_kept.drawn(piece) if c.split == "dev"]
    gap = v42_kept.gaps(piece.scores["gold"], cells)
    scale = definition.read(home).scale[piece.task]
    needed = normal.isf(v42_kept.FLAGGED / 16) * np.sqrt(gap[:, 1].sum()) / len(gap)
    assert needed * 6 / 8 / (scale["high"] - scale["low"]) == pytest.approx(told, abs=0.005)


def told_of(lengths, at=(0, 2, 4), tokens=(10, 20, 30)):
    """A run whose evaluations have completions of these tokens, and its training steps these lengths."""
    scores = {"split": np.array(["dev"] * len(at) + ["test"], dtype=object), "step": np.array([*at, 4]), "tokens": np.array([*tokens, 99])}
    steps = {"step": np.arange(len(lengths)), "length": np.array(lengths, dtype=np.float32)} if lengths else {}
    return SimpleNamespace(of=lambda table, seed: scores if table == "scores" else steps)


def test_what_training_is_charged_is_held_against_the_lengths_of_evaluations_by_hand():
    """Drawn out between evaluations 10, 15, 20, 25 are expected, 70 in all; what the grid says does not count."""
    assert v09_counters._drift(told_of([10, 15, 20, 25]), 3) == pytest.approx([0, 0, 0, 0])
    assert v09_counters._drift(told_of([20, 15, 20, 15]), 3) == pytest.approx([0, 10 / 70, 0, 0])  # charged too early
    assert v09_counters._drift(told_of([0, 0, 35, 35]), 3) == pytest.approx([0, -25 / 70, 0, 0])  # or when all is learnt
    broke_off = told_of([10, 15, 20, 40], (0, 2), (10, 20))  # 10, 15, 20, 20 are expected, and the end is asked too
    assert v09_counters._drift(broke_off, 3) == pytest.approx([0, 0, 20 / 65])
    assert v09_counters._drift(told_of([]), 3) is None
    assert v09_counters._drift(told_of([0, 0], (0,), (0,)), 3) is None  # nobody said a word


@pytest.mark.parametrize(
    ("drifts", "found"),
    [
        ([[0.0, -0.2], [0.25, 0.0]], []),
        ([[-0.2, 0.25], [-0.2, 0.25]], []),
        ([[-0.3, 0.0], [-0.05, 0.1]], []),  # one seed alone may be far off
        ([[0.0, 0.4], [0.0, 0.05]], []),
        ([[0.0, 0.26], [0.1, 0.26]], ["26% of the whole more"]),
        ([[-0.21, 0.0], [0.1, -0.21]], ["21% of the whole less"]),
        ([[-0.3, 0.0, 0.0], [0.0, -0.3, 0.0]], ["30% of the whole less"]),  # at whichever evaluation
        ([None, None], []),
    ],
)
def test_the_mean_over_seeds_of_what_is_charged_may_be_a_fifth_below_and_a_quarter_above(drifts, found, monkeypatch):
    piece = SimpleNamespace(where="t", seeds=[0, 1], specs=[SimpleNamespace(algorithm="grpo")])
    monkeypatch.setattr(v09_counters, "_drift", lambda piece, seed: drifts[seed])
    told = v09_counters._lengths(piece)
    assert [f.severity for f in told] == ["flag"] * len(found)
    assert all(words in f.message for f, words in zip(told, found))
    piece.specs[0].algorithm = "best_of_n"  # its evaluations have the chosen ones, training has all
    assert v09_counters._lengths(piece) == []


@pytest.mark.parametrize(
    ("algorithm", "status", "counted", "right"),
    [
        ("grpo", "done", [0, 1, 2, 3], True),
        ("grpo", "done", [0, 1, 2], False),
        ("grpo", "done", [0, 1, 2, 3, 4], False),
        ("grpo", "failed", [0, 1], True),
        ("grpo", "failed", [], True),
        ("grpo", "failed", [1], False),
        ("grpo", "failed", [0, 1, 2, 3, 4], False),  # more than the budget has
        ("best_of_n", "done", [], True),
        ("best_of_n", "done", [0, 1, 2, 3], False),  # it learns nothing
        ("untrained", "done", [], True),
        ("untrained", "done", [0], False),
    ],
)
def test_the_steps_of_a_run_are_those_of_its_budget(algorithm, status, counted, right, monkeypatch):
    scores = {"seed": np.array([3]), "split": np.array(["dev"], dtype=object), "step": np.array([0]), "temperature": np.ones(1), "prompt": np.array(["a"], dtype=object), "k": np.array([0])}
    tables = {"scores": scores, "texts": scores, "steps": {"step": np.array(counted)}}
    piece = SimpleNamespace(where="t", of=lambda table, seed: tables[table])
    spec = SimpleNamespace(seed=3, steps=4, points=(0,), algorithm=algorithm, design=SimpleNamespace(trains=algorithm != "untrained"))
    monkeypatch.setattr(v06_rows, "expected_keys", lambda *given: rows.keys(scores))
    monkeypatch.setattr(v06_rows, "_picked", lambda *given: True)
    assert (v06_rows._run(piece, spec, {"status": status}, True) == []) is right


DEV, GRID = [("dev", 0, 1.0), ("dev", 2, 1.0)], [("test", 2, 0.5), ("test", 2, 1.0)]


def chosen(dev=(1,), grid=(1,), order=(*DEV, *GRID), b=None):
    """Keys of rows: these k of each of two prompts at each evaluation; of prompt b others on a split, where said."""
    ks = {"a": {"dev": dev, "test": grid}, "b": {"dev": dev, "test": grid} | (b or {})}
    return rows.numbered((3, *at, prompt, k) for at in order for prompt in "ab" for k in ks[prompt][at[0]])


@pytest.mark.parametrize(
    ("there", "right"),
    [
        (chosen(), True),
        (chosen((0, 2), (0, 1, 2)), True),
        (chosen((3,), (2,)), True),
        (chosen(b={"test": (0,)}), True),  # whichever is chosen of each
        (chosen((4,)), False),
        (chosen((-1,)), False),
        (chosen(grid=(3,)), False),  # the grid has fewer
        (chosen((1, 1)), False),
        (chosen((2, 1)), False),
        (chosen(b={"dev": (0, 1)}), False),  # more of one prompt than of the other
        (chosen((0, 1, 2), b={"dev": (0,)}), False),
        (chosen(order=(*GRID, *DEV)), False),
        (chosen(order=(DEV[1], DEV[0], *GRID)), False),
        (chosen(order=DEV), False),
        (chosen(order=GRID), False),
        (chosen(order=(DEV[0], *GRID)), False),
        ([k for k in chosen() if k[4] == "a"], False),
        ([], False),
    ],
)
def test_rows_of_an_algorithm_that_chooses_are_equally_many_of_every_prompt(there, right):
    spec = SimpleNamespace(eval_samples=4, grid_samples=3)
    assert v06_rows._picked(there, chosen(range(4), range(3)), spec) is right


GATED = """
combine = "gate"
[[part]]
use = "answers.alone"
gate = 0.7
[[part]]
use = "answers.brief"
weight = 1.0
"""


def follows(text, parts, reward, gold=(0.0, 0.0)):
    """Of two completions, whether each reward follows from these scores."""
    design = parse(text, "d") if isinstance(text, str) else text
    scores = {f"part/{p.name}": np.array(v, dtype=np.float32) for p, v in zip(design.parts, parts)}
    return v23_reward._follows(SimpleNamespace(design=design, scores=scores | {"reward": np.array(reward, dtype=np.float32), "gold": np.array(gold)})).tolist()


def test_a_gate_does_not_hang_on_how_its_score_was_rounded():
    assert follows(GATED, [[0.7, 0.3], [1.0, 1.0]], [1, 0]) == [True, True]
    assert follows(GATED, [[0.7, 0.3], [1.0, 1.0]], [1, 1]) == [True, False]
    assert follows(GATED, [[0.9, 0.9], [1.0, 1.0]], [1.001, np.nan]) == [False, False]


def test_the_oracle_is_paid_gold_and_untrained_nothing():
    oracle = SimpleNamespace(parts=[SimpleNamespace(name="oracle", use="oracle")])
    assert follows(oracle, [[0.25, 0.75]], [0.25, 0.75], (0.25, 0.5)) == [True, False]
    assert follows(SimpleNamespace(parts=[]), [], [np.nan, 0.0]) == [True, False]


def test_parts_that_are_not_called_are_named(handed, monkeypatch):
    every = v22_parts._callable
    monkeypatch.setattr(v22_parts, "_callable", lambda design: replace(every(design), parts=every(design).parts[:1]))
    marks = [f.message for f in verify.verify(handed.thin, handed.board).findings if f.code == "V22"]
    assert marks == ["not called: qa-lookup: brief"]


def test_beside_a_part_of_the_entrys_own_the_registered_ones_are_called(handed, tmp_path):
    verdict = verify.verify(handed.mixed, handed.board)
    assert "V22" not in dict(verdict.unchecked)
    assert [f.message for f in verdict.findings if f.code == "V22"] == ["not called: qa-lookup: short"]

    def paid_more(columns):
        at = np.flatnonzero((columns["split"] == "dev") & (columns["step"] == 2))[:40]
        columns["part/brief"][at] += np.float32(1)
        columns["reward"][at] += 0.25

    forged = made.counted(made.retable(made.copied(handed.mixed, tmp_path), "scores", paid_more), handed.board)
    verdict = verify.verify(forged, handed.board)
    assert ([f.code for f in serious(verdict)], verdict.level, verdict.accepted) == (["V22"], "consistent", False)
    assert "'brief' is" in serious(verdict)[0].message


def test_all_parts_together_have_a_limit(handed, monkeypatch):
    def slow(*words):
        time.sleep(0.05)
        raise AssertionError("was not stopped")

    monkeypatch.setattr(v22_parts, "score", slow)
    monkeypatch.setattr(v22_parts, "WHOLE", 0.0)
    told = [f for f in verify.verify(handed.thin, handed.board).findings if f.code == "V22"]
    assert told
    assert all("gave no scores within" in f.message for f in told)


def test_a_part_that_abstains_is_silent_in_its_column_too(monkeypatch):
    monkeypatch.setattr(v22_parts, "score", lambda *words: SimpleNamespace(scores=np.array([[np.nan], [1.0]])))

    def found(*claimed):
        piece = SimpleNamespace(where="t", task="t", at=str, scores={"part/x": np.array(claimed, dtype=np.float32)})
        return v22_parts._of(piece, SimpleNamespace(name="x"), [[[0], [1]]], [None], float("inf"))

    assert found(np.nan, 1.0) == []
    assert found(0.0, 1.0)[0].evidence["places"] == ["0: 'x' is 0, its words get nan"]


@pytest.fixture
def dialogue(tmp_path):
    """Kept dialogues of the booking task, with the partner's own words at every turn."""
    from rewardbench import find

    task, seed = find.task("dialogue/booking"), 3
    prompts = [p for p, _ in zip(task.prompts("dev", seed), range(4))]
    columns = {n: [] for n in ("seed", "split", "step", "temperature", "prompt", "k", "prompt_text", "text", "messages")}
    for p, prompt in enumerate(prompts):
        said = []
        for turn, words in enumerate(("Which day?", "What time?", "How many people?", "It is booked.")):
            said.append({"role": "assistant", "content": words})
            reply = task.reply(prompt, said, seeds.stream(f"partner/dev/{seed}/1/{p}/2/{turn}"))
            if reply is None:
                break
            said.append({"role": "user", "content": reply})
        values = (seed, "dev", 0, 1.0, prompt.id, 2, prompt.plain(), "\n".join(m["content"] for m in said[::2]), json.dumps(said))
        for column, value in zip(columns.values(), values, strict=True):
            column.append(value)
    rows._write(tmp_path / "texts.parquet", {n: np.array(v) for n, v in columns.items()})
    (tmp_path / "spec.toml").write_text(f'task = "dialogue/booking"\neval_prompts = {len(prompts)}\n')
    piece = Piece(tmp_path, "dialogue-booking")
    piece.__dict__["specs"] = [SimpleNamespace(grid_split="test")]
    return piece


def test_a_partner_who_says_something_else_is_found(dialogue):
    assert v31_partner._of(dialogue) == []
    first = json.loads(dialogue.texts["messages"][0])
    assert len(first) > 2
    first[1]["content"] = "Whatever suits you."
    dialogue.texts["messages"][0] = json.dumps(first)
    (found,) = v31_partner._of(dialogue)
    assert "something else" in found.message
    dialogue.texts["text"][1] = "It is booked."
    assert len(v31_partner._of(dialogue)) == 2


def test_a_partner_who_is_passed_over_is_missed(dialogue):
    alone = [m for m in json.loads(dialogue.texts["messages"][0]) if m["role"] == "assistant"]
    dialogue.texts["messages"][0] = json.dumps(alone)
    (found,) = v31_partner._of(dialogue)
    assert "something else" in found.message


# --- codes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", checks.files())
def test_every_check_says_what_it_asks_why_and_how_to_mend_it(code):
    path = checks.files()[code]
    tree = ast.parse(path.read_text())
    first, _, rest = ast.get_docstring(tree).partition("\n")
    assert first.endswith(".")
    assert "Why: " in rest
    assert "Mend: " in rest
    values = {n.targets[0].id: ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id in ("CODE", "LEVEL", "SEVERITY")}
    assert values["CODE"] == code
    assert values["LEVEL"] in checks.LEVELS[1:]
    assert values["SEVERITY"] in SEVERITIES


def test_checks_that_execute_nothing_come_before_those_that_train():
    import importlib

    modules = {c: importlib.import_module(f"rewardbench.boards.checks.{p.stem}") for c, p in checks.files().items()}
    for code, module in modules.items():
        for before in module.AFTER:
            assert checks.LEVELS.index(modules[before].LEVEL) <= checks.LEVELS.index(module.LEVEL), code


def test_paths_are_flagged_and_keys_rejected():
    assert v38_secrets.HOME in secrets.PATTERNS
    assert (v38_secrets.SEVERITY, len(secrets.PATTERNS) > 5) == ("reject", True)


def test_every_check_has_a_lie_that_it_finds():
    import test_hostile as hostile

    elsewhere = {"V30", "V31", "V34", "V35", "V36", "V41"}
    found = {code for _, code in (*hostile.ARCHIVES.values(), *hostile.UNREADABLE.values())}
    found |= set().union(*(expected for _, expected in hostile.LIES.values()))
    assert found | elsewhere == set(checks.files())


@pytest.mark.parametrize(
    ("code", "kind", "word"),
    [("V05", "check", "rows"), ("v20", "check", "gold"), ("hacked", "metric", "reward"), ("echo", "probe", "prompt"), ("5", "exit", "not available"), ("130", "exit", "resume")],
)
def test_a_code_is_explained(code, kind, word):
    found = valid(rbench("explain", code, "--json").json, "explain")
    assert found["kind"] == kind
    assert word in found["text"] + found["summary"]
    shown = rbench("explain", code)
    assert found["text"].splitlines()[0] in shown.out


def test_everything_that_can_be_found_can_be_explained():
    from rewardbench.commands import _explaining

    for code in _explaining.there():
        found = valid(_explaining.explained(code), "explain")
        assert found["summary"], code


def test_every_exit_code_is_explained_in_the_words_of_the_help():
    from rewardbench.cli import EPILOG
    from rewardbench.commands import _explaining

    told = dict(one.strip(" .").split(" ", 1) for one in EPILOG.replace("\n", " ").removeprefix("Exit codes:").split("·"))
    assert set(told) == set(_explaining.EXITS)
    assert all(says.split()[0].strip(",") in told[code] for code, (says, _) in _explaining.EXITS.items())


def test_an_unknown_code_names_the_nearest():
    for code in ("V32", "V40"):  # between others, and none
        assert "there is: a check such as V01, a flag such as" in one_line(rbench("explain", code))
    said = rbench("explain", "hackd")
    one_line(said, "'hackd'", "did you mean 'hacked'?")
    assert said.code == 2


# --- how levels are read --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stopping", "unmade", "level"),
    [
        ("", "", "reproduced"),
        ("", "V30", "reproduced"),  # training anew says more
        ("", "V30 V41", "rescored"),
        ("", "V21", "reproduced"),  # the first check of a level was made
        ("V21", "", "consistent"),
        ("V05", "", "reported"),
        ("V41", "", "regenerated"),
        ("V05 V41", "V20", "reported"),
    ],
)
def test_a_level_is_reached_up_to_what_stops_it(stopping, unmade, level):
    of = {"V05": "consistent", "V20": "rescored", "V21": "rescored", "V30": "regenerated", "V41": "reproduced"}
    assert verify._reached(of, set(stopping.split()), set(unmade.split()), checks.LEVELS) == level


def test_of_many_findings_the_first_are_told_and_the_others_counted():
    module = SimpleNamespace(CODE="V99", SEVERITY="flag", check=lambda case: [Finding("V99", str(i), severity="mark" if i else "") for i in range(60)])
    found, why = verify._asked(module, None)
    assert (len(found), found[-1].message, why) == (50, "and 11 more of this kind", "")
    assert [f.severity for f in found[:2]] == ["flag", "mark"]


def test_depth_and_integers_are_bounded_on_the_dot():
    assert strict.loads(b"[" * 24 + b"]" * 24, "x") is not None
    assert strict.loads(b"[" + b"[]," * 40 + b"[]]", "x") == [[]] * 41
    assert strict.loads(b"[9223372036854775808, -9223372036854775808]", "x") == [2**63, -(2**63)]
    assert strict.toml(b"a = 9223372036854775807", "x") == {"a": 2**63 - 1}
    for data in (b"[" * 25 + b"]" * 25, b"9223372036854775809", b"-9223372036854775809"):
        with pytest.raises(Refused):
            strict.loads(data, "x")
    with pytest.raises(Refused):
        strict.toml(b"a = [1, -99999999999999999999]", "x")
