"""Is anybody's reward function called as its own trainer calls it, and are its numbers the same?"""

import asyncio
import json
import math
from functools import partial

import numpy as np
import pytest
from sweeping import one_line, rbench

from rewardbench import find, given, scoring
from rewardbench.calling import Bound, When, score
from rewardbench.conventions import ORDER, read
from rewardbench.types import Part, Prompt, RewardError, UserError

WHEN = When("conventions", 3, 0.5)
SAID = [
    [r"<think>\nhm</think>\nIt is $\boxed{\frac{1}{3}}$.", r"\boxed{0.5}"],
    ["<think>once<think>twice</think> so so so so 7", r"<think>so</think> $\boxed{7}$"],
]
SOLUTIONS = [r"$\frac{1}{3}$", r"$7$"]


def batch_of(said=SAID, answers=SOLUTIONS, column="answer", messages=False):
    """Two completions for each of some prompts whose answer is a column."""
    prompts = [Prompt(f"p{n}", text=f"Question {n}?", columns={column: a, "topic": "sums"}) for n, a in enumerate(answers)]
    return given.batch(prompts, said)


def paid(function, batch, params=None, task="qa/lookup", **named):
    """What a function pays a batch through the scorer."""
    reading = read(function, params, task=task, **named)
    return reading, score(Bound("mine", reading.call, reading.form), batch, WHEN, 9.0)


def plainly(values, shape=(2, 2)):
    """A function's own list as an array, NaN where it abstained."""
    return np.array([math.nan if v is None else v for v in values], dtype=float).reshape(shape)


# --- TRL -----------------------------------------------------------------------------------------


def trl_rewards():
    """Name -> params of every function that `trl.rewards` has; a new one fails until it is here."""
    known = {
        "accuracy_reward": {},
        "reasoning_accuracy_reward": {"reasoning_delimiters": ["</think>"]},
        "think_format_reward": {},
        "get_cosine_scaled_reward": {"max_len": 20, "max_value_correct": 2.0},
        "get_repetition_penalty_reward": {"ngram_size": 2},
        "get_soft_overlong_punishment": {"max_completion_len": 9, "soft_punish_cache": 6},
    }
    import trl.rewards

    there = {n for n in dir(trl.rewards) if n.endswith(("_reward", "_punishment"))}
    assert there == set(known)
    return known


@pytest.mark.parametrize("name", sorted(trl_rewards()))
def test_every_reward_of_trl_gives_its_own_numbers(name):
    import trl.rewards

    params, function = trl_rewards()[name], getattr(trl.rewards, name)
    batch = batch_of()
    reading, scores = paid(function, batch, params)
    assert reading.convention == "trl"
    flat = [(p, k) for p in range(2) for k in range(2)]
    columns = {
        "completions": [[{"role": "assistant", "content": SAID[p][k]}] for p, k in flat],
        "solution": [SOLUTIONS[p] for p, _ in flat],
        "completion_ids": [batch.ids[p, k][batch.mine[p, k]].tolist() for p, k in flat],
        "prompts": [[{"role": "user", "content": f"Question {p}?"}] for p, _ in flat],
    }
    by_hand = function(**params)(**columns) if name.startswith("get_") else function(**columns, **params)
    np.testing.assert_array_equal(scores.scores, plainly(by_hand))
    assert np.ptp(scores.scores[np.isfinite(scores.scores)]) > 0, "the sample tells nothing apart"


@pytest.mark.parametrize("name", sorted(trl_rewards()))
def test_a_design_takes_trls_rewards_as_they_are(name, tmp_path):
    params = ", ".join(f"{k} = {json.dumps(v)}" for k, v in trl_rewards()[name].items())
    (tmp_path / "d.toml").write_text(f'[[part]]\nuse = "trl.rewards:{name}"\nparams = {{ {params} }}\n')
    design = find.design(str(tmp_path / "d.toml"), "qa/lookup")
    assert design.parts[0].convention is None
    bound = find.bind(design, "qa/lookup")
    scored = scoring.pay(bound, batch_of(), WHEN, scoring.start(bound), 9.0)
    assert np.isfinite(scored.batch.reward).any()


def test_what_trls_trainer_gives_a_function_is_given():
    def asks(completions, trainer_state, log_extra, log_metric, **columns):
        log_extra("topic", columns["topic"])
        log_metric("steps", trainer_state.global_step)
        return [float(trainer_state.global_step)] * len(completions)

    assert (paid(asks, batch_of())[1].scores == 3).all()


def test_an_answer_column_is_found_under_its_other_names():
    def right(completions, solution):
        return [float(s in c) for c, s in zip(completions, solution, strict=True)]

    def mine(completions, ground_truth="none"):
        return [float(g == "none") for g in [ground_truth] * len(completions)]

    said = [["it is 7", "it is 8"]]
    np.testing.assert_array_equal(paid(right, batch_of(said, ["7"], "label"))[1].scores, [[1, 0]])
    assert (paid(mine, batch_of(said, ["7"]))[1].scores == 1).all(), "a default is not overruled"


@pytest.mark.parametrize("rest", ["", ", **rest"])
def test_what_a_design_sets_is_no_column_of_that_name(rest):
    made = eval(f"lambda completions, topic{rest}: [float(topic == 'mine') for _ in completions]")
    assert (paid(made, batch_of(), {"topic": "mine"})[1].scores == 1).all()


# --- verl ----------------------------------------------------------------------------------------


def test_verl_one_sample():
    calls = []

    def compute_score(data_source, solution_str, ground_truth, extra_info=None):
        calls.append((data_source, extra_info))
        right = ground_truth.strip("$") in solution_str
        return {"score": 2.0 * right, "acc": right, "pred": solution_str[:3]} if right else 0.0

    reading, scores = paid(compute_score, batch_of())
    assert (reading.convention, reading.form) == ("verl", "text")
    by_hand = [compute_score("qa/lookup", SAID[p][k], SOLUTIONS[p], {}) for p in range(2) for k in range(2)]
    expected = [v["score"] if isinstance(v, dict) else v for v in by_hand]
    np.testing.assert_array_equal(scores.scores, plainly(expected))
    np.testing.assert_array_equal(np.isnan(scores.noted["acc"]), scores.scores == 0)
    assert list(scores.noted) == ["acc"], "a text is no number to note"
    assert calls[0] == ("qa/lookup", {"answer": SOLUTIONS[0], "topic": "sums"})


def test_verl_a_batch():
    def compute_score(data_sources, solution_strs, ground_truths, extra_infos, power=1.0):
        return [len(s) ** power for s in solution_strs]

    reading, scores = paid(compute_score, batch_of(), {"power": 2.0})
    assert reading.convention == "verl"
    np.testing.assert_array_equal(scores.scores, [[len(s) ** 2 for s in row] for row in SAID])


def test_verl_without_its_optional_arguments_and_async():
    async def compute_score(solution_str, ground_truth):
        await asyncio.sleep(0)
        return float(len(solution_str))

    np.testing.assert_array_equal(paid(compute_score, batch_of())[1].scores, [[len(s) for s in r] for r in SAID])


# --- OpenRLHF ------------------------------------------------------------------------------------


def test_openrlhf():
    torch = pytest.importorskip("torch")
    seen = []

    def reward_func(queries, prompts, labels, **kwargs):
        seen.append((queries, prompts, labels))
        paid = torch.tensor([float(len(q) - len(p)) for q, p in zip(queries, prompts, strict=True)])
        return {"rewards": paid, "scores": paid / 100, "extra_logs": {"twice": 2 * paid}}

    reading, scores = paid(reward_func, batch_of())
    assert reading.convention == "openrlhf"
    np.testing.assert_array_equal(scores.scores, [[len(s) for s in row] for row in SAID])
    np.testing.assert_allclose(scores.noted["scores"], scores.scores / 100, rtol=1e-6)
    np.testing.assert_array_equal(scores.noted["twice"], scores.scores * 2)
    assert seen[0] == (["Question 0?" + SAID[0][0]], ["Question 0?"], [SOLUTIONS[0]])


def test_openrlhf_notes_numbers_and_nothing_else():
    def reward_func(queries, prompts, labels):
        return {"rewards": 1.0, "extra_logs": {"why": "good", "each": [1, 2, 3], "length": np.float32(2)}}

    noted = paid(reward_func, batch_of())[1].noted
    assert {name: set(values.ravel()) for name, values in noted.items()} == {"length": {2.0}}


# --- verifiers -----------------------------------------------------------------------------------


def test_verifiers_one_rollout():
    async def correct(completion, answer, state, info, parser, task):
        assert state["completion"] is completion
        assert info["topic"] == "sums"
        assert task == "qa/lookup"
        return float(answer.strip("$") in parser.parse_answer(completion)) + 0.5 * (completion[-1]["role"] == "assistant")

    reading, scores = paid(correct, batch_of())
    assert (reading.convention, reading.form) == ("verifiers", "messages")
    expected = [[float(a.strip("$") in s) + 0.5 for s in row] for row, a in zip(SAID, SOLUTIONS, strict=True)]
    np.testing.assert_array_equal(scores.scores, expected)


def test_an_answer_under_another_name_reaches_one_rollout_too():
    def right(completion, ground_truth): return float(ground_truth.strip("$") in completion)

    reading, scores = paid(right, batch_of())
    assert (reading.convention, reading.form) == ("verifiers", "text")
    np.testing.assert_array_equal(scores.scores, [[float(a.strip("$") in s) for s in row] for row, a in zip(SAID, SOLUTIONS, strict=True)])


def test_what_a_designs_params_set_is_not_overruled_by_a_convention():
    def named(data_source, solution_str, ground_truth, **kwargs): return float(data_source == "openai/gsm8k")

    assert (paid(named, batch_of(), {"data_source": "openai/gsm8k"})[1].scores == 1).all()
    assert (paid(named, batch_of())[1].scores == 0).all()


def test_a_task_that_has_a_column_info_gives_its_own():
    def told(completion, info): return float(info == "mine")

    prompts = [Prompt("p", text="Hi", columns={"info": "mine"})]
    reading = read(told, task="t")
    assert score(Bound("told", reading.call, "text"), given.batch(prompts, [["a"]]), WHEN, 9.0).scores == 1


def test_verifiers_a_group():
    groups = []

    def rank(completions, answers, **kwargs):
        groups.append((len(completions), answers[0]))
        order = sorted(completions, key=len)
        return [float(order.index(c)) for c in completions]

    reading, scores = paid(rank, batch_of())
    assert reading.convention == "verifiers"
    assert groups == [(2, SOLUTIONS[0]), (2, SOLUTIONS[1])]
    assert {tuple(sorted(row)) for row in scores.scores} == {(0.0, 1.0)}


# --- plain ---------------------------------------------------------------------------------------


def test_a_plain_function_of_one_text():
    def score_it(text, scale=1.0):
        return scale * len(text) if "7" in text else None

    reading, scores = paid(score_it, batch_of(), {"scale": 0.5})
    assert (reading.convention, reading.form) == ("plain", "text")
    np.testing.assert_array_equal(scores.scores, plainly([None, None, *(0.5 * len(s) for s in SAID[1])]))


def test_a_plain_function_whose_text_cannot_go_by_position():
    def behind(width, text): return width * len(text)
    def named(*, completion): return 2.0 * len(completion)

    expected = [[2.0 * len(s) for s in row] for row in SAID]
    np.testing.assert_array_equal(paid(behind, batch_of(), {"width": 2.0})[1].scores, expected)
    np.testing.assert_array_equal(paid(named, batch_of())[1].scores, expected)


def test_a_builtin_is_a_plain_function():
    np.testing.assert_array_equal(paid(len, batch_of())[1].scores, [[len(s) for s in row] for row in SAID])


# --- which ---------------------------------------------------------------------------------------


def one_text(completion): ...
def lists(completions, answer): ...
def typed_messages(completions: list[list[dict[str, str]]]): ...
def reads_content(completions): return [c[-1]["content"] for c in completions]
def gets_role(completions): return [c[-1].get("role") for c in completions]
def typed_text(completions: list[str]): return [{"content": c}["content"] for c in completions]
def ids_only(completion_ids): ...
def anything(**kwargs): ...
def rollout(completion, answer): ...
def rollout_with_rest(completion, **kwargs): ...
def state_only(state): ...
def with_prompt(prompt, completion): ...
def reads_turns(completion): return completion[-1]["content"]
def queries(queries, prompts, labels): ...
def sample(data_source, solution_str, ground_truth, extra_info): ...
def samples(data_sources, solution_strs, ground_truths, extra_infos): ...
def group(completions, states): ...


class Reads:
    """Its method reads messages."""

    def score(self, completions): return [c[-1]["content"] for c in completions]


class Scorer:
    """Made from params, then called."""

    def __init__(self, width): self.width = width
    def __call__(self, completions): return [self.width for _ in completions]


def factory(width: int = 3):
    def made(completions): return [float(width) for _ in completions]
    return made


@pytest.mark.parametrize(
    ("function", "convention", "form"),
    [
        (one_text, "plain", "text"), (lists, "trl", "text"), (typed_messages, "trl", "messages"),
        (reads_content, "trl", "messages"), (gets_role, "trl", "messages"), (typed_text, "trl", "text"),
        (ids_only, "trl", "text"), (anything, "trl", "text"), (rollout, "verifiers", "text"),
        (rollout_with_rest, "verifiers", "text"), (partial(reads_content), "trl", "messages"), (Reads().score, "trl", "messages"),
        (state_only, "verifiers", "text"), (with_prompt, "verifiers", "text"), (reads_turns, "plain", "messages"),
        (queries, "openrlhf", "text"), (sample, "verl", "text"), (samples, "verl", "text"), (group, "verifiers", "text"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)  # fmt: skip
def test_a_signature_tells_convention_and_form(function, convention, form):
    reading = read(function)
    assert (reading.convention, reading.form) == (convention, form), reading.why
    assert reading.why


def test_a_class_and_a_factory_are_made_from_params():
    for thing, params in ((Scorer, {"width": 4.0}), (factory, {"width": 4}), (Scorer(4.0), {})):
        reading, scores = paid(thing, batch_of(), params)
        assert reading.convention == "trl"
        assert (scores.scores == 4).all()
    assert (paid(factory, batch_of())[1].scores == 3).all()


def test_a_function_may_name_its_convention_and_form_and_a_design_may_too():
    def odd(completion): return 1.0 if completion[0]["role"] == "assistant" else 0.0

    odd.form = "messages"
    assert read(odd).form == "messages"
    assert read(one_text, convention="verifiers", wanted="messages").convention == "verifiers"
    odd.convention = "verifiers"
    assert read(odd).convention == "verifiers"


@pytest.mark.parametrize(
    ("thing", "params", "words"),
    [
        (lambda width, height: 0, {}, "follows no convention"),
        (Scorer, {}, "missing a required argument: 'width'"),
        (Scorer, {"wide": 1}, "missing a required argument"),
        (lambda: 3, {}, "gave int, not a function"),
    ],
)
def test_what_cannot_be_read_is_one_line(thing, params, words):
    with pytest.raises(UserError, match=words):
        read(thing, params)


@pytest.mark.parametrize("command", [("plan", "--design"), ("check",), ("audit",)])
def test_a_constructor_that_raises_is_one_line(tmp_path, command):
    (tmp_path / "mine.py").write_text(
        "class Bad:\n    def __init__(self): raise ValueError('no weights')\n    def __call__(self, completions): return []\n"
    )
    said = rbench(*command, f"{tmp_path}/mine.py:Bad", "--task", "qa/lookup")
    assert said.code == 6
    assert "raised ValueError: no weights" in said.err
    assert "Traceback" not in said.err


def test_an_unknown_convention_or_form_is_said_with_the_nearest():
    with pytest.raises(UserError, match="did you mean 'verl'"):
        read(one_text, convention="verk")
    with pytest.raises(UserError, match="did you mean 'text'"):
        read(one_text, wanted="texts")


@pytest.mark.parametrize("command", [("check",), ("plan", "--task", "qa/lookup", "--design"), ("audit", "--task", "qa/lookup")])
def test_a_form_that_a_function_gives_itself_is_one_that_there_is(tmp_path, command):
    (tmp_path / "mine.py").write_text("def odd(completions):\n    return [1.0 for _ in completions]\nodd.form = 'mesages'\n")
    said = rbench(*command, f"{tmp_path}/mine.py:odd")
    assert said.code == 2
    one_line(said, "part 'odd': form = 'mesages', did you mean 'messages'? (known: text, messages; its attribute")


def test_an_attribute_called_form_that_is_no_name_is_the_classes_own():
    class Paid:
        def form(self):
            return "mine"

        def __call__(self, completions):
            return [1.0 for _ in completions]

    assert read(Paid()).form == "text"


BROKEN = {
    "verl": (lambda solution_str, ground_truth: {"reward": 1}, "returned a dict without 'score'"),
    "verl batch": (lambda solution_strs, ground_truths: 1.0, "returned float, not a list"),
    "verl count": (lambda solution_strs, ground_truths: [1.0], "returned 1 scores for 4"),
    "openrlhf": (lambda queries, prompts, labels: {"reward": [1]}, "returned a dict without 'rewards'"),
    "openrlhf two": (lambda queries, prompts, labels: [1.0, 2.0], "that is no|not \\(start|returned"),
    "verifiers": (lambda completion, state: "good", "not a number"),
    "verifiers group": (lambda completions, states: [1.0], "returned 2 scores for 4"),
    "plain": (lambda text: float("nan"), "return None to abstain"),
    "plain raises": (lambda text: 1 / 0, "raised ZeroDivisionError"),
    "no list": (lambda completions: np.array(1.0), "returned ndarray, not a list of 4 scores"),
    "trl": (lambda completions: [1.0] * 3, "returned 3 scores for 4"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_in_any_convention_is_one_line_that_names_the_part(name):
    function, words = BROKEN[name]
    with pytest.raises(RewardError, match=words) as error:
        paid(function, batch_of())
    assert "part 'mine" in str(error.value)
    assert "\n" not in str(error.value)


def test_conventions_are_the_files_of_their_folder():
    assert {*find.files("conventions")} - {"reading", "signature"} == set(ORDER)


def test_the_convention_is_recorded_and_hashed(tmp_path):
    from rewardbench.design import design_hash, values

    (tmp_path / "mine.py").write_text("def score(solution_str, ground_truth):\n    return 1.0\n")
    design = find.design(f"{tmp_path}/mine.py:score", "qa/lookup")
    assert values(design)["parts"][0]["convention"] == "verl"
    (tmp_path / "d.toml").write_text('[[part]]\nuse = "mine.py:score"\nconvention = "plain"\n')
    assert design_hash(find.design(f"{tmp_path}/d.toml", "qa/lookup")) != design_hash(design)
    (tmp_path / "d.toml").write_text('[[part]]\nuse = "mine.py:score"\nconvention = "verlo"\n')
    with pytest.raises(UserError, match="did you mean 'verl'"):
        find.design(f"{tmp_path}/d.toml", "qa/lookup")


def test_trl_where_a_design_says_so_though_the_names_are_anothers(tmp_path):
    (tmp_path / "mine.py").write_text("def score(completions, answers):\n    return [float(len(completions))] * len(completions)\n")
    (tmp_path / "d.toml").write_text('[[part]]\nuse = "mine.py:score"\nconvention = "trl"\n')
    design = find.design(f"{tmp_path}/d.toml", "qa/lookup")
    assert design.parts[0].convention == "trl"
    batch = batch_of()
    for prompt in batch.prompts:
        prompt.columns["answers"] = ["7"]
    [bound] = find.bind(design, "qa/lookup").bounds
    assert (score(bound, batch, WHEN, 9.0).scores == 4).all(), "one call for all, not one for each prompt"


def test_a_shipped_part_has_no_convention_of_its_own():
    assert find.design("reference", "qa/lookup").parts[0].convention is None
    assert Part("a", "b.c").convention is None
