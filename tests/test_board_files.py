"""Is a damaged file of a board told in one line, and never in a traceback?"""

import json

import pytest
import tomli_w
from sweeping import ROOT

from rewardbench.boards import citing, definition, evidence, studies, writing
from rewardbench.boards.studies import audits
from rewardbench.types import UserError

TOLD = {
    "schema_version": 1, "name": "x", "version": 1, "summary": "x", "tasks": ["qa/lookup"], "policy": "tiny",
    "algorithm": "grpo", "budget": "2", "seeds": 5, "control_seeds": 10, "baseline": "reference",
}  # fmt: skip
ENDS = {"low": 0.1, "high": 0.9, "low_se": 0.01, "high_se": 0.01}


def board(folder, **more):
    (folder / "board.toml").write_text(tomli_w.dumps(TOLD | more))
    return definition.read(folder)


def test_a_board_with_every_table_is_read(tmp_path):
    found = board(tmp_path, scale={"qa/lookup": ENDS}, options={"clip": 0.2}, generated=2)
    assert (found.scale["qa/lookup"]["high"], found.options["clip"], found.generated) == (0.9, 0.2, 2)


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"weights": 3}, "weights must be a table"),
        ({"weights": {"quality": "much", "stability": 0.0, "efficiency": 0.0, "diversity": 0.0}}, "sum to 1"),
        ({"weights": {"quality": 0.9, "stability": 0.2, "efficiency": 0.0, "diversity": 0.0}}, "sum to 1"),
        ({"options": ["clip"]}, "options must be a table"),
        ({"scale": {"qa/lookup": 0.5}}, "the scale of qa/lookup needs low, high, low_se, high_se"),
        ({"scale": {"qa/lookup": {"low": 0.1, "high": 0.9}}}, "the scale of qa/lookup needs"),
        ({"generated": "forty"}, "generated must be a whole number of at least 0"),
        ({"control_seeds": 3}, "control_seeds must be at least seeds"),
        ({"seeds": 1}, "gives no interval"),
        ({"tasks": []}, "tasks must be a list of names"),
        ({"algorithms": [["grpo"]]}, "algorithms must be a list of names"),
    ],
)
def test_what_no_board_can_fix_is_one_line(more, line, tmp_path):
    with pytest.raises(UserError, match=line):
        board(tmp_path, **more)


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"entries": []}', '{"entries": {"a": {}}}', '{"entries": {"a": {"level": "sure", "digest": "", "flags": [], "accepted": true}}}']
)
def test_evidence_that_is_damaged_is_one_line(text, tmp_path):
    found = board(tmp_path)
    assert evidence.read(found) == {}
    (tmp_path / "evidence.json").write_text(text)
    with pytest.raises(UserError, match=r"evidence\.json is damaged") as told:
        evidence.read(found)
    assert told.value.code == 5


def test_a_study_that_is_damaged_is_one_line(tmp_path):
    found = board(tmp_path)
    row = dict.fromkeys(audits.NEEDED, "x")
    studies.write(found, "audits", [row])
    assert studies.read(found, "audits") == [row]
    (tmp_path / "studies" / "audits.jsonl").write_text('{"task": \n')
    with pytest.raises(UserError, match=r"audits\.jsonl is damaged") as told:
        studies.read(found, "audits")
    assert told.value.code == 5


@pytest.mark.parametrize(
    ("change", "words"),
    [({"licence": None}, "'licence'"), ({"authors": 5}, "'authors'"), ({"rank": 1}, "rank"), ({"tasks": {}}, "'tasks'"), ({"entry": "../x"}, "'entry'")],
)
def test_an_entry_that_does_not_say_what_an_entry_says_is_one_line(change, words, tmp_path):
    board(tmp_path)
    place = tmp_path / "entries" / "mine"
    place.mkdir(parents=True)
    about = json.loads((ROOT / "leaderboards" / "cpu" / "entries" / "reference" / "entry.json").read_text()) | change
    (place / "entry.json").write_text(json.dumps({k: v for k, v in about.items() if v is not None}))
    with pytest.raises(UserError, match=r"mine/entry\.json is damaged") as told:
        citing.works(f"{tmp_path}/mine")
    assert (told.value.code, words in str(told.value)) == (5, True)


def test_a_board_without_entries_has_no_pages(tmp_path):
    assert writing.pages(board(tmp_path), {"entries": []}, tmp_path / "pages") == []


def test_an_entry_without_a_manifest_is_cited_without_a_digest(tmp_path):
    board(tmp_path)
    place = tmp_path / "entries" / "mine"
    place.mkdir(parents=True)
    about = json.loads((ROOT / "leaderboards" / "cpu" / "entries" / "reference" / "entry.json").read_text())
    (place / "entry.json").write_text(json.dumps(about | {"entry": "mine", "kind": "submitted"}))
    assert citing.works(f"{tmp_path}/mine")[0].digest == ""
