"""Is what was used cited so that a reader finds the same thing, in a form that other programs read?"""

import datetime
import json
import re
import shutil

import pytest
import yaml
from small_board import ran
from sweeping import ROOT, one_line, rbench
from test_docs import CFF as CFF_KEYS

import rewardbench
from rewardbench import find
from rewardbench.boards import citing, definition
from rewardbench.commands import cite
from rewardbench.pages import bibtex

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
    assert kind == "misc"  # an article without a journal is a warning, and it has none
    assert (fields["eprint"], fields["archiveprefix"]) == ("2110.14168", "arXiv")
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
    about |= {"kind": "submitted", "authors": ["Ann A. Example", "Ben {Odd} & Co_1"], "links": ["https://example.org/x"]}
    (place / "entry.json").write_text(json.dumps(about))
    digest = json.loads((place / "manifest.json").read_text())["digest"]
    entry, of, _ = entries_of(rbench("cite", f"{board}/brevity").out)
    assert entry[2]["author"] == r"Ann A. Example and {Ben \{Odd\} \& Co\_1}"
    assert entry[2]["url"] == "https://example.org/x"
    assert digest in entry[2]["note"]
    assert of[1] == "rewardbench_suite_small_v1"
    said = rbench("cite", f"{board}/brevity", "--format", "plain").out.splitlines()
    assert said[0].startswith("Ann A. Example, Ben {Odd} & Co_1 (")
    told = yaml.safe_load(rbench("cite", f"{board}/brevity", "--format", "cff").out)
    assert {"authors", "cff-version", "message", "title"} <= set(told)
    assert told["authors"] == [{"given-names": "Ann A.", "family-names": "Example"}, {"name": "Ben {Odd} & Co_1"}]
    assert entry[2]["title"].startswith("{brevity: ")
    assert entry[2]["version"] == "1"
    assert "Board version 1" in said[0]
    assert told["type"] == "dataset"
    assert told["license"] == about["licence"]


def test_an_entrys_folder_is_cited_as_the_entry(board):
    assert rbench("cite", f"{board}/entries/untrained").out == rbench("cite", f"{board}/untrained").out != ""


def test_the_boards_own_entries_are_the_suites_and_named_for_what_they_are(board):
    (entry, *_) = entries_of(rbench("cite", f"{board}/untrained").out)
    assert entry[2]["author"] == "{" + CFF["authors"][0]["name"] + "}"
    assert entry[2]["title"] == "{untrained: a reference arm, on the rewardbench-suite board small}"
    assert entries_of(rbench("cite", "cpu/reference").out)[0][2]["title"] == "{reference: a reward design, on the rewardbench-suite board cpu}"


@pytest.mark.parametrize("thing", ["suite", "cpu", "cpu/reference", "algorithms", "qa/math"])
def test_no_form_says_a_version_twice_in_a_line_or_breaks_one(thing):
    for line in rbench("cite", thing, "--format", "plain").out.splitlines():
        assert line.lower().count("version") <= 1, line
        assert not re.search(r"\.\.|\?\.|\s\s", line), line
    keys = [key for _, key, _ in entries_of(rbench("cite", thing).out)]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch(r"[a-z0-9_.-]+", key) for key in keys)


def test_keys_of_entries_whose_names_differ_in_a_dash_differ():
    assert bibtex.key("cpu", "v1", "a-b") != bibtex.key("cpu", "v1", "a_b")


def test_an_address_cannot_end_its_field(board):
    place = board / "entries" / "untrained" / "entry.json"
    about = json.loads(place.read_text())
    place.write_text(json.dumps(about | {"links": ["https://example.org/{a}}"]}))
    try:
        assert entries_of(rbench("cite", f"{board}/untrained").out)[0][2]["url"] == "https://example.org/%7Ba%7D%7D"
    finally:
        place.write_text(json.dumps(about))


REFERENCE = CFF_KEYS - {"cff-version", "message", "preferred-citation", "references"} | {"year"}


@pytest.mark.parametrize("thing", ["cpu", "cpu/reference", "qa/lookup", "qa/math", "algorithms"])
def test_what_is_printed_as_cff_keeps_to_the_format(thing):
    """Its rules (version 1.2.0), of the keys that are printed."""
    told = yaml.safe_load(rbench("cite", thing, "--format", "cff").out)
    assert {"authors", "cff-version", "message", "title"} <= set(told) <= CFF_KEYS
    assert told["type"] == "dataset"
    for work in (told, *told["references"]):
        assert {"authors", "title", "type"} <= set(work)
        assert work is told or (set(work) <= REFERENCE and work["type"] in ("article", "data", "software"))
        assert all(set(a) in ({"name"}, {"family-names", "given-names"}) for a in work["authors"])
        assert isinstance(work.get("version", ""), str)
        assert isinstance(work.get("date-released", datetime.date.min), datetime.date)
        assert isinstance(work.get("year", 0), int)
        for known in work.get("identifiers", ()):
            assert known["type"] == "other"
            assert re.fullmatch(r"sha256:[0-9a-f]{64}", known["value"])


WRONG = {"qa/lokup": "did you mean 'qa/lookup'?", "suit": "did you mean 'suite'?", "cpu/no-such-entry": "unknown entry of board cpu", "zzzz": "there is:"}


@pytest.mark.parametrize("thing", WRONG)
def test_an_unknown_thing_names_the_nearest(thing):
    said = rbench("cite", thing)
    assert said.code == 2
    one_line(said, WRONG[thing])


def test_the_help_names_the_forms():
    assert tuple(citing.FORMS) == cite.FORMS
