"""Can a program read what the commands print? One JSON object on stdout, as its published schema says."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from sweeping import PARTS, ROOT, rbench, task_of, toy_found

pytestmark = pytest.mark.usefixtures("toy")
SCHEMAS = ROOT / "rewardbench" / "schemas"


def valid(said, name):
    """The one object of stdout, which its schema describes."""
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    found = json.loads(said.out)
    jsonschema.Draft202012Validator(schema).validate(found)
    return found


@pytest.fixture(scope="module")
def swept(toy_policy, tmp_path_factory):
    """Two seeds of a good, a broken and an abstaining design, with a grid of temperatures."""
    with toy_found():
        folder = tmp_path_factory.mktemp("swept") / "sweep"
        words = ("--task", "toy/colours", "--policy", toy_policy, "--seeds", "2", "--budget", "quick")
        designs = ("--design", "reference", "--design", f"{PARTS}:nan", "--design", f"{PARTS}:several")
        return (*words, *designs), folder, rbench("run", *words, *designs, "--out", folder, "--json")


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda p: p.stem)
def test_schemas_are_schemas(path):
    schema = json.loads(path.read_text())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["required"]


def test_run_prints_what_its_schema_says(swept):
    _, _, said = swept
    found = valid(said, "run")
    assert said.code == 6
    assert {r["status"] for r in found["runs"]} == {"done", "failed"}
    assert {c["verdict"] for c in found["comparisons"]}
    for row in found["runs"]:
        for axis in ("quality", "stability", "efficiency", "diversity"):
            assert row[axis] is not None or row["reasons"][axis]
        if row["status"] == "failed":
            assert row["reasons"]["status"]


def test_a_schema_refuses_what_is_wrong(swept):
    schema = json.loads((SCHEMAS / "run.json").read_text())
    found = json.loads(swept[2].out)
    for key in ("sweep", "comparisons"):
        broken = {k: v for k, v in found.items() if k != key}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(schema).validate(broken)
    found["runs"][0]["status"] = "fine"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(found)


def test_resume_merge_and_compare(swept, tmp_path):
    _, folder, said = swept
    assert valid(rbench("resume", folder, "--json"), "run") == said.json
    assert valid(rbench("merge", folder, "--out", tmp_path / "m", "--json"), "run") == said.json
    compared = valid(rbench("compare", folder, "--json"), "compare")
    assert compared["comparisons"] == said.json["comparisons"]
    first = compared["comparisons"][0]
    assert {first["b"] for first in compared["comparisons"]} <= {"reference", "untrained"}
    assert first["n"] == 2


def test_difference_is_a_minus_b(swept):
    found = swept[2].json
    ends = {}
    for row in found["runs"]:
        ends.setdefault(row["design"], []).append(row["gold"]["end"])
    checked = 0
    for c in found["comparisons"]:
        if c["metric"] == "gold" and None not in ends[c["a"]] + ends[c["b"]]:
            mean = sum(x - y for x, y in zip(ends[c["a"]], ends[c["b"]], strict=True)) / 2
            assert c["difference"] == pytest.approx(mean)
            checked += 1
    assert checked >= 2


@pytest.mark.parametrize("kind", ["tasks", "designs", "parts", "algorithms", "policies", "metrics", "boards"])
def test_list(kind):
    found = valid(rbench("list", kind, "--json"), "list")
    assert found["kind"] == kind
    if kind not in ("policies", "boards"):
        assert found["items"]
        assert all(i["summary"] for i in found["items"])


def test_plan(swept):
    words, _, said = swept
    found = valid(rbench("plan", *words, "--json"), "plan")
    assert [r["run"] for r in found["runs"]] == [r["run"] for r in said.json["runs"]]
    assert found["sweep"] == said.json["sweep"]
    first = found["runs"][0]
    assert (first["steps"], first["training_completions"]) == (4, 4 * 4 * 4)
    assert first["evaluation_completions"] == 5 * 16 * 8


def test_show_every_kind_of_thing(swept, toy_policy):
    _, folder, said = swept
    things = {
        "toy/colours": "task", "toy/colours/reference": "design", "toy/colours/untrained": "design",
        "null.random": "part", "hacked": "metric", "quality": "metric", "grpo": "algorithm", "cpu": "board", "gpu": "board", str(toy_policy): "policy", str(folder): "sweep",
        str(folder / "runs" / said.json["runs"][0]["run"]): "run",
    }
    for thing, kind in things.items():
        shown = rbench("show", thing, "--json")
        assert shown.code == 0, shown.err
        assert valid(shown, "show")["kind"] == kind
        assert kind in ("sweep", "run") or len(shown.json["hash"]) == 64
    design = rbench("show", "reference", "--task", "toy/colours", "--json").json
    assert design["hash"] == said.json["runs"][0]["design_hash"]


def test_an_arm_is_shown_by_the_bare_name_that_the_listing_gives_it(swept):
    """It is the same on every task, and so is its hash."""
    arms = {i["name"] for i in rbench("list", "designs", "--json").json["items"] if "/" not in i["name"]}
    assert {"untrained", "oracle", "random", "constant"} <= arms
    for arm in arms:
        alone, there = valid(rbench("show", arm, "--json"), "show"), rbench("show", f"toy/colours/{arm}", "--json").json
        assert alone == {**there, "task": None}


def test_without_json_scores_go_to_stderr_and_stdout_stays_empty(swept):
    said = rbench("resume", swept[1])
    assert said.out == ""
    assert "reference" in said.err
    assert "untrained" in said.err


@pytest.mark.parametrize("budget", ["quick", "2"])
def test_a_table_points_to_pass_at_k_only_where_it_shows_it(budget, toy_policy, tasks, tmp_path):
    only = task_of(tasks, f"one-{budget}", task="from dataclasses import replace\ntask = replace(task, one_answer=True)")
    asked = ("--task", only, "--policy", toy_policy, "--seeds", "2", "--budget", budget, "--design", "constant")
    said = rbench("run", *asked, "--out", tmp_path / "s")
    rows = rbench("resume", tmp_path / "s", "--json").json["runs"]
    [line] = [line for line in said.err.splitlines() if "diversity is not asked" in line]
    [head] = [line for line in said.err.splitlines() if line.split()[:2] == ["design", "seeds"]]
    assert "pass_at_k" not in said.err
    assert line.endswith("one answer is right, so diversity is not asked; see pass@k" if budget == "2" else " is not asked")
    assert ("pass@k" in head) == (budget == "2")
    if budget == "2":
        mean = sum(r["pass_at_k"] for r in rows if r["design"] == "constant") / 2
        assert re.search(rf"(?m)^ constant .* {mean:.2f} ±", said.err)


def test_shards_schemas_and_docs_travel_with_the_package():
    assert {p.stem for p in SCHEMAS.glob("*.json")} >= {"run", "list", "show", "plan", "compare"}
    assert Path(SCHEMAS).is_relative_to(ROOT / "rewardbench")
