"""Does an entry that is contested or leaves say so wherever a board is read, and does nothing else move?"""

import csv
import io
import json
import shutil
from html.parser import HTMLParser
from xml.etree import ElementTree

import jsonschema
import pytest
from small_board import ran
from sweeping import ROOT, one_line, rbench

from rewardbench.boards import build, definition, entries, evidence, packing, states, submitting, writing

ATOM = "{http://www.w3.org/2005/Atom}"
SCHEMA = json.loads((ROOT / "rewardbench" / "schemas" / "board.json").read_text())
DAY = "2027-03-04"


@pytest.fixture(scope="module")
def made(small, small_swept, tmp_path_factory):
    """A board with `untrained`, `reference`, and two entries that were handed in: `first` and `second`."""
    folder = tmp_path_factory.mktemp("states")
    place = shutil.copytree(small, folder / "small")
    found = definition.read(place)
    three = ran(small, folder / "three", "--design", "untrained", "--design", "reference", "--seeds", "3")
    assert rbench("board", "add", place, three).code == 0
    form = ran(small, folder / "form", "--design", "form")
    for name, sweep in (("first", small_swept), ("second", form)):
        entered = submitting.gather(found, [sweep])
        about = packing.About(name, summary=f"What {name} is.", authors=("Ann",), links=("https://example.org/a",))
        packing.write(found, about, entered.design, place / "entries" / name, thin=True)
    return place


@pytest.fixture
def board(made, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(made, tmp_path / "small")


def say(board, *words):
    said = rbench("board", "state", board, *words)
    assert said.code == 0, said.err
    return said


def built(board):
    assert rbench("board", "build", board).code == 0
    told = json.loads((board / "board.json").read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(told)
    return told


def rows(told):
    return {r["entry"]: r for r in told["tasks"][0]["rows"]}


def table(board):
    return {r["entry"]: r for r in csv.DictReader(io.StringIO((board / "board.csv").read_text()))}


def feed(board):
    found = {}
    for item in ElementTree.fromstring((board / "feed.xml").read_text()).iter(f"{ATOM}entry"):
        found[item.find(f"{ATOM}title").text] = {n: item.find(f"{ATOM}{n}").text for n in ("id", "updated", "summary")}
    return found


def words(html):
    """The words of a page, styles and scripts left out."""

    class Read(HTMLParser):
        inside, said = "", ""

        def handle_starttag(self, tag, attrs):
            self.inside = tag

        def handle_endtag(self, tag):
            self.inside = ""

        def handle_data(self, data):
            if self.inside not in ("style", "script"):
                self.said += data

    read = Read()
    read.feed(html)
    return " ".join(read.said.split())


def test_an_entry_is_listed_where_nothing_is_recorded(board):
    told = built(board)
    assert {(e["state"], tuple(e["changes"])) for e in told["entries"]} == {("listed", ())}
    assert told["tombstones"] == []
    assert {r["state"] for r in table(board).values()} == {"listed"}
    assert "no change of its state is recorded" in say(board, "first").out
    assert "Entries that left" not in (board / "index.html").read_text() + (board / "README.md").read_text()


@pytest.mark.parametrize("state", ["withdrawn", "removed"])
def test_of_an_entry_that_leaves_a_tombstone_stays(state, board):
    before, items = built(board), feed(board)
    handed = {p: p.read_bytes() for p in (board / "entries").rglob("*") if p.is_file()}
    said = say(board, "first", state, "--reason", "a bug in <a> part", "--date", DAY)
    assert said.out.strip() == f"first: {state} on {DAY}: a bug in <a> part"
    told = built(board)
    (left,) = told["tombstones"]
    assert {k: left[k] for k in ("entry", "state", "date", "reason", "tasks", "authors")} == {
        "entry": "first", "state": state, "date": DAY, "reason": "a bug in <a> part", "tasks": ["qa/lookup"], "authors": ["Ann"],
    }  # fmt: skip
    assert left["digest"] == next(e["digest"] for e in before["entries"] if e["entry"] == "first")
    assert "first" not in {*rows(told), *(e["entry"] for e in told["entries"])}
    assert rows(before)["first"]["ranks"]["quality"]  # it had a rank
    in_table = table(board)["first"]
    assert (in_table["state"], in_table["state_date"], in_table["state_reason"]) == (state, DAY, "a bug in <a> part")
    assert {in_table[n] for n in ("quality", "rank_quality_best", "verdict", "evidence")} == {""}
    assert f"first {state} on {DAY}: a bug in <a> part." in words((board / "index.html").read_text())
    assert f"`first` {state} on {DAY}: a bug in &lt;a&gt; part" in (board / "README.md").read_text()
    item = feed(board)[f"first: {state}"]
    assert item["updated"] == f"{DAY}T00:00:00Z"
    assert item["id"] == items["first"]["id"]  # readers see that it changed, not another one
    assert item["summary"].startswith(f"{state} on {DAY}: a bug in <a> part.")
    assert {p: p.read_bytes() for p in (board / "entries").rglob("*") if p.is_file()} == handed


def test_who_left_moves_nobody_elses_numbers_as_if_it_had_never_entered(board, tmp_path):
    never = shutil.copytree(board, tmp_path / "never")
    shutil.rmtree(never / "entries" / "first")
    say(board, "first", "withdrawn", "--reason", "x", "--date", DAY)
    with_stone, without = built(board), built(never)
    assert with_stone["tasks"] == without["tasks"]
    assert with_stone["overall"] == without["overall"]
    assert with_stone["provisional"] == without["provisional"]


def test_a_tombstone_stays_when_the_files_have_to_go(board):
    say(board, "first", "removed", "--reason", "its licence did not allow it", "--date", DAY)
    whole = writing.forms(build.build(definition.read(board)))
    shutil.rmtree(board / "entries" / "first")
    assert writing.forms(build.build(definition.read(board))) == whole
    said = rbench("board", "state", board, "first", "listed")
    assert said.code == 2
    one_line(said, "entries/first is not there")


def test_a_row_does_not_leave_without_a_word(board):
    say(board, "first", "challenged", "--reason", "x", "--date", DAY)
    shutil.rmtree(board / "entries" / "first")
    said = rbench("board", "build", board)
    assert said.code == 5
    one_line(said, "first is challenged", "entries/first is not there", "rbench board state")
    say(board, "first", "removed", "--reason", "y", "--date", DAY)
    assert built(board)["tombstones"][0]["reason"] == "y"


def test_a_contested_row_stays_ranked_and_is_marked_until_it_is_answered(board):
    before = built(board)
    say(board, "first", "challenged", "--reason", "seed 2 differs", "--link", "https://example.org/12", "--date", DAY)
    told = built(board)
    assert rows(told)["first"]["challenged"] is True
    assert rows(told)["second"]["challenged"] is False
    assert rows(told)["first"]["ranks"] == rows(before)["first"]["ranks"]
    page = (board / "index.html").read_text()
    assert f"challenged on {DAY}: seed 2 differs https://example.org/12" in words(page)
    assert 'href="https://example.org/12" rel="noopener nofollow"' in page
    assert "challenged" in table(board)["first"]["marks"].split()
    assert feed(board)["first: challenged"]["updated"] == f"{DAY}T00:00:00Z"
    assert "challenged" in next(line for line in (board / "README.md").read_text().splitlines() if "`first`" in line and line.startswith("|"))
    say(board, "first", "listed", "--reason", "more seeds agree", "--date", "2027-03-09")
    told = built(board)
    assert rows(told)["first"]["challenged"] is False
    (about,) = [e for e in told["entries"] if e["entry"] == "first"]
    assert [c["state"] for c in about["changes"]] == ["challenged", "listed"]
    assert feed(board)["first"]["updated"] == "2027-03-09T00:00:00Z"
    assert "seed 2 differs" in words((board / "index.html").read_text())  # the history stays
    assert say(board, "first").out.splitlines() == [f"first: challenged on {DAY}: seed 2 differs", "first: listed on 2027-03-09: more seeds agree"]


def test_the_day_on_which_an_entry_was_listed_is_that_of_the_feed(board):
    assert built(board)
    assert feed(board)["first"]["updated"] == "1970-01-01T00:00:00Z"  # none is recorded
    say(board, "first", "listed", "--date", DAY)
    built(board)
    assert feed(board)["first"]["updated"] == f"{DAY}T00:00:00Z"
    assert rbench("cite", f"{board}/first", "--format", "plain").out.startswith("Ann (2027).")


def test_what_took_a_corrected_entrys_place_is_named(board):
    say(board, "first", "corrected", "--by", "second", "--reason", "a weight was wrong", "--date", DAY)
    (left,) = built(board)["tombstones"]
    assert (left["state"], left["by"]) == ("corrected", "second")
    assert f"corrected on {DAY} by second: a weight was wrong" in words((board / "index.html").read_text())


def test_a_rebuild_is_the_same_bytes_on_another_day(board, monkeypatch):
    say(board, "first", "withdrawn", "--reason", "x", "--date", DAY)
    say(board, "second", "challenged", "--reason", "y")  # today
    told = writing.forms(build.build(definition.read(board)))
    monkeypatch.setattr("time.time", lambda: 4e9)
    assert writing.forms(build.build(definition.read(board))) == told
    text = (board / "states.json").read_text()
    assert text == json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def test_an_entry_that_left_has_no_page_and_is_not_checked(board, tmp_path):
    say(board, "first", "withdrawn", "--reason", "x", "--date", DAY)
    assert rbench("board", "build", board, "--pages", tmp_path / "pages").code == 0
    assert {p.stem for p in (tmp_path / "pages").iterdir()} == {"untrained", "reference", "second"}
    checked = [name for name, _ in evidence.check(definition.read(board), "consistent")]
    assert checked == ["reference", "second", "untrained"]


def test_the_name_of_an_entry_that_left_stays_its_own(board, small, small_swept, tmp_path):
    say(board, "first", "removed", "--reason", "x", "--date", DAY)
    shutil.rmtree(board / "entries" / "first")
    checkout = tmp_path / "checkout"
    shutil.copytree(board, checkout / "leaderboards" / "small")
    out = tmp_path / "first.zip"
    assert rbench("submit", "pack", small_swept, "--board", small, "--name", "first", "--author", "Ann", "-o", out).code == 0
    said = rbench("submit", "open", out, "--board", small, "--into", checkout)
    assert said.code == 2
    one_line(said, f"first was removed on {DAY}: x", "another --name")


def test_whoever_cites_an_entry_that_left_is_told(board):
    say(board, "first", "withdrawn", "--reason", "a bug", "--date", DAY)
    said = rbench("cite", f"{board}/first", "--format", "plain")
    assert f"withdrawn on {DAY}: a bug" in said.out.splitlines()[0]


WRONG = {
    ("frist", "withdrawn", "--reason", "x"): (2, "did you mean 'first'?"),
    ("frist",): (2, "did you mean 'first'?"),
    ("first", "witdrawn", "--reason", "x"): (2, "did you mean 'withdrawn'?"),
    ("first", "pending"): (2, "a pull request that is open"),
    ("first", "withdrawn"): (2, "--reason"),
    ("first", "withdrawn", "--reason", " "): (2, "--reason"),
    ("first", "withdrawn", "--reason", "a\nb"): (2, "one line"),
    ("first", "withdrawn", "--reason", "x" * 401): (2, "at most 400"),
    ("first", "withdrawn", "--reason", "x", "--date", "4.3.2027"): (2, "2027-03-04"),
    ("first", "withdrawn", "--reason", "x", "--date", "None"): (2, "2027-03-04"),
    ("first", "challenged", "--reason", "x", "--link", "http://example.org"): (2, "only https://"),
    ("first", "corrected", "--reason", "x"): (2, "--by"),
    ("first", "withdrawn", "--reason", "x", "--by", "second"): (2, "--by"),
    ("first", "corrected", "--reason", "x", "--by", "first"): (2, "unknown entry that took its place"),
    ("first", "corrected", "--reason", "x", "--by", "secnd"): (2, "did you mean 'second'?"),
    ("untrained", "removed", "--reason", "x"): (2, "the board's own", "raise the version"),
    ("reference", "withdrawn", "--reason", "x"): (2, "the board's own"),
}


@pytest.mark.parametrize("asked", WRONG)
def test_a_wrong_word_is_one_line_and_nothing_is_written(asked, board):
    code, *told = WRONG[asked]
    said = rbench("board", "state", board, *asked)
    assert said.code == code
    one_line(said, *told)
    assert not (board / "states.json").exists()


def test_a_change_comes_after_the_one_before_and_differs(board):
    say(board, "reference", "challenged", "--reason", "x", "--date", DAY)  # the board's own may be contested
    for asked, told in ((("challenged", "--reason", "y"), "is challenged already, since 2027-03-04: x"), (("listed", "--date", "2027-03-03"), "cannot come later")):
        said = rbench("board", "state", board, "reference", *asked)
        assert said.code == 2
        one_line(said, told)
    assert len(states.read(definition.read(board))["reference"].changes) == 1


DAMAGED = ["{", "[]", '{"schema_version": 1}', '{"schema_version": 1, "entries": {"first": {"kind": "submitted", "tasks": [], "authors": [], "digest": null, "changes": []}}}',
           '{"schema_version": 1, "entries": {"first": {"kind": "submitted", "tasks": [], "authors": [], "digest": null, "changes": [{"state": "gone", "date": "2027-03-04", "reason": "x"}]}}}']  # fmt: skip


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_file_is_one_line(text, board):
    (board / "states.json").write_text(text)
    said = rbench("board", "build", board)
    assert said.code == 5
    one_line(said, "states.json is damaged")


def test_a_file_of_a_later_version_is_not_guessed_at(board):
    (board / "states.json").write_text('{"schema_version": 2, "entries": {}}')
    said = rbench("board", "build", board)
    assert said.code == 5
    one_line(said, "schema version 2", "a later version")


def test_hostile_reasons_are_shown_and_do_nothing(board):
    reason = '</script><script>alert(1)</script> | [x](javascript:1) `a` "=1+1"'
    say(board, "first", "removed", "--reason", reason, "--date", DAY)
    built(board)
    page = (board / "index.html").read_text()
    assert "<script>alert(1)" not in page
    assert "alert(1)" in words(page)
    assert "<script>" not in (board / "README.md").read_text()
    assert feed(board)["first: removed"]["summary"].startswith(f"removed on {DAY}: {reason}")
    say(board, "second", "removed", "--reason", "=HYPERLINK(1)", "--date", DAY)
    built(board)
    assert table(board)["second"]["state_reason"] == "'=HYPERLINK(1)"


def test_what_an_entry_says_of_itself_sets_no_state(board):
    place = board / "entries" / "first" / "entry.json"
    about = json.loads(place.read_text())
    place.write_text(json.dumps(about | {"state": "removed", "changes": [], "date": "1999-01-01"}))
    entries.write_manifest(place.parent)
    said = rbench("board", "build", board)
    assert said.code == 5
    one_line(said, "first/entry.json is damaged")
