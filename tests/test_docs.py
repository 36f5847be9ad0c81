"""Do the pages say what is so? Links lead somewhere, generated pages are current, printed files and commands run."""

import datetime
import doctest
import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from sweeping import ROOT, environment, script

import rewardbench
from rewardbench import find, results, tables

DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("tasks/*/*/*.md"), *ROOT.glob("leaderboards/*.md")])


play = script(DOCS / "play.py")
PARSER = play.PARSER


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def make():
    return script(DOCS / "make.py")


# --- pages that are read off the code ------------------------------------------------------------


def test_generated_pages_are_current(make):
    stale = [name(path) for path, text in make.pages().items() if path.read_text() != text]
    assert stale == [], "run `python docs/make.py`"


def test_what_a_page_marks_a_design_with_is_explained_beside_the_flags():
    assert "### harmful" in (DOCS / "metrics.md").read_text()
    assert "failed before a second evaluation" in (DOCS / "metrics.md").read_text()
    [flags_] = re.findall(r"## Flags\n(.*?)\n## ", (ROOT / "README.md").read_text(), re.DOTALL)
    assert "`harmful`" in flags_


def test_the_maker_says_what_is_stale_writes_it_and_loads_no_torch(make, tmp_path):
    copy = tmp_path / "docs"
    copy.mkdir()
    for folder in ("tests", "tasks", "rewardbench", "benchmarks"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    for file in ("make.py", "architecture.md", "reference.md"):
        (copy / file).write_text((DOCS / file).read_text())
    (copy / "metrics.md").write_text("old")
    code = "import runpy, sys\nsys.argv = sys.argv[1:]\ntry:\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"
    code += "finally:\n    assert 'torch' not in sys.modules"

    def run(*arguments):
        words = [sys.executable, "-c", code, str(copy / "make.py"), *arguments]
        return subprocess.run(words, env=environment(), capture_output=True, text=True, check=False)

    asked = run("--check")
    assert asked.returncode == 3, asked.stderr
    assert "docs/metrics.md is stale" in asked.stderr
    assert (copy / "metrics.md").read_text() == "old"
    assert run().returncode == 0
    assert (copy / "metrics.md").read_text() == (DOCS / "metrics.md").read_text()
    assert run("--check").returncode == 0


def test_the_programs_examples_hold(make):
    for module in (make, play):
        tried = doctest.testmod(module)
        assert tried.attempted > 0
        assert tried.failed == 0


def test_a_page_without_its_marks_is_left_alone(make):
    for page in ("a <!-- x --> b", "a <!-- /x --> b <!-- x -->", "a"):
        with pytest.raises(ValueError, match="<!-- x -->"):
            make.put(page, "x", "new")


def test_the_table_of_the_race_is_of_the_rows_that_are_committed():
    race = script(ROOT / "benchmarks" / "race.py")
    rows = [json.loads(line) for line in (ROOT / "benchmarks" / "results" / "race.jsonl").read_text().splitlines()]
    assert f"<!-- race -->\n{race.table(rows)}\n<!-- end -->" in (DOCS / "performance.md").read_text()
    older = [{**rows[0], "date": "2026-01-01"}, *rows[1:]]
    assert {d for d in ("2026-01-01", rows[1]["date"]) if d in race.table(older)} == {"2026-01-01", rows[1]["date"]}


@pytest.mark.parametrize("metric", find.files("metrics"))
def test_a_metric_says_formula_range_reading_failure_and_source(make, metric):
    functions = make.explained(metric)
    assert functions, f"no function of metrics/{metric}.py gives its formula"
    for function in functions:
        wanted = {"", *make.WORDS} - ({"Range"} if make.kind_of(metric) == "Flags" else set())
        told = make.said(function)
        assert wanted <= set(told), function.__name__
        assert all(len(told[word]) > 3 for word in wanted), function.__name__


def test_the_reference_names_everything_that_ships():
    page = (DOCS / "reference.md").read_text()
    for kind in ("designs", "parts", "algorithms", "policies"):
        for thing in find.listing(kind):
            assert f"`{thing.rpartition('/')[2]}`" in page, thing
    for command in (ROOT / "rewardbench" / "commands").glob("[!_]*.py"):
        assert f"### rbench {command.stem}\n" in page


# --- what every page keeps -----------------------------------------------------------------------


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    tokens = PARSER.parse(path.read_text())
    heads = [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def links(path: Path) -> list[str]:
    tokens = [child for token in PARSER.parse(path.read_text()) for child in token.children or ()]
    return [token.attrs["href" if token.type == "link_open" else "src"] for token in tokens if token.type in ("link_open", "image")]


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_links_lead_somewhere(path):
    for link in links(path):
        if re.match(r"[a-z]+:", link):
            assert link.startswith("https://"), link
            continue
        file, _, anchor = link.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), link
        assert there.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(there), link


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_tables_have_as_many_cells_as_heads(path):
    lines, tokens = path.read_text().splitlines(), PARSER.parse(path.read_text())
    inside = {n for t in tokens if t.type == "fence" for n in range(*t.map)}
    for token in tokens:
        if token.type == "table_open":
            rows = lines[slice(*token.map)]
            bars = [len(re.findall(r"(?<!\\)\|", row)) for row in rows]
            assert set(bars) == {bars[0]}, [row for row, n in zip(rows, bars) if n != bars[0]][:1]
            inside |= set(range(*token.map))
    assert [line for n, line in enumerate(lines) if line.startswith("|") and n not in inside] == []


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_files_that_a_page_names_are_there(path):
    text = path.read_text()
    for place in re.findall(r"`((?:rewardbench|tests|tasks|docs|benchmarks|leaderboards)/[\w./-]+)`", text):
        assert (ROOT / place).exists() or Path(place).name in own(path), place
    assert not re.search(r"(?<![\w.])/(work|tmp|root|home)/", text)


def test_the_map_names_every_page():
    mapped = {(DOCS / link.partition("#")[0]).resolve() for link in links(DOCS / "README.md")}
    assert {p for p in DOCS.glob("*.md") if p.name != "README.md"} <= mapped


# --- printed files and commands ------------------------------------------------------------------


def own(path: Path) -> set[str]:
    """The files that a page itself makes."""
    return {Path(block.file).name for block in play.blocks(path.read_text()) if block.file}


PLAYED = [p for p in PAGES if p.parent == DOCS and own(p)]


@pytest.mark.parametrize("page", PLAYED, ids=name)
def test_what_is_printed_runs_up_to_training(page, tmp_path):
    said = play.play(page.read_text(), tmp_path, trains=False)
    planned = [text for block, text in said.items() if "rbench plan" in block.text]
    assert planned
    assert all(re.search(r"^sweep [0-9a-f]{12}: \d+ runs", text, re.M) for text in planned)


@pytest.fixture(scope="module")
def trained(request, tmp_path_factory):
    """A page and the folder in which all of it was run."""
    folder = tmp_path_factory.mktemp("played")
    play.play(request.param.read_text(), folder)
    return request.param, folder


@pytest.mark.slow
@pytest.mark.parametrize("trained", [p for p in PLAYED if play.TRAINS in p.read_text()], ids=name, indirect=True)
def test_what_is_printed_trains_and_says_what_the_page_says(trained):
    page, folder = trained
    sweeps = [path.parent for path in sorted((folder / "runs").glob("*/sweep.toml"))]  # what reproduces lies deeper
    rows = [row for sweep in sweeps for row in summary(sweep)]
    assert rows
    for design, seeds, *numbers in re.findall(r"(?m)^ (\w+) +(\d+) +(\d\.\d\d) ± (\d\.\d\d)\b", page.read_text()):
        gold, half = map(float, numbers)  # another processor rounds differently, and 20 steps make something of it
        near = [abs(r["gold"][0] - gold) for r in rows if (r["design"], r["seeds"]) == (design, int(seeds))]
        assert min(near) < max(0.1, half), (design, gold, near)


def summary(folder: Path):
    """The rows of a sweep's table, read in this process; a sweep of a task of the page's own is read in another."""
    code = (
        "import json, sys\nfrom pathlib import Path\nfrom rewardbench import results, tables\n"
        "print(json.dumps(tables.summary(results.score(results.load_sweep(Path(sys.argv[1]))))))"
    )
    around = environment(REWARDBENCH_TASKS=str(folder.parents[1] / "tasks"))
    done = subprocess.run([sys.executable, "-c", code, str(folder)], env=around, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("trained", [DOCS / "tutorial-my-reward.md"], ids=name, indirect=True)
def test_the_tutorials_first_reward_is_hacked_and_the_mended_one_learns(trained):
    _, folder = trained
    scored = results.score(results.load_sweep(folder / "runs" / "mine"))
    flags = {row["design"]: row["flags"] for row in tables.summary(scored)}
    assert flags["words_and_length"]["hacked"] == 5
    assert "hacked" not in flags["mine"]
    compared = rewardbench.compare(folder / "runs" / "mine")
    verdicts = {(c["a"], c["b"]): c["verdict"] for c in compared if c["metric"] == "gold"}
    assert verdicts["words_and_length", "untrained"] == "worse"
    assert verdicts["mine", "untrained"] == "better"


NUMBER = re.compile(r"(?<![\d.])\d*\.\d\d+(?![.\d])")


@pytest.mark.parametrize("page", PLAYED, ids=name)
def test_figures_in_the_text_stand_in_what_was_recorded(page):
    """But for the line that names machine and versions, and what is not a measurement."""
    text = page.read_text()
    tokens = PARSER.parse(text)
    prose = [t.content for t in tokens if t.type == "inline" and "x86-64" not in t.content and "Kendall" not in t.content]
    said = {float(n) for b in play.blocks(text) if b.language == "text" for n in NUMBER.findall(b.text)}
    figures = [n for line in prose for n in NUMBER.findall(line)]
    assert [n for n in figures if float(n) not in said] == []


def test_what_commands_say_is_put_into_the_block_after_them(tmp_path):
    page = "# a\n\n```bash\necho one; echo '[1/2] x' >&2; echo two >&2\n```\n\n```text\nold\n```\n\n```text\nkept\n```\n"
    found = play.recorded(page, play.play(page, tmp_path))
    assert found == page.replace("old", "one\ntwo")


def test_a_printed_command_that_fails_is_heard(tmp_path):
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        play.play("```bash\necho so; exit 3\n```", tmp_path)


# --- CITATION.cff --------------------------------------------------------------------------------

CFF = {
    "abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi", "identifiers", "keywords", "license",
    "license-url", "message", "preferred-citation", "references", "repository", "repository-artifact", "repository-code",
    "title", "type", "url", "version",
}
"""The keys that version 1.2.0 of the format knows; it allows no others."""
ENTITY = {
    "address", "alias", "city", "country", "date-end", "date-start", "email", "fax", "location", "name", "orcid", "post-code",
    "region", "tel", "website",
}
PERSON = (ENTITY - {"name", "location", "date-end", "date-start"}) | {
    "affiliation", "family-names", "given-names", "name-particle", "name-suffix",
}


def test_the_citation_file_is_valid_and_of_this_version():
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"authors", "cff-version", "message", "title"} <= set(found) <= CFF
    assert found["cff-version"] == "1.2.0"
    assert found["authors"]
    for author in found["authors"]:
        assert ("name" in author and set(author) <= ENTITY) or (author and set(author) <= PERSON)
    assert found["type"] in ("software", "dataset")
    assert isinstance(found["date-released"], datetime.date)
    assert found["license"] == "Apache-2.0"
    assert found["version"] == rewardbench.__version__
    assert all(isinstance(found[key], str) and found[key] for key in ("message", "title", "version"))
    assert len(set(found["keywords"])) == len(found["keywords"]) > 0


def test_what_the_readme_says_of_the_board_is_what_the_board_says():
    told = json.loads((ROOT / "leaderboards" / "cpu" / "board.json").read_text())
    drawn = [r for task in told["tasks"] for r in task["rows"] if r["kind"] == "generated"]
    learn, harmful = (sum(r[mark] for r in drawn) for mark in ("learns", "harmful"))
    hacked = sum(2 * r["flags"].get("hacked", 0) >= r["seeds"] for r in drawn)
    assert not [r for r in drawn if r["verdicts"]["quality"]["verdict"] == "better"]
    one = told["truth"]["audit"]["verdicts"]["gameable"]["hacked"]
    shares = [f"{n} {s['value']:.2f} [{s['low']:.2f}, {s['high']:.2f}]" for n, s in (("precision", one["precision"]), ("recall", one["recall"]))]
    text = " ".join((ROOT / "README.md").read_text().split())
    assert f"Of {len(drawn)} designs drawn from the registered parts {learn} learn, {harmful} end below" in text
    assert f"and {hacked} are hacked on at least half" in text
    assert f"the audit called {one['hits'] + one['false_alarms']} of them gameable: {one['hits']} of these were hacked ({', '.join(shares)})" in text
