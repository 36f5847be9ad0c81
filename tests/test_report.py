"""Is the report one safe file that says what came out, and nothing of the machine it was made on?"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path
from threading import Thread
from xml.etree import ElementTree

import jsonschema
import pytest
from made_up import swept
from sweeping import PARTS, ROOT, command, environment, one_line, rbench

from rewardbench import comparing, results, tables, trace
from rewardbench.pages import designs, headline, meanings, report, safe, samples
from rewardbench.spec import Spec
from rewardbench.types import Design, Part

STORY = Spec(tasks=("writing/story",), designs=("reference", "exploit"), seeds=3, budget="quick")


class Read(HTMLParser):
    """What stands in a page: elements with their attributes, and the text of styles and scripts."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.inside, self._open = [], [], None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("style", "script"):
            self._open = (tag, dict(attrs))
            self.inside.append((*self._open, ""))

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag):
        self._open = None if tag in ("style", "script") else self._open

    def handle_data(self, data):
        if self._open:
            tag, attrs, text = self.inside.pop()
            self.inside.append((tag, attrs, text + data))


def data_of(html):
    [text] = [t for tag, a, t in Read(html).inside if a.get("id") == "data"]
    return json.loads(text)


def words_of(html, kind):
    return [m for k, m in re.findall(r'<span class="kind k-([\w-]+)">[\w ]+</span><span>(.*?)</span>', html) if k == kind]


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    return swept(tmp_path_factory.mktemp("story") / "sweep", STORY)


@pytest.fixture(scope="module")
def html(story):
    return report.build([story]).html


# --- one file ------------------------------------------------------------------------------------


def test_nothing_is_fetched_and_only_our_style_and_script_may_run(html):
    page = Read(html)
    [policy] = [a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    own = [safe.source_hash(text) for _, attrs, text in page.inside if attrs.get("type") != "application/json"]
    assert len(own) == 2
    assert all(f"'{digest}'" in policy for digest in own)
    for tag, attrs in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form"), tag
        for name, value in attrs.items():
            assert name != "style", (tag, name)
            assert not name.startswith("on"), (tag, name)
            assert name not in ("src", "action", "srcset"), (tag, name)
            assert name not in ("href", "xlink:href") or value.startswith("#"), value


def test_ids_are_one_of_a_kind_and_links_lead_somewhere(html):
    tags = Read(html).tags
    ids = [a["id"] for _, a in tags if "id" in a]
    assert len(ids) == len(set(ids))
    links = [a["href"][1:] for t, a in tags if t == "a"]
    assert links
    assert set(links) <= set(ids)


def test_same_folder_same_bytes_and_nothing_of_the_machine(story, html, tmp_path):
    other = shutil.copytree(story, tmp_path / "elsewhere")
    assert report.build([other]).html == html
    for private in (str(story), str(ROOT), str(Path.home()) + "/", *([h] if len(h := socket.gethostname()) > 4 else [])):
        assert private not in html
    assert not re.search(r"20\d\d-\d\d-\d\d|\d\d:\d\d:\d\d", html)


# --- what it says --------------------------------------------------------------------------------


def test_the_headline_says_who_was_hacked_and_who_learnt(html):
    assert words_of(html, "hacked") == [
        "<code>exploit</code>: reward rose 0.10 → 0.74 while gold fell 0.42 → 0.12 on 3 of 3 seeds."
    ]
    [learnt] = words_of(html, "better")
    assert learnt.startswith("Training on <code>reference</code>, the baseline, took gold from 0.42 to 0.72: better than")
    [worse] = words_of(html, "worse")
    assert "<code>exploit</code> −0.60 [−0.60, −0.59]" in worse
    assert "the arms <code>untrained</code> and <code>constant</code>" in worse
    assert "A quick look." in html


@pytest.mark.parametrize(("hacked", "said"), [
    ({1, 2}, "on 2 of 3 seeds (means of those alone; gold of the other ended at 0.73; gold of all is not to be told apart from <code>untrained</code>)."),
    ({1}, "on 1 of 3 seeds (means of that one alone; gold of the others ended at 0.72; one may be chance; gold of all is not to be told apart from <code>untrained</code>)."),
])  # fmt: skip
def test_a_headline_of_some_seeds_says_whose_means_it_holds(tmp_path, hacked, said):
    def curve(at):
        fell = at.run.design.name == "exploit" and at.run.seed in hacked
        return 0.4 + 0.01 * at.run.seed + (-0.4 if fell else 0.4) * at.share, at.share

    [words] = words_of(report.build([swept(tmp_path / "s", STORY, curve)]).html, "hacked")
    assert words.startswith("<code>exploit</code>: reward rose")
    assert words.endswith(said)


def test_an_interval_without_0_and_no_verdict_is_explained(tmp_path):
    def curve(at):
        apart = {1: -0.15, 2: -0.2, 3: -0.25}[at.run.seed] if at.run.design.name == "exploit" else 0.0
        return 0.4 + 0.01 * at.run.seed + (0.4 + apart) * at.share * at.run.design.trains, at.share

    html = report.build([swept(tmp_path / "s", STORY, curve)]).html
    [said] = [w for w in words_of(html, "unresolved") if "<code>exploit</code>" in w]
    assert said.endswith("Intervals are not adjusted: one without 0 is no verdict yet.")


def test_a_baseline_that_stood_still_is_said_with_the_margin(tmp_path):
    html = report.build([swept(tmp_path / "s", STORY, lambda at: (0.4, at.share))]).html
    assert re.search(r"took gold from 0.40 to 0.40: equivalent to <code>untrained</code>, within 0.0\d\d", words_of(html, "equivalent")[0])


def test_the_table_shows_what_the_summary_holds_by_gold_from_the_highest(story, html):
    summary = {r["design"]: r for r in tables.summary(results.score(results.load_sweep(story)))}
    body = html.split('class="designs sortable"')[1].split("</table>")[0]
    rows = re.findall(r"<tr(?: class=\"arm\")?>\n<th scope=\"row\" data-v=\"(\w+)\">.*?</tr>", body, re.DOTALL)
    assert sorted(rows) == sorted(summary)
    golds = [summary[name]["gold"][0] for name in rows]
    assert golds == sorted(golds, reverse=True)
    for name, row in zip(rows, body.split("<tr")[2:]):
        shown = re.findall(r'<td class="n[^>]*?(?: data-v="([^"]*)")?(?: data-after="1")?(?: title="[^"]*")?>', row)
        for metric, value in zip(("gold", "quality", "stability", "efficiency", "diversity"), shown):
            assert (summary[name][metric] is None) == (value == ""), (name, metric)
            assert summary[name][metric] is None or float(value) == summary[name][metric][0]


def test_every_design_of_the_table_leads_to_its_completions(html):
    data = data_of(html)
    links = [a for t, a in Read(html).tags if t == "a" and "data-d" in a]
    names = re.findall(r'data-v="(\w+)"><a href="#s0-(\d)"', html)
    assert links
    assert len(names) == 4
    for name, number in names:
        design = data["tasks"][0]["designs"][int(number)]
        assert design["name"] == name
        assert [len(run["looks"]) for run in design["runs"]] == [1 if name == "untrained" else 2] * 3


def test_a_meaning_ends_where_its_source_begins():
    assert "hacked" in meanings.flags()
    for name in (*meanings.flags(), *designs.LETTERS):
        found = meanings.meaning(name)
        for text in (found.short, found.read, found.fails):
            assert len(text) > 3, name
            assert not re.search(r"\b(Formula|Range|Read|Fails|Source): ", text), (name, text)


def test_meanings_are_those_of_the_metrics(html):
    from rewardbench.metrics import hacked

    assert f'title="{hacked.__doc__.strip()} True when the reward rose and gold fell' in html


def noisy(at):
    """A curve whose seeds differ, so that p-values are neither 0 nor 1."""
    gold = 0.3 if not at.run.design.trains else 0.3 + at.share * (0.2 + 0.05 * at.run.seed)
    return gold, at.share


def test_two_designs_are_one_comparison_whichever_is_named_first(tmp_path):
    spec = Spec(tasks="writing/story", designs=("reference", "coverage"), seeds=3, budget="quick")
    scored = results.score(results.load_sweep(swept(tmp_path / "s", spec, noisy)))
    gold = {(c["a"], c["b"]): c for c in comparing.compare(scored) if c["metric"] == "gold"}
    one, other = gold["reference", "untrained"], gold["untrained", "reference"]
    assert (one["verdict"], other["verdict"]) == ("better", "worse")
    assert one["p_adjusted"] == other["p_adjusted"]
    assert one["difference"] == -other["difference"]
    pairs = {frozenset(pair) for pair in gold}
    assert len(pairs) == len(gold) - 1
    assert len(designs.verdicts("writing/story", list(gold.values()))[0].rows) == len(pairs)
    smallest = min(c["p"] for c in gold.values())
    assert min(c["p_adjusted"] for c in gold.values()) == pytest.approx(min(1, len(pairs) * smallest))


def test_what_taught_something_beside_the_baseline_is_said(tmp_path):
    spec = Spec(tasks="writing/story", designs=("reference", "coverage"), seeds=3, budget="quick")
    html = report.build([swept(tmp_path / "s", spec, noisy)]).html
    assert any(w.startswith("Better than <code>untrained</code> on gold: <code>coverage</code> +0.") for w in words_of(html, "better"))


@pytest.mark.parametrize(("better", "kind", "words"), [
    (0.2, "better", "Better than <code>reference</code> on gold: <code>coverage</code> +0.15 [0.15, 0.15]"),
    (0.0, "equivalent", "As good as <code>reference</code> on gold, within 0.0"),
    (None, "unresolved", "Cannot be told apart from <code>reference</code> on gold with 3 seeds, 5 comparisons allowed for"),
])  # fmt: skip
def test_each_verdict_has_its_sentence(tmp_path, better, kind, words):
    def curve(at):
        apart = 0.3 * (at.run.seed - 2) if better is None else better + 0.001 * at.run.seed
        gold = 0.3 if not at.run.design.trains else 0.3 + at.share * (0.3 + apart * (at.run.design.name == "coverage"))
        return gold, at.share

    spec = Spec(tasks="writing/story", designs=("reference", "coverage"), seeds=3, budget="quick")
    html = report.build([swept(tmp_path / "s", spec, curve)]).html
    assert any(w.startswith(words) for w in words_of(html, kind)), words_of(html, kind)


def test_one_seed_has_no_interval_and_the_page_says_so(tmp_path):
    spec = Spec(tasks="writing/story", designs=("reference",), seeds=1, budget="quick")
    html = report.build([swept(tmp_path / "s", spec)]).html
    [said] = words_of(html, "one-seed")
    assert "One seed has no interval" in said
    assert 'class="between"' not in html
    assert "Paired verdicts" not in html


def test_unfinished_runs_are_shown_as_far_as_they_are(tmp_path):
    folder = swept(tmp_path / "s", STORY, unfinished=lambda run: run.design.name == "exploit" and run.seed == 2)
    html = report.build([folder]).html
    assert "<strong>Partial.</strong> 1 of 12 runs" in html
    assert words_of(html, "not-done") == ["<code>exploit</code> is not done on 1 of 3 seeds."]
    assert "<li>gold, Q, S, E and D –: 1 of 3 runs are not done.</li>" in html
    empty = swept(tmp_path / "e", STORY, unfinished=lambda run: True)
    for path in empty.glob("runs/*/evals/*"):
        path.unlink()
    html = report.build([empty]).html
    assert "<strong>Partial.</strong> 12 of 12 runs" in html
    assert "No evaluation was recorded." in html


def test_a_failed_run_is_named_with_its_reason(toy_policy, toy, tmp_path):
    words = ("--task", "toy/colours", "--policy", toy_policy, "--design", "reference", "--design", f"{PARTS}:nan")
    assert rbench("run", *words, "--seeds", "2", "--budget", "quick", "--out", tmp_path / "s").code == 6
    said = rbench("report", tmp_path / "s", "--json")
    assert said.code == 0
    schema = json.loads((ROOT / "rewardbench" / "schemas" / "report.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(said.json)
    page = Path(said.json["file"])
    assert page == tmp_path / "s" / "report.html"
    assert said.json["bytes"] == page.stat().st_size
    assert said.json["tasks"] == ["toy/colours"]
    html = page.read_text()
    assert "<strong>Failed.</strong> 2 of 8 runs failed." in html
    assert "<li>Of a failed run gold, Q and S count 0, E from its last evaluation on.</li>" in html
    [why] = words_of(html, "failed")  # one sentence, though each seed's reason names another prompt
    assert why.startswith("<code>nan</code> failed on 2 of 2 seeds: part &#39;nan&#39;")
    assert "with parts.py (SHA-256 " in html
    assert "--design parts.py:nan" in html
    assert str(tmp_path) not in html


OWN = """
summary = "asks for the words, less and less"
combine = "ensemble"
penalty = 0.5
normalise = "group"
credit = "end"
[[part]]
use = "keywords.coverage"
scale = 2.0
clip = [0.0, 1.5]
weight = 0.1234
schedule = [[0.0, 1.0], [0.5, 0.0]]
[[part]]
use = "length.words"
params = {low = 1, high = 9}
level = "sentence"
"""


def test_all_that_a_design_does_to_the_reward_is_said_of_it_and_what_its_author_says(tmp_path):
    (tmp_path / "own.toml").write_text(OWN)
    folder = swept(tmp_path / "s", Spec(tasks="writing/story", designs=(str(tmp_path / "own.toml"),), seeds=2, budget="quick"))
    html = report.build([folder]).html
    [pays] = re.findall(r"<dt><code>own</code></dt>\n<dd>(.*?)</dd>", html, re.DOTALL)
    assert pays.startswith(
        "asks for the words, less and less (ensemble of 2 parts, penalty 0.5, normalise group, credit end)"
    )
    assert "scaled × 2, clipped to 0–1.5, weight × 0.1234, moving: × 1 at 0 %, × 0 at 50 % of the run" in pays
    assert "low = 1, high = 9, a sentence at a time, weight × 1" in pays
    assert 'title="asks for the words, less and less"' in html
    (folder / "sources" / "designs" / "own.toml").unlink()
    assert "<dd>ensemble of 2 parts," in report.build([folder]).html


def test_designs_that_differ_in_one_setting_do_not_read_alike():
    part = {"weight": 2.0, "params": {"low": 1}, "scale": 2.0, "clip": (0.0, 1.0), "gate": 0.5, "form": "messages",
            "convention": "verl", "schedule": ((0.0, 1.0), (1.0, 0.0)), "level": "turn"}  # fmt: skip
    assert set(part) == {f.name for f in fields(Part)} - {"name", "use", "source"}
    made = [Part("a", "b.a"), *(replace(Part("a", "b.a"), **{k: v}) for k, v in part.items())]
    assert len({designs.terms(p) for p in made}) == len(made)
    whole = {"combine": "product", "normalise": "group", "penalty": 0.5, "credit": "end", "trains": False}
    assert set(whole) == {f.name for f in fields(Design)} - {"name", "parts"}
    every = [Design("d", (made[0],)), *(Design("d", (made[0],), **{k: v}) for k, v in whole.items())]
    for says in ({}, {"d": "in words"}):
        assert len({designs.said(d, says) for d in every if d.trains or not says}) == len(every) - bool(says)


def harmed(html):
    """The designs that the first table marks."""
    table = html.split('class="designs sortable"')[1].split("</table>")[0]
    return {row.split('data-v="')[1].split('"')[0] for row in table.split("<tr")[2:] if 'href="#harmful"' in row}


def test_harmful_is_the_adjusted_verdict_in_q_and_a_crash_alone_is_not(tmp_path):
    spec = Spec(tasks="writing/story", designs=("reference", "exploit", "coverage"), seeds=4, budget="quick")

    def curve(at):
        untrained = results.anchor_of(at.run).low + {1: -0.02, 2: -0.01, 3: 0.01, 4: 0.02}[at.run.seed]
        fell = {"exploit": 0.15, "coverage": 0.15 * (at.run.seed % 2)}
        return untrained - fell.get(at.run.design.name, 0.0) * bool(at.share), at.share

    folder = swept(tmp_path / "s", spec, curve)
    html = report.build([folder]).html
    assert harmed(html) == {"exploit"}
    assert f"<dd>A mark of a design, not a flag of a run. {report._code(designs.HARMFUL)}</dd>" in html
    for run in results.load_sweep(folder):
        if run.spec.design.name == "exploit":
            trace.close(run.folder, "failed", reason="it broke")
    html = report.build([folder]).html
    assert harmed(html) == set()
    assert ">failed 4/4</span>" in html


def test_the_words_of_the_page_are_those_of_its_marks(html):
    assert "beside 2 arms." in html
    assert "<li>Grey italics: the design did not learn" in html
    assert "Student&#39;s t over seeds and is not cut" in html
    assert "Student’s t, not cut, so that of few seeds one may reach beyond 0 and 1" in html


def light(colour):
    """Relative luminance, as WCAG 2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_has_no_rank_is_another_grey_that_can_still_be_read(html, theme):
    [style] = [text for tag, _, text in Read(html).inside if tag == "style"]
    rules = "".join(re.findall(rf":root\[data-theme={theme}\] {{(.*?)}}", style, re.DOTALL))
    colours = {name: text if len(text) == 7 else "#" + "".join(c * 2 for c in text[1:])
               for name, text in re.findall(r"--(faint|soft|ink|paper|tint): (#\w+);", rules)}  # fmt: skip
    shade = {name: light(text) for name, text in colours.items()}
    for ground in ("paper", "tint"):
        a, b = sorted((shade["faint"], shade[ground]))
        assert (b + 0.05) / (a + 0.05) >= 4.5, ground
    assert abs(shade["faint"] - shade["ink"]) > abs(shade["soft"] - shade["ink"])


# --- completions ---------------------------------------------------------------------------------


def test_the_telling_completions_are_kept_and_each_text_once(html, story):
    data = data_of(html)
    texts = [json.dumps(t) for t in data["texts"]]
    assert len(texts) == len(set(texts))
    runs = {(r.design, r.run.spec.seed): r for r in results.score(results.load_sweep(story))}
    for design in data["tasks"][0]["designs"]:
        for run in design["runs"]:
            last = run["looks"][-1]
            gold = runs[design["name"], run["seed"]].run.curve.gold[-1]
            kept = [row[2] for row in last["rows"]]
            assert last["total"] == gold.size == 128
            assert max(kept) == pytest.approx(gold.max(), abs=1e-4)
            assert min(kept) == pytest.approx(gold.min(), abs=1e-4)
            assert 5 <= len(kept) <= samples.MOST


def test_a_gap_is_reward_on_the_runs_own_scale_less_gold(html):
    exploit = next(d for d in data_of(html)["tasks"][0]["designs"] if d["name"] == "exploit")
    for run in exploit["runs"]:
        for look in run["looks"]:
            for _, _, gold, reward, gap, _, parts in look["rows"]:
                assert gap == pytest.approx((reward - 0.05) / 0.95 - gold, abs=2e-4)
                assert parts
        assert max(row[4] for row in run["looks"][-1]["rows"]) > 0.8


def test_dialogues_keep_their_turns(tmp_path):
    spec = Spec(tasks="dialogue/booking", designs=("reference",), seeds=2, budget="quick")
    html = report.build([swept(tmp_path / "s", spec)]).html
    turns = [t for t in data_of(html)["texts"] if isinstance(t, list)]
    assert turns
    assert all([role for role, _ in t] == ["assistant", "user", "assistant"] for t in turns)
    assert '<span class="turn"><b>user</b> For two.</span>' in html


HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!-- <img src=x onerror=alert(1)>",
    "a\u202etxt.exe\u2066 \u2028 \x00\x1b[31m \u200b end",
    "👩\u200d🚀 שלום",
    "x" * 10_000,
]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A sweep whose design, completions and prompts are hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    design = folder / "<script>alert(1)<&\"'\u202eevil \x07 `b` and a name that is far longer than anybody needs.toml"
    design.write_text('summary = "<b>&\u202e"\n[[part]]\nuse = "keywords.coverage"\nname = "<i>\u2067p"\n')
    spec = Spec(tasks=("writing/story",), designs=("reference", "exploit", str(design)), seeds=2, budget="quick")
    return swept(folder / "s", spec, text=lambda at, p, k: HOSTILE[k % 5] + f" {p} {at.run.seed}")


def test_hostile_names_and_texts_are_only_text(hostile):
    html = report.build([hostile]).html
    assert "alert" in html
    assert not set("\u202e\u2066\u2067\u2028\x00\x1b\x07\u200b") & set(html)
    assert "⟨U+202E⟩" in html
    assert "👩\u200d🚀 שלום" in html
    assert "(6004 characters more)" in html
    page = Read(html)
    assert len([t for t, _ in page.tags if t == "script"]) == 2
    assert not [t for t, _ in page.tags if t in ("img", "i")]
    said = {t if isinstance(t, str) else "" for t in data_of(html)["texts"]}
    assert any(t.startswith("</script><script>alert(1)</script> ") for t in said)
    [title] = {a["title"] for t, a in page.tags if t == "code" and "far longer" in a.get("title", "")}
    assert title.endswith("than anybody needs")


def test_names_in_sentences_cannot_break_out_of_their_quotes():
    assert headline.name("a`b") == "`aˋb`"
    assert report._code(headline.name("<b>`") + " & more") == "<code>&lt;b&gt;ˋ</code> &amp; more"


# --- the command ---------------------------------------------------------------------------------


def test_a_design_file_of_ones_own_is_named_with_its_hash(tmp_path):
    (tmp_path / "own.toml").write_text('[[part]]\nuse = "keywords.coverage"\n')
    folder = swept(tmp_path / "s", Spec(tasks="writing/story", designs=(str(tmp_path / "own.toml"),), seeds=2, budget="quick"))
    html = report.build([folder]).html
    [made] = {r.run.spec.design_hash for r in results.score(results.load_sweep(folder)) if r.design == "own"}
    assert f"with own.toml (design {made[:12]}) in the working directory" in html
    assert "--design own.toml" in html


def test_several_folders_want_a_name_and_make_one_page(story, tmp_path):
    qa = swept(tmp_path / "qa", Spec(tasks="qa/lookup", designs=("reference", "exploit"), seeds=2, budget="quick"))
    assert rbench("report", story, qa).code == 2
    one_line(rbench("report", story, qa), "2 folders", "-o")
    said = rbench("report", story, qa, "-o", tmp_path / "both.html", "--svg", tmp_path / "drawn", "--json")
    assert said.json["tasks"] == ["writing/story", "qa/lookup"]
    assert said.json["runs"] == 20
    drawn = sorted((tmp_path / "drawn").glob("*.svg"))
    assert {p.name.rpartition("-")[0] for p in drawn} == {"qa-lookup", "writing-story"}
    for path in drawn:
        assert ElementTree.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert "pass@k" in (tmp_path / "both.html").read_text()


def test_a_run_alone_has_a_page_too(story):
    run = next((story / "runs").iterdir())
    html = report.build([run]).html
    assert "single runs" in html


def test_what_cannot_be_done_is_one_line_and_a_code(story, tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        said = rbench("report", folder)
        assert said.code == 5
        one_line(said, "neither a sweep folder")
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file" / "r.html", tmp_path):
        said = rbench("report", story, "-o", out)
        assert said.code == 4
        one_line(said)
    other = swept(tmp_path / "o", Spec(tasks="writing/story", designs=("coverage",), seeds=3, budget="4"))
    said = rbench("report", story, other, "-o", tmp_path / "r.html")
    assert said.code == 2
    one_line(said, "differ in budget")
    assert not (tmp_path / "r.html").exists()
    assert list(tmp_path.glob("*.tmp")) == []


def test_a_page_goes_where_it_was_asked_for_whatever_stands_there(story, html, tmp_path):
    real, link, fifo = tmp_path / "real" / "page.html", tmp_path / "link.html", tmp_path / "fifo"
    real.parent.mkdir()
    link.symlink_to(real)
    for _ in ("it leads to nothing yet", "it leads to a file"):
        assert rbench("report", story, "-o", link).code == 0
        assert link.is_symlink()
        assert real.read_text() == html
    os.mkfifo(fifo)
    heard: list[bytes] = []
    other = Thread(target=lambda: heard.append(fifo.read_bytes()), daemon=True)  # a pipe that is gone is waited for
    other.start()
    assert rbench("report", story, "-o", fifo).code == 0
    assert fifo.is_fifo()
    other.join(60)
    assert [text.decode() for text in heard] == [html]


def test_a_stdout_that_a_shell_appends_to_keeps_what_was_there(story, html, tmp_path):
    page = tmp_path / "all.html"
    page.write_text("before\n")
    with page.open("ab") as appended:
        words = command("report", story, "-o", "/dev/stdout")
        subprocess.run(words, stdout=appended, stderr=subprocess.PIPE, env=environment(), check=True)
    assert page.read_text().startswith("before\n")
    assert html in page.read_text()


def test_a_device_is_written_into_and_stays_what_it_is(story, tmp_path):
    """Through a link: if the device itself were replaced, it would be gone for everybody."""
    for name in ("full", "null"):
        (tmp_path / name).symlink_to(f"/dev/{name}")
    said = rbench("report", story, "-o", tmp_path / "full")
    assert said.code == 4
    one_line(said, "full: No space left on device")
    assert rbench("report", story, "-o", tmp_path / "null").code == 0
    assert all((tmp_path / name).is_symlink() and (tmp_path / name).is_char_device() for name in ("full", "null"))


def test_a_file_of_the_users_own_beside_the_page_is_let_alone(story, tmp_path, monkeypatch):
    (tmp_path / "page.html.tmp").write_text("mine")
    assert rbench("report", story, "-o", tmp_path / "page.html").code == 0

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        said = rbench("report", story, "-o", tmp_path / "page.html")
    assert said.code == 4
    one_line(said, "page.html: No space left on device")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["page.html", "page.html.tmp"]
    assert (tmp_path / "page.html.tmp").read_text() == "mine"


def test_where_no_page_can_be_is_said_before_anything_is_read(tmp_path):
    """The folders that are asked about are not even there."""
    (tmp_path / "there").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for out, word in {f"{tmp_path}/there": "is a folder", f"{tmp_path}/new/": "is a folder", f"{tmp_path}/loop": "links"}.items():
        said = rbench("report", tmp_path / "nowhere", "-o", out)
        assert said.code == 4
        one_line(said, f"-o {out}", word)
    assert not (tmp_path / "new").exists()


def test_a_page_is_made_without_torch(story, tmp_path):
    words = ["report", str(story), "-o", str(tmp_path / "r.html")]
    code = f"import sys; from rewardbench.cli import call; assert call({words!r}) == 0; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True)


def test_write_puts_it_beside_the_sweep(story, html, tmp_path):
    folder = shutil.copytree(story, tmp_path / "s")
    assert report.write(folder) == folder / "report.html"
    assert (folder / "report.html").read_text() == html


def test_a_sweep_of_45_runs_fits_a_megabyte(tmp_path):
    folders = [
        swept(tmp_path / task.replace("/", "-"), Spec(tasks=task, designs=("reference", "exploit", third), seeds=3))
        for task, third in (("writing/story", "coverage"), ("qa/lookup", "contains"), ("dialogue/booking", "politeness"))
    ]
    built = report.build(folders)
    assert built.runs == 45
    assert len(built.html.encode()) <= 1_000_000
    looks = [k for t in data_of(built.html)["tasks"] for d in t["designs"] for r in d["runs"] for k in r["looks"]]
    assert len(looks) == 81
    assert min(len(k["rows"]) for k in looks) >= 8


def test_nothing_is_compared_where_there_is_nothing_to_compare_with(story):
    scored = [r for r in results.score(results.load_sweep(story)) if r.design in ("exploit", "constant")]
    [*_, last] = headline.findings("writing/story", scored, comparing.compare(scored))
    assert last.words == "Nothing could be compared: there is neither `reference` nor `untrained`."
