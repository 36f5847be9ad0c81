"""Do the studies of a board run, go on, and tell what came of it? On a small board, with runs of two steps."""

import json
from types import SimpleNamespace

import pytest
from boarding import SCALE, TASK, define
from sweeping import one_line, rbench

from rewardbench.audit import code_hash
from rewardbench.boards import definition, studies, truth
from rewardbench.boards.studies import audits, challenge, sensitivity
from rewardbench.types import UserError


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    return define(tmp_path_factory.mktemp("studied") / "small", 1, audit=code_hash())


def read(board, name):
    return [json.loads(line) for line in (board / "studies" / f"{name}.jsonl").read_text().splitlines()]


def test_every_design_with_a_reward_is_audited_once_a_stage_and_goes_on_after_a_kill(board, monkeypatch):
    monkeypatch.setattr(audits, "STAGES", 1)
    monkeypatch.setattr(audits, "PROMPTS", 8)
    monkeypatch.setattr(audits, "SAMPLES", 4)
    said = rbench("board", "study", "audits", board)
    assert said.code == 0, said.err
    rows = {r["entry"]: r for r in read(board, "audits")}
    assert set(rows) == {"random", "constant", "length", "format", "echo", "brevity", "contains", "exploit", "form",
                         "reference", "qa-lookup-g01"}  # fmt: skip
    assert rows["constant"]["pairs"] == 0.5  # all ties
    assert rows["reference"]["pairs"] > rows["exploit"]["pairs"]
    assert rows["constant"]["verdict"] == "silent"
    asked = []
    monkeypatch.setattr(audits, "_row", lambda task, name, *rest: asked.append(name) or rows[name])
    studies.write(definition.read(board), "audits", [r for n, r in rows.items() if n != "form"])
    assert rbench("board", "study", "audits", board).code == 0
    assert asked == ["form"]


def test_another_audit_than_the_frozen_one_is_refused(tmp_path):
    said = rbench("board", "study", "audits", define(tmp_path / "small", 1, audit="0" * 64))
    assert said.code == 2
    one_line(said, "another version of the audit")


def test_fresh_seeds_and_copies_of_a_design_are_told_apart(board, tmp_path, monkeypatch):
    monkeypatch.setattr(challenge, "DESIGNS", ("form",))
    monkeypatch.setattr(challenge, "FRESH", 2)
    monkeypatch.setattr(challenge, "COPIES", 2)
    said = rbench("board", "study", "challenge", board, "--out", tmp_path)
    assert said.code == 0, said.err
    rows, found = read(board, "challenge"), definition.read(board)
    fresh, copies = ([r for r in rows if r["sort"] == sort] for sort in ("fresh", "copy"))
    assert {r["seed"] for r in fresh} == set(definition.challenge_seeds(found, "form", "study", 2))
    assert {(r["copy"], r["seed"]) for r in copies} == {(c, s) for c in (0, 1) for s in found.seed_list(2)}
    assert all(isinstance(r["quality"], float) for r in rows)
    texts = [(tmp_path / "copies" / "qa-lookup" / f"form-{i}.toml").read_text() for i in (0, 1)]
    assert texts[0] != texts[1]


def test_another_trainer_is_another_policy_file_or_algorithm_and_nothing_else(board, tmp_path, monkeypatch):
    monkeypatch.setattr(sensitivity, "SIX", {TASK: ("reference", "form")})
    monkeypatch.setattr(sensitivity, "RATES", sensitivity.RATES[:2])
    said = rbench("board", "study", "sensitivity", board, "--out", tmp_path)
    assert said.code == 0, said.err
    rows, found = read(board, "sensitivity"), definition.read(board)
    assert {(r["rate"], r["algorithm"]) for r in rows} == {(a, b) for a in ("third", "same") for b in ("grpo", "dr_grpo")}
    assert {r["seed"] for r in rows} == set(found.seed_list(2))
    third = (tmp_path / "policies" / "tiny-third.toml").read_text()
    assert f"learning_rate = {1e-3 / 3}" in third
    told = truth.truth(found, {TASK: []}, {TASK: set()}, {TASK: set()})["sensitivity"]
    assert [t["tau"] for t in told[TASK]["trainers"] if (t["rate"], t["algorithm"]) == ("same", "grpo")] == [1.0]
    assert set(told[TASK]["designs"]) == {"reference", "form"}


TWO = ((TASK, "form"), ("writing/story", "reference"))
"""(task, design) of two things that a study does one after another."""


def broken_off(monkeypatch, study):
    """A study that is done anew and broken off behind the first of two."""

    def run(spec, out, tell):
        if "story" in out.name or "reference" in out.name:
            raise KeyboardInterrupt
        return out

    monkeypatch.setattr(study, "run", run)
    result = SimpleNamespace(
        task=TASK, design="form-0", values={"quality": 0.5}, counted=lambda axis: 0.5, flags=(),
        run=SimpleNamespace(spec=SimpleNamespace(seed=1), status={"status": "done"}),
    )  # fmt: skip
    monkeypatch.setattr(study, "scored" if study is challenge else "load_sweep", lambda *given: [result])
    monkeypatch.setattr(sensitivity, "score", lambda runs: runs)
    monkeypatch.setattr(sensitivity, "_policy", lambda *given: "tiny")
    monkeypatch.setattr(sensitivity, "SIX", dict.fromkeys((TASK, "writing/story"), ("reference",)))
    monkeypatch.setattr(challenge, "DESIGNS", ("form", "reference"))
    monkeypatch.setattr(challenge, "COPIES", 1)


@pytest.mark.parametrize(("name", "study", "key"), [("challenge", challenge, "design"), ("sensitivity", sensitivity, "task")])
def test_a_study_that_is_broken_off_keeps_what_it_has_and_what_it_had(name, study, key, tmp_path, monkeypatch):
    more = {"tasks": [TASK, "writing/story"], "scale": {TASK: SCALE, "writing/story": SCALE}}
    found = definition.read(define(tmp_path / "two", 0, **more))
    plain = dict.fromkeys(study.NEEDED, "")
    old = [plain | {"task": t, "design": d, "seed": s, "old": True} for t, d in TWO for s in (1, 2)]
    broken_off(monkeypatch, study)
    for before in ([], old):  # for the first time, and anew
        studies.write(found, name, before)
        with pytest.raises(KeyboardInterrupt):
            studies.collect(name, found, tmp_path / "out", lambda line: None)
        rows = studies.read(found, name)
        made, kept = [r for r in rows if "old" not in r], [r for r in rows if "old" in r]
        assert {r[key] for r in made} == {TASK if key == "task" else "form"}
        assert kept == [r for r in before if r[key] == ("writing/story" if key == "task" else "reference")]


@pytest.mark.parametrize("line", ["[1]", '{"task": "qa/lookup"}', "{", "7"])
@pytest.mark.parametrize("name", ["audits", "challenge", "sensitivity"])
def test_a_damaged_study_is_one_line(name, line, board):
    path = board / "studies" / f"{name}.jsonl"
    path.parent.mkdir(exist_ok=True)
    before = path.read_text() if path.is_file() else None
    path.write_text(line + "\n")
    with pytest.raises(UserError, match=f"studies/{name}.jsonl is damaged") as error:
        truth.truth(definition.read(board), {}, {}, {})
    assert error.value.code == 5
    path.unlink() if before is None else path.write_text(before)


def test_an_unknown_study_is_answered_with_what_there_is(board):
    said = rbench("board", "study", "audit", board)
    assert said.code == 2
    one_line(said, "unknown study 'audit'", "audits")
