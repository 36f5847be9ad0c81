"""Do advantages and losses equal TRL's on the same tokens, and do the algorithms do what their names say?"""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from rewardbench import find
from rewardbench.algorithms.best_of_n import BestOfN
from rewardbench.algorithms.dr_grpo import DrGrpo
from rewardbench.algorithms.gdpo import Gdpo
from rewardbench.algorithms.grpo import Grpo
from rewardbench.algorithms.raft import Raft
from rewardbench.algorithms.reinforce import Reinforce
from rewardbench.algorithms.rloo import Rloo
from rewardbench.design import compose
from rewardbench.engine import learn as engine
from rewardbench.engine.forward import own_logp
from rewardbench.engine.optimise import adam
from rewardbench.engine.stack import stack
from rewardbench.levels import spread
from rewardbench.policies.load import load
from rewardbench.policies.settings import open_folder
from rewardbench.types import Batch, Design, Now, Part, Prompt, State

REWARDS = np.array([[1.0, 0.0, 0.3, 0.3], [0.5, 0.5, 0.5, 0.5], [0.0, 2.0, -1.0, 0.25]])
P, K, T = 3, 4, 10


def plain_batch(reward=REWARDS, credit=None, lengths=None):
    """A batch without texts: 3 prompts, 4 completions, 10 positions, of unequal length."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, T + 1, (P, K)) if lengths is None else lengths
    mine = np.arange(T) < lengths[..., None]
    return Batch(
        prompts=tuple(Prompt(str(p)) for p in range(P)), context=((1, 2),) * P, ids=rng.integers(5, 30, (P, K, T)),
        logp=np.where(mine, -rng.random((P, K, T)), 0.0).astype(np.float32), mine=mine, turn=np.zeros((P, K, T)),
        ended=np.ones((P, K), bool), text=(("",) * K,) * P, messages=(((),) * K,) * P, spans=(((),) * K,) * P,
        limit=T, reward=reward, credit=credit,
    )  # fmt: skip


def trl_trainer(llama, tmp_path, kind="grpo", tables=(REWARDS,), **options):
    """A TRL trainer on the same policy folder whose rewards are these tables."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

    def table(values, name):
        def paid(completions, **_):
            return values.ravel().tolist()

        paid.__name__ = name
        return paid

    shared = dict(
        output_dir=str(tmp_path), per_device_train_batch_size=12, num_generations=4, max_completion_length=T,
        use_cpu=True, bf16=False, report_to=[], beta=0.0, shuffle_dataset=False, seed=3, **options,
    )  # fmt: skip
    data = Dataset.from_dict({"prompt": ["Ann has 3.", "What is it?", "the red fox runs."]})
    maker, config = (RLOOTrainer, RLOOConfig) if kind == "rloo" else (GRPOTrainer, GRPOConfig)
    trainer = maker(
        model=str(llama),
        reward_funcs=[table(t, f"t{n}") for n, t in enumerate(tables)],
        args=config(**shared),
        train_dataset=data,
    )
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    rows = [{"prompt": p} for p in data["prompt"] for _ in range(4)]
    return trainer, trainer._generate_and_score_completions(rows)


def ours_from(inputs):
    """TRL's tokens as our batch, with old log-probabilities moved so that clips are active."""
    mask = inputs["completion_mask"].bool().numpy()
    width = mask.shape[1]
    prompts = [tuple(i for i, m in zip(ids, keep, strict=True) if m) for ids, keep in
               zip(inputs["prompt_ids"].tolist(), inputs["prompt_mask"].tolist(), strict=True)]  # fmt: skip
    return replace(
        plain_batch(),
        context=tuple(prompts[p * K] for p in range(P)),
        ids=inputs["completion_ids"].numpy().reshape(P, K, width),
        mine=mask.reshape(P, K, width),
        logp=np.zeros((P, K, width), np.float32),
        spans=(((),) * K,) * P,
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("algorithm", "kind", "options"),
    [
        (Grpo(), "grpo", {"loss_type": "grpo", "scale_rewards": "group"}),
        (DrGrpo(), "grpo", {"loss_type": "dr_grpo", "scale_rewards": "none"}),
        (Rloo(), "rloo", {}),
    ],
)
def test_advantages_losses_and_gradients_equal_trls(llama, tmp_path, algorithm, kind, options):
    trainer, inputs = trl_trainer(llama, tmp_path, kind, **options)
    batch = ours_from(inputs)
    gains = algorithm.advantages(batch, State())
    np.testing.assert_allclose(gains[..., 0].ravel(), inputs["advantages"].numpy(), atol=1e-5)

    policy = load(open_folder("llama", llama))
    stacked = stack(policy.model, [1], "full")
    [logp] = own_logp(policy, stacked, [batch], 0, start=False)
    rng = np.random.default_rng(1)
    old = np.where(batch.mine, logp + rng.normal(0, 0.3, logp.shape), 0.0).astype(np.float32)
    flat = torch.from_numpy(old.reshape(P * K, -1))
    mask = inputs["completion_mask"]
    inputs = dict(inputs, old_per_token_logps=flat, old_logps=(flat * mask).sum(1))
    theirs = trainer._compute_loss(trainer.model, inputs)
    trainer.model.zero_grad()
    theirs.backward()

    seen = engine.forward(policy, stacked, [batch])
    width = seen.logp.shape[-1]
    [lesson] = engine.on_device(engine.minibatches(engine.Lesson(batch, gains, old=old), 1), torch.device("cpu"))
    now, tensors, gain = engine._now(seen, seen.logp[0], 0, lesson)
    assert width == now.logp.shape[-1]
    ours = algorithm.loss(now, tensors, gain, State())
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-6)
    stacked.model.zero_grad()
    ours.backward()
    peers = dict(trainer.model.named_parameters())
    for name, p in stacked.model.named_parameters():
        torch.testing.assert_close(p.grad, peers[name].grad, atol=1e-6, rtol=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_parts_standardised_one_by_one_with_gdpo_equal_trls(llama, tmp_path):
    """A large and a small part, the small one standardised to the same size before the sum."""
    tables, weights = (REWARDS * 50, np.random.default_rng(4).random((P, K))), [1.0, 0.5]
    more = {"multi_objective_aggregation": "normalize_then_sum", "reward_weights": weights}
    _, inputs = trl_trainer(llama, tmp_path, tables=tables, **more)
    design = Design("d", (Part("a", "x.a", weights[0]), Part("b", "x.b", weights[1])), normalise="group")
    reward = compose(design, np.stack(tables, -1))
    gains = Gdpo().advantages(replace(ours_from(inputs), reward=reward), State())
    np.testing.assert_allclose(gains[..., 0].ravel(), inputs["advantages"].numpy(), atol=1e-5)
    plain = compose(replace(design, normalise="none"), np.stack(tables, -1))
    summed = Grpo().advantages(replace(ours_from(inputs), reward=plain), State())
    assert np.abs(gains - summed).max() > 0.3, "GRPO of the plain sum is another thing"


def test_gdpo_leaves_out_what_was_not_paid_and_equal_rewards():
    reward = np.array([[1.0, np.nan, 3.0, 2.0], [5.0] * 4, [np.nan] * 4])
    gains = Gdpo().advantages(plain_batch(reward), State())
    assert (gains[0, 1] == 0).all()
    assert (gains[1:] == 0).all()
    assert gains[0, 2, 0] > 0 > gains[0, 0, 0]


def test_grpo_is_unmoved_by_scale_and_offset():
    for rewards in (REWARDS, REWARDS + 0.01 * np.arange(12).reshape(3, 4)):
        one = Grpo(epsilon=0.0 if (rewards.std(1) > 0).all() else 1e-4).advantages(plain_batch(rewards), State())
        two = Grpo(epsilon=0.0 if (rewards.std(1) > 0).all() else 1e-4).advantages(
            plain_batch(rewards * 10 + 3), State()
        )
        np.testing.assert_allclose(one, two, atol=2e-3)


def test_left_out_one_is_the_mean_of_the_others():
    gains = Rloo().advantages(plain_batch(), State())[..., 0]
    for p in range(P):
        for k in range(K):
            others = np.delete(REWARDS[p], k)
            assert gains[p, k] == pytest.approx(REWARDS[p, k] - others.mean())


@pytest.mark.parametrize("name", ["reinforce", "rloo", "grpo", "dr_grpo", "raft"])
def test_a_group_that_is_paid_alike_teaches_nothing_and_nan_is_left_out(name):
    algorithm = find.algorithm(name)
    if name != "reinforce":  # its baseline is the whole batch's
        assert np.allclose(algorithm.advantages(plain_batch(), State())[1], 0)
    holes = REWARDS.copy()
    holes[0, 1] = np.nan
    gains = algorithm.advantages(plain_batch(holes), State())
    assert np.isfinite(gains).all()
    assert (gains[0, 1] == 0).all()
    if name in ("grpo", "dr_grpo"):
        assert gains[0, [0, 2, 3], 0].sum() == pytest.approx(0, abs=1e-9)
    assert np.isfinite(algorithm.advantages(plain_batch(np.full((P, K), np.nan)), State())).all()


def test_credit_is_reward_to_come():
    credit = np.zeros((P, K, T))
    credit[..., 0], credit[..., 4] = 1.0, REWARDS
    stands = np.broadcast_to(np.isin(np.arange(T), (0, 4)), (P, K, T))
    whole = plain_batch(REWARDS + 1, credit, np.full((P, K), T))
    gains = DrGrpo().advantages(replace(whole, stands=stands), State())
    centred = REWARDS - REWARDS.mean(1, keepdims=True)
    np.testing.assert_allclose(gains[..., 1], centred, atol=1e-12)
    np.testing.assert_allclose(gains[..., 0], centred, atol=1e-12)
    assert np.allclose(gains[..., 5:], 0)


def test_pieces_are_compared_with_siblings_at_the_same_piece_and_the_end_as_a_whole():
    """Two completions of unequal length, each with two sentences and 1 paid at the end for the whole."""
    lengths = np.array([[4, 8]])
    batch = plain_batch()
    credit, stands = np.zeros((1, 2, T)), np.zeros((1, 2, T), dtype=bool)
    credit[0, 0, [1, 3]] = 0.5, 1.0
    credit[0, 1, [4, 7]] = 0.0, 2.0
    stands[0, 0, 1] = stands[0, 1, 4] = True
    mine = np.arange(T) < lengths[..., None]
    batch = replace(batch, prompts=batch.prompts[:1], mine=mine, credit=credit, stands=stands, reward=credit.sum(-1))
    gains = DrGrpo().advantages(batch, State())[0]
    whole, piece = 0.5, 0.25  # half of what the ends, and the first pieces, differ by
    np.testing.assert_allclose(gains[0, :4], [piece - whole] * 2 + [-whole] * 2)
    np.testing.assert_allclose(gains[1, :8], [whole - piece] * 5 + [whole] * 3)
    end = DrGrpo().advantages(replace(batch, credit=None), State())[0]
    np.testing.assert_allclose(gains[:, 0], end[:, 0], err_msg="before anything was paid both say the same")


@pytest.mark.parametrize("seed", range(5))
def test_the_gradient_of_credit_is_that_of_the_whole_reward_in_expectation(seed):
    """Two tokens, each 0 or 1 by a coin; the first is a piece paid its value, the second is paid at the end.

    Every group of four completions is counted with its chance, so the expectation is exact: credit changes the variance
    of the gradient of the log-odds and not its mean.
    """
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.2, 0.8, 3)  # of the first token; of the second after a 0 and after a 1
    pay = rng.normal(size=(2, 2)), rng.normal(size=2)
    expected = {True: np.zeros(3), False: np.zeros(3)}
    choices = [(a, b) for a in (0, 1) for b in (0, 1)]
    for group in product(choices, repeat=3):
        chance, scores = 1.0, np.zeros((3, 2, 3))
        for k, (a, b) in enumerate(group):
            second = p[1 + a]
            chance *= (p[0] if a else 1 - p[0]) * (second if b else 1 - second)
            scores[k, 0, 0], scores[k, 1, 1 + a] = a - p[0], b - second
        credit = np.array([[[pay[1][a], pay[0][a][b]] for a, b in group]])
        stands = np.tile([True, False], (1, 3, 1))
        batch = replace(
            plain_batch(), prompts=(Prompt("0"),), mine=np.ones((1, 3, 2), bool),
            reward=credit.sum(-1), credit=credit, stands=stands,
        )  # fmt: skip
        for pieces in (True, False):
            gains = Rloo().advantages(batch if pieces else replace(batch, credit=None), State())[0]
            expected[pieces] += chance * (gains[:, :2, None] * scores).sum((0, 1))
    np.testing.assert_allclose(expected[True], expected[False], atol=1e-12)
    assert np.abs(expected[True]).max() > 0.01


def test_the_gradient_of_a_mean_over_pieces_is_that_of_the_whole_reward_in_expectation():
    """A good first piece, then either the end or a bad second piece that halves the mean: levels pay it -1/2.

    The choice is worth half a point. Paid as shares of the final mean, credit would see none of it, since the first
    piece's loss is no longer to come.
    """
    expected = {True: 0.0, False: 0.0}
    for group in product((0, 1), repeat=2):  # 1: a second piece, by a coin
        told = [spread(lambda completions: [float(c == "good.") for c in completions], "sentence")]
        paid = [told[0](completions=["good. bad." if more else "good."])[0] for more in group]
        credit = np.array([[[*(s for _, _, s in one), 0.0, 0.0][:3] for one in paid]])
        stands = np.array([[[True, bool(more), False] for more in group]])
        mine = np.array([[[True, True, bool(more)] for more in group]])
        batch = replace(
            plain_batch(), prompts=(Prompt("0"),), mine=mine, reward=credit.sum(-1), credit=credit, stands=stands
        )
        for pieces in (True, False):
            gains = Rloo().advantages(batch if pieces else replace(batch, credit=None), State())[0]
            expected[pieces] += 0.25 * sum(gains[k, 1] * (more - 0.5) for k, more in enumerate(group))
    assert expected[False] < -0.2
    assert expected[True] == pytest.approx(expected[False])


def test_equal_totals_of_unequal_pieces_do_not_blow_up_an_advantage():
    credit = np.zeros((1, 2, T))
    credit[0, 0, 1] = credit[0, 1, 3] = 0.5
    stands = np.broadcast_to(np.isin(np.arange(T), (1, 3)), (1, 2, T))
    batch = replace(plain_batch(), prompts=(Prompt("0"),), mine=np.ones((1, 2, T), bool), credit=credit, stands=stands)
    gains = Grpo().advantages(replace(batch, reward=credit.sum(-1)), State())
    assert np.abs(gains).max() < 10


def test_best_of_n_picks_the_best_paid_of_every_n():
    picked = BestOfN(n=2).pick(plain_batch())
    assert picked.sum(1).tolist() == [2, 2, 2]
    assert picked[0].tolist() == [True, False, True, False]
    assert picked[2].tolist() == [False, True, False, True]


def test_raft_keeps_the_best_and_imitates_them():
    gains = Raft(keep=1).advantages(plain_batch(), State())[..., 0]
    assert gains.tolist() == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]


def test_on_policy_the_clipped_losses_share_one_gradient():
    """With one update a batch the ratio is 1: GRPO, Dr. GRPO and REINFORCE differ in weights of tokens alone."""
    batch = plain_batch(lengths=np.full((P, K), T))
    gains = torch.from_numpy(Rloo().advantages(batch, State())).float()
    found = []
    for algorithm in (Grpo(), Grpo(clip=0.01), DrGrpo(), Rloo(), Reinforce()):
        logp = torch.from_numpy(batch.logp).requires_grad_()
        [lesson] = engine.on_device([engine.Lesson(replace(batch, logp=batch.logp), gains.numpy())], torch.device("cpu"))
        tensors = lesson.batch
        loss = algorithm.loss(Now(logp, tokens=P * K * T, sequences=P * K), tensors, gains, State())
        loss.backward()
        found.append(logp.grad / logp.grad.abs().sum())
    for other in found[1:]:
        torch.testing.assert_close(found[0], other, atol=1e-7, rtol=1e-5)


def test_kl_pulls_back_to_the_start(policy):
    stacked = stack(policy.model, [1], "full")
    with torch.no_grad():
        for p in stacked.params.values():
            p.add_(torch.randn(p.shape, generator=torch.Generator().manual_seed(1)) * 0.05)
    batch = replace(plain_batch(np.ones((P, K))), context=((1, 2, 3),) * P)
    algorithm = Grpo(kl=1.0)
    opt = adam({n: stacked.lead(n) for n in stacked.params}, 1, (0.9, 0.95), 1.0)
    gaps = []
    for _ in range(15):
        now = own_logp(policy, stacked, [batch], 0, start=False)[0]
        ref = own_logp(policy, stacked, [batch], 0, start=True)[0]
        gaps.append(float(np.abs(now - ref).mean()))
        gains = algorithm.advantages(batch, State())
        engine.learn(policy, stacked, opt, algorithm, [batch], [gains], [State()], torch.tensor([3e-3]))
    assert gaps[-1] < 0.6 * gaps[0]


def test_several_passes_are_held_by_the_clip(llama):
    """`old` stays what it was before the first pass: a tight clip stops the walk, a loose one does not."""
    far = []
    for clip in (0.02, 10.0):
        policy = load(open_folder("llama", llama))
        stacked = stack(policy.model, [1], "full")
        batch = replace(plain_batch(), context=((1, 2, 3),) * P)
        before = own_logp(policy, stacked, [batch], 0, start=False)[0]
        opt = adam({n: stacked.lead(n) for n in stacked.params}, 1, (0.9, 0.95), 1.0)
        algorithm = Grpo(passes=8, minibatches=3, clip=clip)
        gains = algorithm.advantages(batch, State())
        engine.learn(policy, stacked, opt, algorithm, [batch], [gains], [State()], torch.tensor([3e-3]))
        assert opt.steps.tolist() == [24]
        after = own_logp(policy, stacked, [batch], 0, start=False)[0]
        far.append(float(np.abs(after - before).mean()))
    assert far[0] < 0.7 * far[1]
