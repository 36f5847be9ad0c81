"""Do the pages say what is so? Links lead somewhere, generated pages are current, printed files and commands run."""

import datetime
import doctest
import importlib.util
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt
from sweeping import ROOT, environment

import rewardbench
from rewardbench import find, results, tables

DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("tasks/*/*/*.md"), *ROOT.glob("leaderboards/*.md")])
PARSER = MarkdownIt("commonmark").enable("table")
TRAINS = "<!-- trains -->"


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def make():
    spec = importlib.util.spec_from_file_location("docs_make", DOCS / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- pages that are read off the code ------------------------------------------------------------


def test_generated_pages_are_current(make):
    stale = [name(path) for path, text in make.pages().items() if path.read_text() != text]
    assert stale == [], "run `python docs/make.py`"


def test_the_maker_says_what_is_stale_writes_it_and_loads_no_torch(make, tmp_path):
    copy = tmp_path / "docs"
    copy.mkdir()
    for folder in ("tests", "tasks", "rewardbench"):
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


def test_the_makers_examples_hold(make):
    assert doctest.testmod(make).failed == 0


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
    return [token.attrs["href"] for token in tokens if token.type == "link_open"]


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
    own = {block.file.rpartition("/")[2] for block in blocks(path) if block.file}
    for place in re.findall(r"`((?:rewardbench|tests|tasks|docs|benchmarks|leaderboards)/[\w./-]+)`", text):
        assert (ROOT / place).exists() or Path(place).name in own, place
    assert not re.search(r"(?<![\w.])/(work|tmp|root|home)/", text)


def test_the_map_names_every_page():
    mapped = {(DOCS / link.partition("#")[0]).resolve() for link in links(DOCS / "README.md")}
    assert {p for p in DOCS.glob("*.md") if p.name != "README.md"} <= mapped


# --- printed files and commands ------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """A fenced block: a file where its first line names one, a script where its language is bash."""

    language: str
    text: str
    file: str
    trains: bool


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a page, in order; one after the mark TRAINS trains, or needs what was trained."""
    found, marked = [], False
    for token in PARSER.parse(path.read_text()):
        if token.type == "html_block":
            marked = token.content.strip() == TRAINS
        if token.type == "fence":
            named = re.match(r"# (\S+\.\w+)\n", token.content) if token.info in ("python", "toml") else None
            found.append(Block(token.info, token.content, named.group(1) if named else "", marked))
            marked = False
    return found


def play(page: Path, folder: Path, trains: bool) -> str:
    """Write a page's files and run its commands below a folder, in the printed order; returns what they said."""
    tools = folder / "tools"
    tools.mkdir()
    for tool, words in (("rbench", '-m rewardbench "$@"'), ("python", '"$@"')):
        (tools / tool).write_text(f"#!/bin/sh\nexec {sys.executable} {words}\n")
        (tools / tool).chmod(0o755)
    around = environment(PATH=f"{tools}{os.pathsep}{os.environ['PATH']}", REWARDBENCH_TASKS="")
    said = []
    for block in blocks(page):
        if block.file:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.text)
        if block.language == "bash" and (trains or not block.trains):
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.text], cwd=folder, env=around, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
            said.append(done.stdout + done.stderr)
    return "\n".join(said)


PLAYED = [p for p in PAGES if p.parent == DOCS and any(b.file for b in blocks(p))]


@pytest.mark.parametrize("page", PLAYED, ids=name)
def test_what_is_printed_runs_up_to_training(page, tmp_path):
    said = play(page, tmp_path, trains=False)
    assert said.count("sweep ") == sum("rbench plan" in b.text for b in blocks(page) if b.language == "bash")


@pytest.mark.slow
@pytest.mark.parametrize("page", PLAYED, ids=name)
def test_what_is_printed_trains_and_says_what_the_page_says(page, tmp_path):
    play(page, tmp_path, trains=True)
    rows = [row for folder in sorted((tmp_path / "runs").iterdir()) for row in summary(folder)]
    assert rows
    for design, seeds, gold in re.findall(r"│ (\w+) +│ +(\d+) │ +(-?\d\.\d\d) ±", page.read_text()):
        near = [abs(r["gold"][0] - float(gold)) for r in rows if (r["design"], r["seeds"]) == (design, int(seeds))]
        assert near, design
        assert min(near) < 0.1, (design, gold, near)


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
def test_the_tutorials_first_reward_is_hacked_and_the_mended_one_learns(tmp_path):
    play(DOCS / "tutorial-my-reward.md", tmp_path, trains=True)
    scored = results.score(results.load_sweep(tmp_path / "runs" / "mine"))
    flags = {row["design"]: row["flags"] for row in tables.summary(scored)}
    assert flags["words_and_length"]["hacked"] == 5
    assert flags["mine"] == {}
    verdicts = {(c["a"], c["b"]): c["verdict"] for c in rewardbench.compare(tmp_path / "runs" / "mine") if c["metric"] == "gold"}
    assert verdicts["words_and_length", "untrained"] == "worse"
    assert verdicts["mine", "untrained"] == "better"


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
