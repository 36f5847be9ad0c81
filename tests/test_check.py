"""Does `rbench check` say what is wrong with a reward, a design, a task or an algorithm before anything is trained?"""

import json

import jsonschema
import pytest
from sweeping import ROOT, one_line, rbench, task_of

SCHEMA = json.loads((ROOT / "rewardbench" / "schemas" / "check.json").read_text())
MINE = '''
import itertools, random

CALLS = itertools.count()

def right(completions, answer): return [float(a in c) for a, c in zip(answer, completions)]
def verl(solution_str, ground_truth): return {"score": float(ground_truth in solution_str), "acc": 1}
def chat(completions): return [float(len(c[-1]["content"])) for c in completions]
def noisy(completions): return [random.random() for _ in completions]
def flat(completions): return [1.0 for _ in completions]
def silent(completions): return [None for _ in completions]
def place(completions): return [float(i) for i, _ in enumerate(completions)]
def rank(prompts, completions):
    group = lambda p: sorted(c for q, c in zip(prompts, completions) if q == p)
    return [float(group(p).index(c)) for p, c in zip(prompts, completions)]
def brief(completions): return [-float(len(c)) for c in completions]
def changes(completions, asked):
    asked[0].append("me")
    return [float(len(c)) for c in completions]
def short(completions): return [1.0]
def words(completions): return ["good" for _ in completions]
def nan(completions): return [float("nan") for _ in completions]
def raises(completions): raise KeyError("mood")
def hangs(completions):
    while True: pass
def leaves(completions): raise SystemExit(3)
def wishes(completions, wishes): return [1.0 for _ in completions]
class Made:
    def __init__(self, width): self.width = width
    def __call__(self, completions): return [self.width * len(c) for c in completions]
'''


@pytest.fixture
def mine(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path / "mine.py"


def check(*words):
    """What the command says with --json, after its schema has looked at it."""
    said = rbench("check", *words, "--json")
    if said.code not in (2, 5):
        jsonschema.Draft202012Validator(SCHEMA).validate(said.json)
    return said


def broken(said):
    return {p["name"] for p in said.json["promises"] if p["kept"] is False}


def test_rows_of_ones_own_are_scored_and_the_convention_is_said(mine, tmp_path):
    rows = [{"prompt": "2+2?", "completion": "4", "answer": "4"}, {"prompt": "2+2?", "completion": "five", "answer": "4"}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    for name, convention in (("right", "trl"), ("verl", "verl")):
        said = check(f"{mine}:{name}", "--rows", tmp_path / "rows.jsonl")
        assert said.code == 0
        assert (said.json["convention"], said.json["form"], said.json["values"]) == (convention, "text", [1.0, 0.0])
        assert str(tmp_path) not in said.out


def test_rows_of_messages_and_a_function_that_reads_them(mine, tmp_path):
    turn = [{"role": "assistant", "content": "ab"}]
    rows = [{"prompt": [{"role": "user", "content": "Hi"}], "completion": turn}, {"prompt": "Hi", "completion": "abc"}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    said = check(f"{mine}:chat", "--rows", tmp_path / "rows.jsonl")
    assert (said.json["form"], said.json["values"]) == ("messages", [2.0, 3.0])


@pytest.mark.parametrize(
    ("name", "promises"),
    [
        ("noisy", {"deterministic"}), ("flat", {"tells-apart", "golden-above-empty"}), ("silent", {"not-silent"}),
        ("place", {"order-independent", "batch-equals-single"}), ("brief", {"golden-above-empty"}),
        ("changes", {"inputs-unchanged"}),
    ],
)  # fmt: skip
def test_each_broken_promise_is_found(mine, name, promises):
    said = check(f"{mine}:{name}")
    assert said.code == 3
    assert promises <= broken(said)


def test_rounding_of_single_precision_is_no_broken_promise(mine):
    """What a model in float32 says of a batch and of one completion differs in the seventh digit."""
    (mine.parent / "single.py").write_text(
        "def single(completions):\n    return [len(c) * (1 + 1e-7 * len(completions)) for c in completions]\n"
    )
    assert check(f"{mine.parent / 'single.py'}:single").code == 0


@pytest.mark.parametrize("unit", ["1e-9", "1.0", "1e9"])
@pytest.mark.parametrize(("body", "promise"), [("random.random()", "deterministic"), ("float(i)", "order-independent")])
def test_a_promise_is_broken_in_any_unit(mine, unit, body, promise):
    own = mine.parent / "unit.py"
    paid = f"[{unit} * {body} for i, _ in enumerate(completions)]"
    own.write_text(f"import random\ndef unit(completions):\n    return {paid}\n")
    assert promise in broken(check(f"{own}:unit"))


COLUMNS = {
    "def f(completions, keyword): return [1.0 for _ in keyword]": "needs the column 'keyword', which writing/story does not have, did you mean 'keywords'?",
    "def f(solution_str, ground_truth): return ground_truth in solution_str": "'ground_truth', and writing/story has no answer column",
    "def f(solution_strs, ground_truths): return [float(len(g)) for g in ground_truths]": "'ground_truth', and writing/story has no",
    "def f(queries, prompts, labels): return [len(labels[0])]": "'labels', and writing/story has no answer column",
    "def f(completion, answer): return answer in completion": "'answer', and writing/story has no answer column",
    "def f(completions, answers): return [float(len(a)) for a in answers]": "'answer', and writing/story has no answer column",
}


@pytest.mark.parametrize("text", COLUMNS)
def test_a_column_that_is_not_there_is_said_before_anything_is_called(text, tmp_path):
    (tmp_path / "w.py").write_text(text)
    (tmp_path / "rows.jsonl").write_text('{"completion": "a", "keyword": "", "labels": "a"}\n{"completion": "a", "answr": "a"}\n')
    used, story = f"{tmp_path / 'w.py'}:f", ("--task", "writing/story")
    for words in (("plan", "--design", used), ("run", "--design", used, "--out", tmp_path / "s"), ("check", used), ("audit", used)):
        said = rbench(*words, *story)
        assert said.code == 2, said.err
        one_line(said, COLUMNS[text])
    assert not (tmp_path / "s").exists()
    said = rbench("check", used, "--rows", tmp_path / "rows.jsonl")
    assert said.code == 5
    one_line(said, "rows.jsonl, line 2: no '", "which part 'f' needs")


def test_one_completion_is_told_in_the_singular(mine, tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"completion": "4", "answer": "4", "gold": 1}\n')
    told = rbench("check", f"{mine}:right", "--rows", tmp_path / "rows.jsonl").out
    assert "count-and-finite: 1 completion, 1 score, every" in told
    assert "1 good completion is paid 1 on average" in told


def test_what_a_part_has_are_its_parameters_alone(mine):
    """Not what the scorer gives it, nor a column."""
    for use, has in (("answers.brief", "words"), (f"{mine}:brief", "none"), (f"{mine}:right", "answer")):
        (mine.parent / "d.toml").write_text(f"[[part]]\nuse = '{use}'\nparams = {{ compleions = 3 }}\n")
        said = rbench("check", mine.parent / "d.toml", "--task", "qa/lookup")
        assert said.code == 2
        assert one_line(said, "has no parameter 'compleions'").endswith(f"'compleions' (it has: {has})")


def test_a_column_that_no_task_has_is_said_with_the_nearest(tmp_path):
    (tmp_path / "w.py").write_text("def f(completions, keyword): return [1.0 for _ in keyword]\n")
    said = rbench("check", f"{tmp_path / 'w.py'}:f")
    assert said.code == 2
    one_line(said, "no task's prompts have the column 'keyword', did you mean 'keywords'?")


@pytest.mark.parametrize("head", ["data_source, solution_str, ground_truth, extra_info", "queries, prompts, labels"])
def test_an_answer_that_a_convention_forces_on_a_function_and_nobody_reads_is_not_missed(head, tmp_path):
    (tmp_path / "w.py").write_text(f"def f({head}): return 1.0\n")
    assert rbench("plan", "--task", "writing/story", "--design", f"{tmp_path / 'w.py'}:f").code == 0


@pytest.mark.parametrize("name", ["right", "verl", "chat", "rank"])
def test_a_sound_function_keeps_them_all(mine, name):
    said = check(f"{mine}:{name}")
    assert (said.code, broken(said)) == (0, set())


def test_an_answer_that_no_column_holds_is_said(mine):
    (mine.parent / "v.py").write_text("def v(solution_str, ground_truth=None):\n    return float(str(ground_truth) in solution_str)\n")
    told = {p["name"]: p["detail"] for p in check(f"{mine.parent / 'v.py'}:v", "--task", "writing/story").json["promises"]}
    assert "is given None for `ground_truth`" in told["answer-known"]
    assert "answer-known" not in {p["name"] for p in check(f"{mine.parent / 'v.py'}:v").json["promises"]}


def test_a_function_that_looks_at_siblings_may(mine, tmp_path):
    rows = [{"prompt": p, "completion": c} for p in ("one", "two") for c in ("b", "a", "c")]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    said = check(f"{mine}:rank", "--rows", tmp_path / "rows.jsonl")
    assert said.code == 0
    assert said.json["values"] == [1, 0, 2, 1, 0, 2]
    assert "siblings" in next(p["detail"] for p in said.json["promises"] if p["name"] == "batch-equals-single")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("short", "returned 1 scores for"), ("words", "not a number"), ("nan", "return None to abstain"),
        ("raises", "raised KeyError"), ("hangs", "gave no scores within"), ("leaves", "raised SystemExit"),
    ],
)  # fmt: skip
def test_a_function_that_breaks_is_code_6_and_one_line(mine, name, words):
    said = check(f"{mine}:{name}", "--reward-timeout", "0.5")
    assert said.code == 6
    assert words in said.json["failure"]
    assert "\n" not in said.json["failure"]
    assert said.json["values"] is None
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["{}:wrigth"], 2, "did you mean 'right'"),
        (["nobody.py:score"], 5, "no file"),
        (["{}:wishes"], 2, "give completions with --rows"),
        (["{}:right", "--rows", "none.jsonl"], 5, "cannot be read"),
        (["answers.contian"], 2, "did you mean 'answers.contains'"),
        (["qa/lokup"], 2, "did you mean 'qa/lookup'"),
        (["{}:Made"], 2, "makes a reward from params"),
        (["mine.toml"], 2, "name its task"),
        (["{}"], 2, "name its function"),
        (["{}:right", "--reward-timeout", "0"], 2, "reward_timeout = 0 is not between"),
        (["{}:right", "--reward-timeout", "nan"], 2, "reward_timeout = nan is not between"),
    ],
)
def test_a_mistake_is_one_line(mine, words, code, told):
    said = rbench("check", *(w.format(mine) for w in words), "--json")
    assert said.code == code, said.err
    assert told in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert said.out == ""


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("[1]", "line 1: list is no row"), ('{"prompt": "a"}', "line 1: no 'completion'"), ("{", "line 1: not JSON"),
        ('{"completion": 3}', "neither a text nor messages"), ('{"completion": "a", "gold": "x"}', "is not a number"),
        ("", "holds no row"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named(mine, tmp_path, line, told):
    (tmp_path / "rows.jsonl").write_text(line + "\n")
    said = rbench("check", f"{mine}:flat", "--rows", tmp_path / "rows.jsonl")
    assert (said.code, told in said.err) == (5, True), said.err


@pytest.mark.parametrize("task", ["qa/lookup", "writing/story", "dialogue/booking"])
def test_shipped_tasks_keep_their_promises(task):
    said = check(task)
    assert (said.code, broken(said)) == (0, set())


def test_a_truth_that_is_declared_is_told_by_the_name_of_its_declaration(tasks):
    """Not by a card, which nobody reads here."""
    lines = "from dataclasses import replace\n\ntask = replace(task, verifiable=('hint',))"
    for name, told in (("undeclared", "no column holds it"), ("declared", "columns do not hold it, but for those declared `verifiable`")):
        wrong = task_of(tasks, name, task=lines if name == "declared" else "")
        assert f"kept    truth-hidden: {told}" in rbench("check", wrong).out.splitlines()


@pytest.mark.parametrize("algorithm", ["reinforce", "rloo", "grpo", "dr_grpo", "best_of_n", "raft"])
def test_shipped_algorithms_keep_their_promises(algorithm):
    assert check(algorithm).code == 0


def test_an_algorithm_that_pays_silence_is_found(tmp_path):
    (tmp_path / "odd.py").write_text(
        "from dataclasses import dataclass\nimport numpy as np\nfrom rewardbench import Algorithm\n\n@dataclass(frozen=True)\n"
        "class Odd(Algorithm):\n    def advantages(self, batch, state):\n"
        "        return -np.nan_to_num(batch.reward, nan=9.0)[..., None] * batch.mine\n"
        "    def loss(self, now, batch, advantages, state):\n        return -(now.logp * advantages).sum()\n"
    )
    said = check(f"{tmp_path / 'odd.py'}:Odd")
    assert said.code == 3
    assert broken(said) == {"advantages", "silence-teaches-nothing"}


def test_designs_of_a_task_and_of_ones_own(mine):
    assert check("qa/lookup/reference").code == 0
    assert check("reference", "--task", "writing/story").json["kind"] == "design"
    (mine.parent / "d.toml").write_text('[[part]]\nuse = "mine.py:verl"\n[[part]]\nuse = "length.words"\n')
    said = check(mine.parent / "d.toml", "--task", "qa/lookup")
    assert [p["convention"] for p in said.json["parts"]] == ["verl", "trl"]


@pytest.mark.parametrize("words", [("{}", "--task", "qa/lookup"), ("qa/lookup/{}",), ("{}",)])
@pytest.mark.parametrize(("arm", "what"), [("oracle", "gold as reward, the upper anchor"), ("untrained", "pays nothing")])
def test_an_arm_without_a_part_is_refused_in_one_line(words, arm, what):
    said = check(*(w.format(arm) for w in words))
    assert said.code == 2
    one_line(said, what, "there is nothing to check")


def test_an_arm_is_checked_on_the_examples_of_any_task():
    assert check("constant").json["parts"] == check("constant", "--task", "qa/lookup").json["parts"]


def test_a_gold_that_raises_is_a_broken_promise_and_no_traceback(tasks):
    name = task_of(tasks, "raises", gold="def gold(prompt, completion):\n    return prompt.truth['none']")
    said = check(name)
    assert said.code == 3, said.err
    assert "Traceback" not in said.err
    assert "gold-of-nothing" in broken(said)


def test_words_for_a_terminal(mine):
    said = rbench("check", f"{mine}:noisy")
    assert said.code == 3
    assert "read as trl, text: it takes 'completions'" in said.out
    assert "BROKEN  deterministic" in said.out


def test_it_is_said_why_a_reward_is_tried_on_a_task_that_nobody_named(mine):
    (mine.parent / "one.py").write_text("def one(completions, slots): return [float(len(c)) for c in completions]\n")
    tried = {
        f"{mine}:brief": "tried on examples of qa/lookup; --task T tries another",
        f"{mine}:verl": "tried on examples of qa/lookup; its prompts have what is asked for: an answer; --task T tries another",
        f"{mine.parent / 'one.py'}:one": "tried on examples of dialogue/booking; no other task has what is asked for: 'slots'",
    }
    for thing, line in tried.items():
        assert line in rbench("check", thing).out.splitlines()
        assert check(thing).json["chosen"] in line
    assert "tried on examples of qa/lookup" in rbench("check", f"{mine}:brief", "--task", "qa/lookup").out.splitlines()
    assert "chosen" not in check(f"{mine}:brief", "--task", "qa/lookup").json
    assert "examples THING is tried on" in " ".join(rbench("check", "--help").out.split())


def test_a_task_of_ones_own_does_not_change_what_a_reward_is_tried_on(mine, tasks):
    task_of(tasks, "first")
    (tasks / "toy").rename(tasks / "aa")  # before all shipped ones
    (tasks / "aa" / "first" / "examples.jsonl").write_text('{"prompt": "?", "completion": "7", "answer": "7", "gold": 1}\n')
    assert "tried on examples of aa/first" in rbench("check", f"{mine}:brief", "--task", "aa/first").out.splitlines()
    assert "tried on examples of qa/lookup; --task T tries another" in rbench("check", f"{mine}:brief").out.splitlines()


def test_what_breaks_as_it_is_loaded_is_code_6_and_one_line(tmp_path):
    (tmp_path / "ends.py").write_text("import os\nos._exit(3)\ndef score(completions): return [1.0]\n")
    for words in (["check"], ["audit", "--task", "qa/lookup"]):
        said = rbench(words[0], f"{tmp_path / 'ends.py'}:score", *words[1:])
        assert said.code == 6, said.err
        assert "ended its process (exit code 3)" in said.err
        assert len(said.err.strip().splitlines()) == 1


def test_an_algorithm_that_raises_breaks_a_promise(tmp_path):
    (tmp_path / "odd.py").write_text(
        "from dataclasses import dataclass\nfrom rewardbench import Algorithm\n\n@dataclass(frozen=True)\n"
        "class Odd(Algorithm):\n    def advantages(self, batch, state):\n        return batch.nothing\n"
        "    def loss(self, now, batch, advantages, state):\n        return now.logp.sum()\n"
    )
    said = check(f"{tmp_path / 'odd.py'}:Odd")
    assert said.code == 3
    assert "raised AttributeError" in next(p["detail"] for p in said.json["promises"] if p["name"] == "advantages")


def test_a_design_is_given_the_key_that_it_names_and_no_other(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "sesame")
    monkeypatch.setenv("OTHER_API_KEY", "open")
    (tmp_path / "mine.py").write_text(
        "import os\ndef score(completions, key_env):\n"
        "    return [float(len(c)) if os.environ.get(key_env) and 'OTHER_API_KEY' not in os.environ else None for c in completions]\n"
    )
    (tmp_path / "d.toml").write_text('[[part]]\nuse = "mine.py:score"\nparams = { key_env = "MY_API_KEY" }\n')
    said = check(tmp_path / "d.toml", "--task", "qa/lookup")
    assert None not in said.json["values"], said.json
