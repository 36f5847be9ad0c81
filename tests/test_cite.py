"""Is what was used cited so that a reader finds the same thing, in a form that other programs read?"""

import json
import re
import shutil

import pytest
import yaml
from small_board import ran
from sweeping import ROOT, one_line, rbench

import rewardbench
from rewardbench import find
from rewardbench.boards import citing, definition
from rewardbench.commands import cite

CFF = yaml.safe_load((ROOT / "CITATION.cff").read_text())


def entries_of(text):
    """(kind, key, fields) of each BibTeX entry, by a reader of its own that follows braces."""
    found = []
    for kind, key, body in re.findall(r"@(\w+)\{([^,\s]+),\n(.*?)\n\}", text, re.S):
        fields = {}
        for line in body.splitlines():
            name, value = re.fullmatch(r"  (\w+) = \{(.*)\},", line).groups()
            depth = 0
            for before, c in zip(" " + value, value):
                depth += (c == "{" and before != "\\") - (c == "}" and before != "\\")
                assert depth >= 0, value
            assert depth == 0, value
            fields[name] = value
        found.append((kind, key, fields))
    assert text.count("@") == len(found)
    return found


@pytest.mark.parametrize("words", [(), ("suite",)])
def test_the_suite_is_cited_from_its_citation_file(words):
    ((kind, key, fields),) = entries_of(rbench("cite", *words).out)
    assert (kind, key) == ("misc", "rewardbench_suite")
    assert fields["title"] == "{" + CFF["title"] + "}"
    assert fields["version"] == rewardbench.__version__
    assert fields["year"] == str(CFF["date-released"].year)
    assert fields["author"] == "{" + CFF["authors"][0]["name"] + "}"  # a group, not a person called authors
    assert rbench("cite", "--format", "cff").out == (ROOT / "CITATION.cff").read_text()
    assert rewardbench.__version__ in rbench("cite", "--format", "plain").out


@pytest.mark.parametrize("task", find.listing("tasks"))
def test_a_task_is_cited_with_its_version_and_code(task):
    (_, key, fields), suite, *_ = entries_of(rbench("cite", task).out)
    assert key == f"rewardbench_suite_{task.replace('/', '_')}"
    assert fields["version"] == str(find.task(task).version)
    assert find.task_digest(task)[:16] in fields["note"]
    assert suite[1] == "rewardbench_suite"


def test_a_task_on_data_of_others_cites_them():
    *_, (kind, _, fields) = entries_of(rbench("cite", "qa/math").out)
    assert kind == "article"
    assert fields["author"].startswith("Karl Cobbe and Vineet Kosaraju")
    assert fields["author"].count(" and ") == 11
    assert fields["url"] == "https://arxiv.org/abs/2110.14168"
    assert "GSM8K" in (ROOT / "tasks/qa/math/README.md").read_text()
    assert "Cobbe" in rbench("cite", "qa/math", "--format", "plain").out
    told = yaml.safe_load(rbench("cite", "qa/math", "--format", "cff").out)
    assert [r["type"] for r in told["references"]] == ["software", "article"]


@pytest.fixture(scope="module")
def board(small, small_swept, tmp_path_factory):
    """A board with two entries."""
    folder = tmp_path_factory.mktemp("with")
    place = shutil.copytree(small, folder / "small")
    three = ran(small, folder / "three", "--design", "untrained", "--seeds", "3")
    assert rbench("board", "add", place, three, small_swept).code == 0
    return place


def test_a_board_is_cited_with_version_and_digest(board):
    (_, key, fields), suite = entries_of(rbench("cite", board).out)
    assert key == "rewardbench_suite_small_v1"
    assert definition.read(board).digest in fields["note"]
    assert suite[1] == "rewardbench_suite"
    assert entries_of(rbench("cite", "cpu").out)[0][1] == "rewardbench_suite_cpu_v1"


def test_an_entry_is_cited_with_its_authors_and_digest(board):
    place = board / "entries" / "brevity"
    about = json.loads((place / "entry.json").read_text())
    about |= {"authors": ["Ann A. Example", "Ben {Odd} & Co_1"], "links": ["https://example.org/x"]}
    (place / "entry.json").write_text(json.dumps(about))
    digest = json.loads((place / "manifest.json").read_text())["digest"]
    entry, of, _ = entries_of(rbench("cite", f"{board}/brevity").out)
    assert entry[2]["author"] == r"Ann A. Example and Ben \{Odd\} \& Co\_1"
    assert entry[2]["url"] == "https://example.org/x"
    assert digest in entry[2]["note"]
    assert of[1] == "rewardbench_suite_small_v1"
    said = rbench("cite", f"{board}/brevity", "--format", "plain").out.splitlines()
    assert said[0].startswith("Ann A. Example, Ben {Odd} & Co_1 (")
    told = yaml.safe_load(rbench("cite", f"{board}/brevity", "--format", "cff").out)
    assert {"authors", "cff-version", "message", "title"} <= set(told)
    assert told["authors"][1] == {"name": "Ben {Odd} & Co_1"}
    assert told["type"] == "dataset"
    assert told["license"] == about["licence"]


WRONG = {"qa/lokup": "did you mean 'qa/lookup'?", "suit": "did you mean 'suite'?", "cpu/no-such-entry": "unknown entry of board cpu", "zzzz": "there is:"}


@pytest.mark.parametrize("thing", WRONG)
def test_an_unknown_thing_names_the_nearest(thing):
    said = rbench("cite", thing)
    assert said.code == 2
    one_line(said, WRONG[thing])


def test_the_help_names_the_forms():
    assert tuple(citing.FORMS) == cite.FORMS
