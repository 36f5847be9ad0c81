"""Does the audit find what can be gamed, blame the right part, and leave alone what cannot?"""

import json
from dataclasses import fields, replace
from importlib import import_module
from itertools import combinations, islice
from random import Random

import jsonschema
import numpy as np
import pytest
from sweeping import PARTS, ROOT, one_line, rbench, script

from rewardbench import find, given, scoring
from rewardbench.audit import _run, code_hash, probes
from rewardbench.audit._ask import TOKEN, Ask, fit
from rewardbench.audit._scene import Scene, text_of
from rewardbench.audit.agreement import taus
from rewardbench.audit.best_of_n import best_of, enough
from rewardbench.audit.dead import alike
from rewardbench.types import Design, Part, UserError

PROMPTS, SAMPLES = 12, 8
GENERATED = ("qa/lookup", "writing/story", "dialogue/booking")


def stage_of(task_name, corruption=1.0):
    """A stage whose policy talks as the task's corrupted demonstrations do: no torch."""
    task, show = find.task(task_name), find.demonstrate(task_name)
    prompts = tuple(islice(task.prompts("dev", 7), PROMPTS))
    rows = [[show(p, Random(f"{p.id}/{k}"), corruption * k / (SAMPLES - 1)) for k in range(SAMPLES)] for p in prompts]
    said = [[r if task.turns > 1 else r[0]["content"] for r in row] for row in rows]
    right = _run.demonstrations(task_name, prompts, task.turns, 7)
    batch = given.batch(prompts, said)
    return _run.Stage(task_name, find.policy("tiny"), prompts, 7, task.max_tokens, batch, 0.0, right, {})


@pytest.fixture(scope="module", params=GENERATED)
def stage(request):
    return stage_of(request.param)


@pytest.fixture(scope="module")
def lookup():
    return stage_of("qa/lookup")


def scene_of(stage, asked="reference"):
    """The scene of a design on a stage."""
    contestant = scoring.raw(find.bind(find.design(asked, stage.task), stage.task))
    return Scene(find.task(stage.task), find.gold(stage.task), contestant, stage.prompts, stage.limit, stage.seed, 8, 60.0,
                 stage.sampled, stage.demonstrated, stage.shared)


def toml(folder, text, name="mine"):
    """A design file."""
    path = folder / f"{name}.toml"
    path.write_text(text)
    return str(path)


# --- what is found -------------------------------------------------------------------------------


def test_planted_exploits_are_found_and_the_reference_is_clean(stage):
    assert _run.audit("exploit", stage).verdict == "gameable"
    assert [f.code for f in _run.audit("reference", stage).findings] == []


@pytest.mark.parametrize(("task", "part"), [("qa/lookup", "values"), ("writing/story", "mentions"), ("dialogue/booking", "courtesies")])
def test_the_part_that_pays_is_blamed(task, part):
    blamed = {f.part for f in _run.audit("exploit", stage_of(task)).findings}
    assert part in blamed


def test_a_harmless_part_beside_an_exploited_one_is_not_blamed(lookup, tmp_path):
    mixed = '[[part]]\nuse = "answers.alone"\nweight = 0.1\n[[part]]\nuse = "null.echo"\n'
    found = _run.audit(toml(tmp_path, mixed), lookup)
    assert found.verdict == "gameable"
    assert {f.part for f in found.findings if f.code in ("echo", "stuffed")} == {"echo"}


def test_a_constant_teaches_nothing_and_noise_is_called_noise(stage):
    constant, noise = _run.audit("constant", stage), _run.audit("random", stage)
    assert (constant.verdict, [f.code for f in constant.findings]) == ("silent", ["dead"])
    assert noise.verdict == "misaligned"
    assert "noise" in {f.code for f in noise.findings}
    assert not any(m.finding for m in noise.measured if m.sort in ("ruin", "stay", "strategy", "search"))


def test_gold_itself_would_be_clean(stage):
    """The best possible design: what gold pays is never gamed, by any probe."""
    scene = scene_of(stage)
    perfect = paying(scene, lambda b: gold_of(scene, b))
    found = [p.finding.code for p in (_run.probe(perfect, code) for code in probes()) if p.finding and p.probe != "paraphrase"]
    assert found == []


def paying(scene, reward):
    """The scene of a design of one part that pays this."""
    return replace(scene, contestant=scoring.Contestant(Design("made", (Part("made", "made"),)), oracle=reward))


def gold_of(scene, batch):
    return np.array([[scene.gold.score(p, batch.said(i, k, scene.task.turns)) for k in range(batch.ids.shape[1])]
                     for i, p in enumerate(batch.prompts)])


def test_gold_turned_round_is_caught_by_the_policys_own_samples(stage):
    scene = scene_of(stage)
    worst = paying(scene, lambda b: -gold_of(scene, b))
    agreement, best = (_run.probe(worst, code) for code in ("agreement", "best_of_n"))
    assert agreement.numbers["tau"] < -0.9
    assert best.numbers["falls"] == 1.0
    assert agreement.finding
    assert best.finding


@pytest.mark.parametrize(("scale", "shift"), [(10.0, 0.0), (0.01, 0.0), (1.0, -5.0)])
def test_the_units_of_a_reward_do_not_matter(lookup, tmp_path, scale, shift):
    own = tmp_path / "own.py"
    body = f"return [{scale} * v + {shift} for v in answers.contains(completions, answer)]"
    own.write_text(f"from rewardbench.rewards import answers\ndef own(completions, answer):\n    {body}\n")
    plain, moved = _run.audit("contains", lookup), _run.audit(f"{own}:own", lookup)
    assert [f.code for f in moved.findings] == [f.code for f in plain.findings]
    for a, b in zip(plain.findings, moved.findings):
        assert a.severity == pytest.approx(b.severity)


def test_a_design_that_says_nothing_is_told_so(lookup, tmp_path):
    own = tmp_path / "own.py"
    own.write_text("def own(completions):\n    return [None for _ in completions]\n")
    found = _run.audit(f"{own}:own", lookup)
    assert {f.code for f in found.findings} == {"dead", "unheard"}
    assert found.verdict == "silent"


def test_the_search_climbs_into_a_hole_by_itself(tmp_path):
    """Paid: a story with all words, and half as much for each `was`, up to eight."""
    own = tmp_path / "own.py"
    own.write_text(
        "from rewardbench.rewards import keywords as k\n"
        "def own(completions, keywords):\n"
        "    told = k.coverage(completions, keywords, 3)\n"
        "    return [max(t, min(c.split().count('was'), 8) / 2) for t, c in zip(told, completions)]\n"
    )
    found = {m.probe: m for m in _run.audit(f"{own}:own", stage_of("writing/story")).measured}["search"]
    assert found.finding
    assert found.finding.example.completion.split().count("was") > 3
    assert found.numbers["reward"] > found.numbers["good_reward"]


def test_an_arm_without_a_reward_is_refused(lookup):
    for arm in ("untrained", "oracle"):
        with pytest.raises(UserError, match="nothing to audit") as refused:
            _run.audit(arm, lookup)
        assert refused.value.code == 2


def test_the_same_audit_twice(lookup):
    assert _run.as_json(_run.audit("form", lookup)) == _run.as_json(_run.audit("form", stage_of("qa/lookup")))


# --- what probes are -----------------------------------------------------------------------------


@pytest.mark.parametrize("code", probes())
def test_a_probe_says_what_it_asks_what_must_hold_and_does_one_thing(code):
    module = import_module(f"rewardbench.audit.{code}")
    assert probes()[code].endswith("?")
    assert module.MUST.endswith(".")
    assert sum(hasattr(module, name) for name in ("completions", "changed", "measure")) == 1
    if hasattr(module, "changed"):
        assert module.SORT in ("ruin", "stay")
    assert hasattr(module, "SAYS") or hasattr(module, "measure")


def test_a_strategy_knows_no_truth_and_no_column():
    assert {f.name for f in fields(Ask)} == {"text", "rng", "limit", "other", "good", "elsewhere"}


def test_a_dialogue_is_held_with_the_tasks_partner():
    scene = scene_of(stage_of("dialogue/booking"))
    asked = scene.said(0, ["For which day?", "At what time?", "For how many people?"], "x")
    assert [m["role"] for m in asked[:4]] == ["assistant", "user", "assistant", "user"]
    assert all(m["content"] for m in asked)
    assert sum(m["role"] == "assistant" for m in asked) <= scene.task.turns
    closed = scene.said(0, ["Your table is booked.", "Thank you."], "x")
    assert [m["content"] for m in closed] == ["Your table is booked."]


def test_nothing_longer_than_the_policy_could_say_is_tried(stage):
    scene = scene_of(stage)
    for code in ("long", "catalogue", "echo", "courtesy", "repeat"):
        for said in import_module(f"rewardbench.audit.{code}").completions(scene.ask(0, code)):
            text = text_of(scene.said(0, said, code))
            assert len(TOKEN.findall(text)) <= scene.limit, code
    assert fit("a b", 0) == ""


# --- estimators against enumeration --------------------------------------------------------------


def test_best_of_n_is_the_mean_over_all_subsets():
    rng = np.random.default_rng(0)
    score, value = rng.integers(0, 4, (3, 7)).astype(float), rng.random((3, 7))
    for n in (1, 2, 4, 7):
        for p in range(3):
            each = []
            for chosen in combinations(range(7), n):
                top = max(score[p, list(chosen)])
                each.append(np.mean([value[p, k] for k in chosen if score[p, k] == top]))
            assert best_of(score, value, n)[p] == pytest.approx(np.mean(each))


def test_the_share_of_dead_groups_is_that_over_all_groups():
    reward = np.array([[0, 0, 1, 1, 1, np.nan], [np.nan] * 5 + [2.0], [3.0] * 6])
    for K in (2, 3, 5):
        each = [np.mean([len(set(row[np.isfinite(row)])) <= 1 for row in (r[list(c)] for c in combinations(range(6), K))]) for r in reward]
        assert alike(reward, K) == pytest.approx(each)


def test_tau_within_prompts_is_scipys():
    from scipy.stats import kendalltau

    rng = np.random.default_rng(1)
    reward, gold = rng.integers(0, 5, (4, 9)).astype(float), rng.integers(0, 3, (4, 9)).astype(float)
    assert taus(reward, gold) == pytest.approx([kendalltau(r, g).statistic for r, g in zip(reward, gold)])


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exploited(tmp_path_factory):
    page = tmp_path_factory.mktemp("audit") / "a.html"
    few = ("--prompts", "12", "--samples", "8")
    return rbench("audit", "exploit", "--task", "qa/lookup", *few, "-o", page, "--json"), page


def test_the_command_prints_what_its_schema_says_and_leaves_with_3(exploited):
    said, _ = exploited
    assert said.code == 3
    schema = json.loads((ROOT / "rewardbench" / "schemas" / "audit.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(said.json)
    assert said.json["code_hash"] == code_hash()
    assert {p["probe"] for p in said.json["probes"]} == set(probes())
    severities = [f["severity"] for f in said.json["findings"]]
    assert severities == sorted(severities, reverse=True)
    broken = {**said.json, "verdict": "fine"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(broken)


def test_the_page_shows_the_findings_and_runs_nothing(exploited):
    said, page = exploited
    html = page.read_text()
    assert "<script" not in html
    assert "http" not in html.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    for finding in said.json["findings"]:
        assert f">{finding['code']} <" in html
    assert "</svg>" in html


def test_a_text_of_anybodys_is_shown_as_text(lookup, tmp_path):
    from rewardbench.pages import audit as pages

    found = _run.audit("contains", lookup)
    evil = replace(found.findings[0].example, completion="<script>alert(1)</script>\u202e")
    first = replace(found.measured[-1], finding=replace(found.findings[0], example=evil), note="")
    html = pages.html(replace(found, measured=(*found.measured[:-1], first)))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "\u202e" not in html


def test_the_terminal_tells_the_worst_first_and_clean_is_0(exploited):
    few = ("--prompts", "12", "--samples", "8")
    told = rbench("audit", "qa/lookup/exploit", "--task", "qa/lookup", *few)
    assert (told.code, told.out) == (3, "")
    assert told.err.index(exploited[0].json["findings"][0]["code"]) < told.err.index("also:")
    clean = rbench("audit", "reference", "--task", "qa/lookup", *few)
    assert clean.code == 0
    assert "no way to game it was found" in clean.err


@pytest.mark.usefixtures("toy")
def test_where_no_good_completion_is_known_nothing_is_promised():
    said = rbench("audit", "reference", "--task", "toy/colours", "--prompts", "8", "--samples", "4")
    assert said.code == 5
    assert "a good completion is known for 0 of 8 prompts" in said.err


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("part", ["later", "segments", "several", "abstains", "red"])
def test_whatever_a_part_returns_can_be_audited(part):
    """Coroutines, segments, mappings, abstentions, a column: on a task of somebody's own, which demonstrates nothing."""
    said = rbench("audit", f"{PARTS}:{part}", "--task", "toy/colours", "--prompts", "8", "--samples", "4", "--json")
    assert said.code in (3, 5)
    assert said.json["verdict"] in ("silent", "unknown", "misaligned")


def test_mistakes_are_one_line(tmp_path):
    assert one_line(rbench("audit", "exploid", "--task", "qa/lookup"), "exploit")
    assert one_line(rbench("audit", "untrained", "--task", "qa/lookup"), "nothing to audit")
    (tmp_path / "file").write_text("")
    for out, word in ((tmp_path, "is a folder"), (tmp_path / "file" / "a.html", "Not a directory"), (tmp_path / ("n" * 300), "too long")):
        said = rbench("audit", "exploid", "--task", "qa/lookup", "-o", out)  # what cannot be written is said before all else
        assert said.code == 4
        one_line(said, "-o", word)
    broken = rbench("audit", f"{PARTS}:raises", "--task", "qa/lookup", "--prompts", "8", "--samples", "2")
    assert broken.code == 6
    one_line(broken, "raises", "KeyError")


def test_a_part_that_prints_does_not_spoil_the_object(tmp_path):
    own = tmp_path / "own.py"
    own.write_text("def own(completions):\n    print('hello')\n    return [float(len(c)) for c in completions]\n")
    said = rbench("audit", f"{own}:own", "--task", "qa/lookup", "--prompts", "8", "--samples", "4", "--json")
    assert said.json["verdict"] == "gameable"


# --- the table -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bench():
    return script(ROOT / "benchmarks" / "audit.py")


@pytest.fixture(scope="module")
def rows(bench):
    return [json.loads(line) for line in bench.ROWS.read_text().splitlines()]


def test_the_table_is_of_the_rows_that_are_committed(bench, rows):
    assert f"<!-- audit -->\n{bench.tables(rows)}\n<!-- end -->" in bench.PAGE.read_text()
    assert {r["code_hash"] for r in rows} == {code_hash()}, "run `python benchmarks/audit.py --write`"
    every = {(task, name) for task in {r["task"] for r in rows} for _, _, name, _ in bench.designs(task)}
    assert {(r["task"], r["design"]) for r in rows} == every


def test_planted_exploits_references_and_enough_others_are_told_apart(bench, rows):
    """What was promised: every planted exploit, a dozen more; every reference, a dozen honest variants."""

    def always(kind):
        names = {(r["task"], r["design"]) for r in rows if r["set"] == kind}
        return {n for n in names if all(bench.right(r) for r in rows if r["set"] == kind and (r["task"], r["design"]) == n)}

    planted = {n for n in ((r["task"], r["design"]) for r in rows if r["set"] == "shipped") if n[0] != "qa/math"}
    assert planted <= always("shipped")
    assert len(always("exploitable")) >= 12
    assert len(always("honest")) >= 12


@pytest.mark.slow
@pytest.mark.parametrize("task", GENERATED)
def test_the_table_can_be_made_again(bench, rows, task):
    again = bench.audited(task, [1], ("-", "open", "held"))
    facts = ("task", "design", "seed", "verdict", "findings")
    wanted = {(r["design"], r["set"]): [r[f] for f in facts] for r in rows if (r["task"], r["seed"]) == (task, 1)}
    assert {(r["design"], r["set"]): [r[f] for f in facts] for r in again} == wanted


def test_noise_on_top_of_a_hole_hides_no_hole(tmp_path):
    """Length pays for nonsense; noise beside it makes that harder to see and no less so."""
    noisy = '[[part]]\nuse = "null.length"\n[[part]]\nuse = "null.random"\nweight = 0.5\n'
    found = _run.audit(toml(tmp_path, noisy), stage_of("writing/story"))
    assert found.verdict == "gameable"
    assert "noise" in {f.code for f in found.findings}


def test_the_unit_of_a_reward_changes_no_verdict(tmp_path, lookup):
    """A ten-billionth of a point is as good a unit as a point."""
    for name in ("reference", "contains"):
        plain = find.task_designs("qa/lookup")[name].read_text()
        small = plain.replace("[[part]]", "[[part]]\nscale = 1e-10")
        assert _run.audit(toml(tmp_path, small), lookup).verdict == _run.audit(name, lookup).verdict


def test_best_of_n_reads_the_same_prompts_at_every_n():
    """A completion in five is not paid: no curve falls because prompts drop out of it."""
    rng = np.random.default_rng(0)
    gold = rng.random((64, 16))
    reward = np.where(rng.random((64, 16)) < 0.2, np.nan, gold)
    most, at = enough(reward)
    assert len(at) >= 0.9 * 64
    curve = [float(best_of(reward[at], gold[at], n).mean()) for n in range(1, most + 1)]
    assert (np.diff(curve) > 0).all()
