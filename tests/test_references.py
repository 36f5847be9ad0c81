"""Does each reference reward agree with gold, on what the untrained policy says, but not too well to be a proxy?"""

from itertools import islice

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau

from rewardbench import find, scoring
from rewardbench.calling import When
from rewardbench.engine.sample import sample
from rewardbench.engine.stack import stack
from rewardbench.policies.load import load
from rewardbench.types import Want


@pytest.mark.parametrize("name", ["qa/lookup", "writing/story", "dialogue/booking"])
def test_the_reference_is_a_proxy_of_gold_and_the_exploit_a_worse_one(name):
    torch.set_num_threads(1)
    task, gold, policy = find.task(name), find.gold(name), load(find.policy("tiny"))
    prompts = list(islice(task.prompts("dev", "references"), 48))
    [batch] = sample(policy, stack(policy.model, [0], "full"), task, [Want(prompts, 8)], ["tau"], task.max_tokens)
    true = [gold.score(prompts[p], batch.said(p, k, task.turns)) for p, k in np.ndindex(48, 8)]
    tau = {}
    for design in ("reference", "exploit"):
        made = find.bind(find.design(design, name), name)
        paid = scoring.pay(made, batch, When("tau", 0, 0.0), scoring.start(made), 60.0).batch.reward
        tau[design] = kendalltau(true, paid.ravel()).statistic
    assert 0.4 < tau["reference"] < 0.95, tau
    assert tau["exploit"] < tau["reference"], tau
