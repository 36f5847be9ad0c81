"""Does a board show what `board.json` holds: safely, the same bytes each time, and nothing of the machine?"""

import csv
import io
import json
import re
import shutil
from copy import deepcopy
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from boarding import made
from made_board import ARMS, board_json
from sweeping import ROOT, rbench

from rewardbench import results
from rewardbench.boards import checks, definition, rows, writing
from rewardbench.boards.build import build
from rewardbench.pages import board, board_chart, board_entries, board_rows, board_texts, safe, truth, truth_words
from rewardbench.pages.board_marks import EVIDENCE

ATOM = "{http://www.w3.org/2005/Atom}"
HOSTILE = (
    "</script><script>alert(1)</script>",
    "=HYPERLINK(1)",
    "a\u202eb\x00c",
    '"><img src=x onerror=alert(1)>',
    "a|b`c`<b>*x*[y](javascript:alert(1))",
    "\u00e9" * 90,
)


class Read(HTMLParser):
    """What stands in a page: elements with their attributes, the text of styles and scripts, and all other words."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.inside, self.words, self._open = [], [], [], None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open = tag if tag in ("style", "script") else self._open

    def handle_endtag(self, tag):
        self._open = None if tag in ("style", "script") else self._open

    def handle_data(self, data):
        (self.inside if self._open else self.words).append(data)


@pytest.fixture(scope="module")
def told():
    return board_json(12)


@pytest.fixture(scope="module")
def hostile():
    """A board whose every text is hostile."""
    found = board_json(12, names=HOSTILE)
    found["board"] |= {"summary": HOSTILE[0], "name": HOSTILE[3], "policy": HOSTILE[4]}
    found["provisional"] = [HOSTILE[0], HOSTILE[4]]
    for n, about in enumerate(found["entries"]):
        about |= {"summary": HOSTILE[n % 6], "authors": [HOSTILE[n % 6]], "licence": HOSTILE[3], "evidence": HOSTILE[3], "links": ["javascript:alert(1)", "https://a.b/\u202e", 'https://a.b/"><script>']}
    for row in found["tasks"][0]["rows"]:
        row |= {"reasons": {"diversity": HOSTILE[0]}, "flags": {HOSTILE[3]: 2}}
        for part in row["spec"]["parts"]:
            part |= {"use": HOSTILE[3], "params": {HOSTILE[0]: HOSTILE[1]}}
    found["tasks"][0]["cross"]["columns"].append(HOSTILE[0])
    return found


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A small board of real runs, built by the command."""
    folder, _ = made(tmp_path_factory.mktemp("board"))
    assert rbench("board", "build", folder).code == 0
    return folder


# --- one safe file -------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["told", "hostile"])
def test_nothing_is_fetched_and_only_our_style_and_script_may_run(which, request):
    page = Read(board.page(request.getfixturevalue(which)))
    [policy] = [a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert len(page.inside) == 2
    assert all(f"'{safe.source_hash(text)}'" in policy for text in page.inside)
    for tag, attrs in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form"), tag
        for name, value in attrs.items():
            assert name != "style", (tag, name)
            assert not name.startswith("on"), (tag, name)
            assert name not in ("src", "action", "srcset"), (tag, name)
            assert name != "href" or value.startswith(("#", "https://", "truth.html")), value
            assert name != "href" or not value.startswith("http") or "noopener" in attrs["rel"]


def test_ids_are_one_of_a_kind_and_links_lead_somewhere(told):
    tags = Read(board.page(told)).tags
    ids = [a["id"] for _, a in tags if "id" in a]
    assert len(ids) == len(set(ids))
    links = {a["href"][1:] for t, a in tags if t == "a" and a["href"].startswith("#")}
    assert len(links) > len(told["entries"])
    assert links <= set(ids)


def test_hostile_texts_are_shown_and_do_nothing(hostile):
    html = board.page(hostile)
    page = Read(html)
    assert [t for t, _ in page.tags].count("script") == 1
    assert "⟨U+202E⟩" in html
    assert "\u202e" not in html
    assert "\x00" not in html
    said = " ".join(page.words)
    assert "</script><script>alert(1)</script>" in said
    assert not [a for t, a in page.tags if t == "a" and "javascript" in a["href"]]
    assert [a["href"] for t, a in page.tags if t == "a" and a["href"].startswith("https")] == ['https://a.b/"><script>'] * len(hostile["entries"])


def test_a_spreadsheet_takes_nothing_for_a_formula(hostile):
    rows = list(csv.reader(io.StringIO(board_texts.table(hostile))))
    assert len(rows) == 1 + sum(len(t["rows"]) for t in hostile["tasks"])
    assert {len(r) for r in rows} == {len(rows[0])}
    names = {r[1] for r in rows}
    assert "'=HYPERLINK(1)" in names
    for row in rows[1:]:
        for value in row:
            assert value[:1] not in ("=", "+", "@", "\t", "\r"), value
            assert value[:1] != "-" or re.fullmatch(r"-[\d.e-]+", value), value
    assert "\u202e" not in board_texts.table(hostile)


def test_markdown_and_xml_of_hostile_names_stay_what_they_are(hostile):
    readme = board_texts.readme(hostile)
    assert "<script" not in readme
    assert "<img" not in readme
    assert "\u202e" not in readme
    tables = [line for line in readme.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables} == {11}
    for text in (board_texts.feed(hostile), board_texts.badge_svg(hostile)):
        ElementTree.fromstring(text)
    for picture in re.findall(r"<svg.*?</svg>", board.page(hostile), re.DOTALL):
        ElementTree.fromstring(picture)


# --- what it says --------------------------------------------------------------------------------


def test_the_mix_of_real_runs_is_overall(real):
    told = json.loads((real / "board.json").read_text())
    [task] = told["tasks"]
    weights = told["board"]["weights"]
    for row in task["rows"]:
        units = board_rows.units(row)
        asked = [(weights[a], u) for a, u in zip(results.AXES, units) if u is not None]
        assert sum(w * u for w, u in asked) / sum(w for w, _ in asked) == pytest.approx(row["means"]["overall"]["mean"])


def rows_of(html, view):
    """(name, cells' text) of a view's rows, in order."""
    part = html.split(f'<section class="view" id="{view}"')[1].split("</section>")[0].split("<tbody")[1:]
    found = []
    for body in part[:2]:
        for row in re.split(r"<tr(?= |>)", body)[1:]:
            if name := re.search(r'data-n="([^"]*)"', row):
                found.append((name[1], [re.sub(r"<[^>]*>", " ", c).strip() for c in re.split(r"<t[dh][ >]", row)[1:]]))
    return found


def test_every_row_is_there_arms_last_and_unranked(told):
    html = board.page(told)
    for n, task in enumerate(told["tasks"]):
        shown = rows_of(html, f"t{n}")
        assert [name for name, _ in shown] == [r["entry"] for r in task["rows"]]
        assert {name for name, _ in shown[-len(ARMS) :]} == set(ARMS)
        assert "<b>" not in html.split('<tbody class="arms">')[n + 1].split("</tbody>")[0].replace("<b class", "")
    assert 'id="all"' in html


def test_entries_that_cannot_be_told_apart_share_a_badge(told):
    [first, second, third, *_] = rows_of(board.page(told), "t1")
    assert [re.sub(r"\s+", " ", r[1][0]).removeprefix("class=rank> ") for r in (first, second, third)] == ["1 1–2", "1 1–2", "3 3–4"]


def test_the_worst_and_the_best_seed_stand_beside_q(told):
    html = board.page(told)
    for n, task in enumerate(told["tasks"]):
        shown = dict(rows_of(html, f"t{n}"))
        for row in task["rows"]:
            runs = sorted(run["quality"] for run in row["runs"])
            low, high = (f"{round(q, 2) + 0.0:.2f}".replace("-", "−") for q in (runs[0], runs[-1]))
            assert shown[row["entry"]][3].split(">")[-1] == f"{low} to {high}", row["entry"]
            section = html.split(f"<code>{row['entry']}</code> <span class=soft>")[1].split("</details>")[0]
            assert re.search(rf"{task['task']}: Q \S+ \[[^]]*\], seeds {low} to {high}\n", section), row["entry"]
    over = dict(rows_of(html, "all"))
    for row in told["overall"]["rows"]:
        mine = [r["runs"] for t in told["tasks"] for r in t["rows"] if r["entry"] == row["entry"]]
        each = [sum(next(x["quality"] for x in runs if x["seed"] == seed) for runs in mine) / len(mine) for seed in told["board"]["seeds"]]
        low, high = (f"{round(q, 2) + 0.0:.2f}".replace("-", "−") for q in (min(each), max(each)))
        assert over[row["entry"]][3].split(">")[-1] == f"{low} to {high}", row["entry"]


def test_seeds_that_are_more_than_usual_are_counted_and_an_unknown_one_leaves_a_dash(told):
    other = deepcopy(told)
    row, spoilt = other["tasks"][0]["rows"][:2]
    row["runs"].append({**row["runs"][0], "seed": 1})
    spoilt["runs"][0]["quality"] = None
    shown = dict(rows_of(board.page(other), "t0"))
    assert "6 seeds" in shown[row["entry"]][3]
    assert "seeds" not in shown[other["tasks"][0]["rows"][2]["entry"]][3]
    assert "not known of every seed" in shown[spoilt["entry"]][3]


def test_the_first_words_say_what_is_ranked_and_where_to_enter_and_to_compute_again(told):
    html = board.page(told)
    page = Read(html.split('<section class="view"')[0])
    said = " ".join(" ".join(page.words).split())
    for word in ("interval", "unresolved", "harmful", "broken", "did not learn", "arm", "drawn", "not ranked", "tiny", "grpo"):
        assert word in said.lower(), word
    assert {"#enter", "#rebuild", "#read"} <= {a["href"] for t, a in page.tags if t == "a"}
    commands = re.findall(r"<pre[^>]*>([^<]*)</pre>", html.split('<section id="enter"')[1].split("</section>")[0])
    assert commands[0].splitlines()[0] == "rbench run --board made-up --task qa/lookup --design mine.toml --out runs/entry"
    submitting = [line.replace("--board cpu", "--board made-up") for line in (ROOT / "docs/boards.md").read_text().splitlines()]
    assert commands[0].splitlines()[1:] == [line for line in submitting if line.startswith("rbench submit")]
    assert commands[1:] == ["rbench board build leaderboards/made-up", "rbench reproduce leaderboards/made-up/reference"]
    assert said.count("in a clone of the repository") == 0
    assert html.split('<section id="enter"')[1].count("in a clone of the repository") >= 2


def test_each_word_of_evidence_has_one_meaning_in_page_docs_and_explanation(told):
    page = Read(board.page(told))
    said = " ".join(" ".join(page.words).split())
    table = [line.replace("`", "").split(" | ") for line in (ROOT / "docs/boards.md").read_text().splitlines()]
    assert list(checks.LEVELS) == [row[0].lstrip("| ") for row in table if row[0].lstrip("| ") in EVIDENCE and len(row) == 4]
    for word, (done, proves) in EVIDENCE.items():
        assert [word, done, proves] in [[row[0].lstrip("| "), *row[1:3]] for row in table if len(row) == 4]
        assert f"{word} : {done}, which proves {proves}" in said
        assert proves in rbench("explain", word).out


def test_the_words_of_the_tables_explain_the_marks_that_a_table_may_show(told):
    key = board.page(told).split('id="key"')[1].split("</details>")[0].lower()
    for mark in ("front", "harmful", "broken", "did not learn"):
        assert f"<dt>{mark}</dt>" in key or f"<em>{mark}</em>" in key, mark


def test_what_is_not_known_is_a_dash_with_its_reason(told):
    spoilt = deepcopy(told)
    row = spoilt["tasks"][1]["rows"][0]
    row["means"]["efficiency"], row["reasons"]["efficiency"] = None, "a <run> failed"
    html = board.page(spoilt)
    assert "<span class=no tabindex=0>–<span class=tip>a &lt;run&gt; failed</span></span>" in html
    assert "a <run> failed" in board_entries.sections(spoilt)[[e["entry"] for e in spoilt["entries"]].index(row["entry"])].tasks[1].why[0]
    header, *lines = csv.reader(io.StringIO(board_texts.table(spoilt)))
    [line] = [r for r in lines if r[:2] == ["writing/story", row["entry"]]]
    assert line[header.index("efficiency")] == ""
    assert float(line[header.index("quality")]) == row["means"]["quality"]["mean"]


def test_provisional_and_broken_stand_first(told):
    assert "PROVISIONAL" not in board.page(told)
    spoilt = deepcopy(told)
    spoilt["provisional"] = ["qa/lookup: 3 of 40 drawn designs"]
    spoilt["tasks"][0]["broken"]["quality"]["conditions"][0] |= {"holds": False, "difference": 0.123}
    html = board.page(spoilt)
    head = html.split('<section class="view"')[0]
    for words in ("PROVISIONAL", "3 of 40 drawn designs", "BROKEN on Q, qa/lookup", "random must not be above untrained", "+0.123"):
        assert words in head
    readme = board_texts.readme(spoilt)
    assert "**PROVISIONAL**: qa/lookup: 3 of 40 drawn designs." in readme
    assert "**BROKEN on Q, qa/lookup**: random must not be above untrained" in readme
    assert "broken" in board_texts.badge_svg(spoilt)
    assert "provisional" in board_texts.badge_svg({**told, "provisional": ["x"]})
    assert f"{len(told['entries']) - len(ARMS)} entries" in board_texts.badge_svg(told)


def test_a_board_without_a_row_says_so_and_promises_nothing(told):
    unfrozen = {**told["board"], "hashes": {}}
    none = {**told, "board": unfrozen, "entries": [], "tasks": [], "tombstones": [], "provisional": ["qa: no entry yet"]}
    html, readme = board.page(none), board_texts.readme(none)
    main = html.split("<main")[1]
    assert "EMPTY:" in main
    assert "**EMPTY**: nothing has been run for this board yet" in readme
    assert "empty" in board_texts.badge_svg(none)
    for wrong in ("PROVISIONAL", "rbench reproduce", "BibTeX", "@misc", "CSV", "rank", "weights", "intervals"):
        assert wrong not in main, wrong
        assert wrong not in readme, wrong
    assert "Each taught" not in readme
    for text in (main, readme):
        assert "definition, not frozen: it will change" in " ".join(text.split())
    assert "EMPTY" not in board.page(told)


def test_the_truth_page_of_a_board_without_a_row_says_that_nothing_is_measured(told):
    none = {**told, "entries": [], "tasks": [], "tombstones": [], "truth": {}}
    main = truth.page(none).split("<main")[1]
    assert re.search(r"In a clone of the repository:</p>\s*<pre[^>]*>rbench board build leaderboards/made-up<", main)
    assert "nothing is measured yet" in main
    for wrong in ("are measured here", "95% intervals", "Six designs a task", "Every number", none["board"]["digest"]):
        assert wrong not in main, wrong
    assert main.count("not measured") == len(truth_words.questions(none))
    assert "are measured here" in truth.page(told)


def test_the_digest_of_a_frozen_board_stands(told):
    frozen = {**told, "board": {**told["board"], "hashes": {"policy": "ab" * 32}}}
    assert "not frozen" not in board.page(frozen)
    assert "not frozen" not in board_texts.readme(frozen)


def test_a_design_that_hangs_on_its_trainer_is_marked():
    told = board_json(6, names=["hangs"])
    [row] = [r for r in board_rows.of_task(told, told["tasks"][0]) if r.name == "hangs"]
    assert "trainer-dependent" in row.marks
    assert not [r for r in board_rows.of_task(told, told["tasks"][1]) if "trainer-dependent" in r.marks]


def test_the_front_is_whom_nobody_beats_on_both():
    def point(name, x, y):
        return board_chart.Point(name, "entry", (x, x, x), (y, y, y))

    there = [point("a", 0.1, 0.9), point("b", 0.5, 0.5), point("c", 0.4, 0.5), point("d", 0.9, 0.1), point("e", 0.9, 0.05)]
    beaten = {p.name for p in there if any(q.x[0] >= p.x[0] and q.y[0] >= p.y[0] and (q.x[0], q.y[0]) != (p.x[0], p.y[0]) for q in there)}
    assert [p.name for p in board_chart.front(there)] == [p.name for p in there if p.name not in beaten] == ["a", "b", "d"]


def test_the_readme_lists_the_top_of_each_axis(told):
    readme = board_texts.readme(told)
    for task in told["tasks"]:
        best = max((r for r in task["rows"] if r["ranks"]), key=lambda r: r["means"]["quality"]["mean"])
        section = readme.split(f"## {task['task']}\n")[1].split("\n## ")[0]
        assert f"- First on Q quality: `{best['entry']}`" in section
        assert section.count("\n| ") == 1 + len(task["rows"])


def test_the_feed_is_dated_by_its_entries_alone(told):
    dated = deepcopy(told)
    dated["entries"][0]["date"] = "2027-03-04"
    dated["entries"][1]["date"] = "no date"
    feed = ElementTree.fromstring(board_texts.feed(dated))
    assert feed.find(f"{ATOM}updated").text == "2027-03-04T00:00:00Z"
    items = feed.findall(f"{ATOM}entry")
    assert items[0].find(f"{ATOM}title").text == dated["entries"][0]["entry"]
    assert {i.find(f"{ATOM}updated").text for i in items[1:]} == {"1970-01-01T00:00:00Z"}
    assert len({i.find(f"{ATOM}id").text for i in items}) == len(dated["entries"])


# --- files ---------------------------------------------------------------------------------------


def test_two_hundred_entries_on_three_tasks_are_at_most_a_megabyte_and_a_half():
    told = board_json(200)
    assert [sum(r["ranks"] is not None for r in t["rows"]) for t in told["tasks"]] == [200] * 3
    assert len(board.page(told).encode()) <= 1_500_000


def test_a_real_board_keeps_its_schema(real, told):
    schema = json.loads((ROOT / "rewardbench" / "schemas" / "board.json").read_text())
    check = jsonschema.Draft202012Validator(schema)
    check.validate(json.loads((real / "board.json").read_text()))
    check.validate(told)
    for spoil in (lambda t: t.pop("tasks"), lambda t: t["tasks"][0]["rows"][0].pop("runs"), lambda t: t["tasks"][0]["rows"][0].update(x=1)):
        spoilt = deepcopy(told)
        spoil(spoilt)
        assert list(check.iter_errors(spoilt))


def test_same_folder_same_bytes_and_nothing_of_the_machine(real, tmp_path):
    other = shutil.copytree(real, tmp_path / "elsewhere")
    first = {name: (real / name).read_bytes() for name in writing.FORMS}
    for name in writing.FORMS:
        (other / name).unlink()
    written = writing.write(definition.read(other))
    assert {p.name: p.read_bytes() for p in written} == first
    for data in first.values():
        for private in (str(real), str(ROOT), str(Path.home()) + "/"):
            assert private not in data.decode()


def test_a_page_an_entry_has_its_curves_and_completions(real, tmp_path):
    out = tmp_path / "pages"
    said = rbench("board", "build", real, "--pages", out)
    assert said.code == 0, said.err
    told = json.loads((real / "board.json").read_text())
    assert {p.stem for p in out.iterdir()} == {e["entry"] for e in told["entries"]}
    html = (out / "reference.html").read_text()
    page = Read(html)
    [policy] = [a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert all(f"'{safe.source_hash(text)}'" in policy for text in page.inside if not text.startswith("{"))
    assert {a["id"] for t, a in page.tags if t == "title" and "id" in a} == {"p-signature-qa_2f_lookup-t", "p-frontier-qa_2f_lookup-t"}
    [data] = [json.loads(text) for text in page.inside if text.startswith("{")]
    words, scores = (rows.read(real / "entries" / "reference" / "qa-lookup" / f"{t}.parquet") for t in ("texts", "scores"))
    gold = {(str(t), str(p)): [] for t, p in zip(words["text"], words["prompt_text"])}
    at = {k: g for *k, g in zip(*(scores[n].tolist() for n in ("seed", "split", "step", "prompt", "k")), scores["gold"].tolist()) for k in [tuple(k)]}
    for *key, text, prompt in zip(*(words[n].tolist() for n in ("seed", "split", "step", "prompt", "k", "text", "prompt_text"))):
        gold[text, prompt].append(round(at[tuple(key)], 4))
    [design] = data["tasks"][0]["designs"]
    assert len(design["runs"]) == 3
    shown = [row for run in design["runs"] for look in run["looks"] for row in look["rows"]]
    assert shown
    for prompt, text, value, *_ in shown:
        assert value in gold[data["texts"][text], data["texts"][prompt]]


def test_a_board_of_algorithms_says_so(told):
    other = deepcopy(told)
    other["board"]["algorithms"] = ["grpo", "rloo"]
    assert "Each row is an algorithm" in board.page(other)
    assert "Each entry is an algorithm, given one reward." in board_texts.readme(other)


def test_every_form_is_of_board_json_alone(real):
    told = json.loads((real / "board.json").read_text())
    assert writing.forms(told) == {name: (real / name).read_bytes() for name in writing.FORMS}
    assert told == json.loads(json.dumps(build(definition.read(real))))
