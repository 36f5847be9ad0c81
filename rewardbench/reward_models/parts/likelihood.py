"""Would a language model have written the completion so? Likelihood under a frozen causal LM, as fluency.

What is likely is not what is good: the likeliest text of a small model is a loop. `high` bounds it from above.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from rewardbench.policies import settings as policies_
from rewardbench.types import UserError

if TYPE_CHECKING:
    from rewardbench.policies.load import Policy

BATCH = 64
"""Texts in one forward pass."""


def fluency(
    completions: Sequence[str],
    model: str = "tiny",
    low: float | None = None,
    high: float | None = None,
    slack: float = 1.0,
    digest: str = "",
) -> list[float]:
    """exp of the mean log-probability a token of the completion alone (no prompt, no chat template) under `model`.

    With `low` or `high` (nats a token): 1 inside that window of the mean, falling in a straight line to 0 over `slack`
    outside; `high` keeps loops, which are likelier than prose, from paying most. `model` is a shipped policy's name
    or a folder, never trained. The design's hash covers the name, not the weights: `digest` (`rbench show` has it)
    refuses any others. Text beyond the model's positions is not read; no text at all pays 0.
    Range: [0, 1].
    Cost: a forward pass a different text, in batches (torch); the model is loaded once a process.
    Source: own; the mean log-likelihood of GPTScore (arXiv 2302.04166) without its prompt.

    >>> fluent, shuffled = fluency(["The wolf ran to the cave.", "cave the. to wolf ran The"])
    >>> 0 < shuffled < fluent <= 1
    True
    """
    if slack <= 0:
        raise UserError(f"likelihood.fluency: slack = {slack} is not above 0")
    mean = dict(zip(dict.fromkeys(completions), means(list(dict.fromkeys(completions)), model, digest), strict=True))
    if low is None and high is None:
        return [math.exp(mean[text]) for text in completions]
    bottom, top = -math.inf if low is None else low, math.inf if high is None else high
    return [max(0.0, 1.0 - max(bottom - mean[t], mean[t] - top, 0.0) / slack) for t in completions]


fluency.pure = True  # type: ignore[attr-defined]


def means(texts: Sequence[str], model: str = "tiny", digest: str = "") -> list[float]:
    """Mean log-probability a token of each text, nats, at most 0; -inf for a text without tokens."""
    policy = loaded(model, digest)
    ids = [encoded(policy, text) for text in texts]
    # short ones together: little padding, and what one text is worth hardly depends on its neighbours
    order = sorted((i for i in range(len(ids)) if ids[i]), key=lambda i: len(ids[i]))
    found = [-math.inf] * len(texts)
    for at in range(0, len(order), BATCH):
        some = order[at : at + BATCH]
        for i, value in zip(some, _means(policy, [ids[i] for i in some]), strict=True):
            found[i] = value
    return found


def encoded(policy: Policy, text: str) -> list[int]:
    """Token ids of a text as it stands, cut to what the model can read after its first mark."""
    readable = text.encode("utf-8", "replace").decode()  # half a surrogate pair is no text that a tokenizer knows
    ids = policy.tokenizer(readable, add_special_tokens=False)["input_ids"]
    return list(ids)[: int(getattr(policy.model.config, "max_position_embeddings", 0) or 1024) - 1]


def _means(policy: Policy, ids: Sequence[Sequence[int]]) -> list[float]:
    """Mean log-probability a token of each sequence, in one pass; each begins after a bos, or an eos."""
    import torch

    first = policy.tokenizer.bos_token_id if policy.tokenizer.bos_token_id is not None else policy.eos
    width = max(map(len, ids))
    given = torch.full((len(ids), width + 1), policy.pad)
    mask = torch.zeros_like(given)
    for row, one in enumerate(ids):
        given[row, : len(one) + 1] = torch.tensor([first, *one])
        mask[row, : len(one) + 1] = 1
    with torch.inference_mode():
        logits = policy.model(input_ids=given, attention_mask=mask).logits[:, :-1].float()
        logp = torch.log_softmax(logits, -1).gather(2, given[:, 1:, None])[..., 0] * mask[:, 1:]
        return [float(v) for v in logp.sum(1) / mask[:, 1:].sum(1)]


@cache
def loaded(model: str, digest: str = "") -> Policy:
    """The frozen model, loaded once a process; raises UserError (code 5) if it is missing or not the one asked for."""
    folder = _folder(model)
    if digest and folder.digest != digest:
        raise UserError(f"likelihood: the model {model!r} has the digest {folder.digest}, not the one asked for", 5)
    from rewardbench.policies.load import load

    policy = load(folder)
    policy.model.requires_grad_(False)
    return policy


def _folder(model: str) -> policies_.Folder:
    """The shipped policy of that name, or a folder."""
    if model in policies_.shipped():
        return policies_.open_folder(model, policies_.HERE / model)
    path = policies_.expanded(model)
    if not path.is_dir():
        known = ", ".join(policies_.shipped())
        raise UserError(f"likelihood: model = {model!r} is no folder and no shipped policy ({known})", 5)
    return policies_.open_folder(path.name, path.absolute())


def check(**params: Any) -> None:
    """Raise UserError where `model` names nothing, before anything runs."""
    _folder(str(params.get("model", "tiny")))


fluency.check = check  # type: ignore[attr-defined]
