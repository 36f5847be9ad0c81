"""Where does a score's noise come from? From the seed, from the prompts, or from sampling their completions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rewardbench.types import UserError


@dataclass(frozen=True)
class Components:
    """Variances of one score, and what each adds to the variance of a seed's mean over all its prompts and samples."""

    seed: float
    """Between runs, once prompts and sampling are taken off: what more training seeds would average out."""
    prompt: float
    """Between prompts of one seed."""
    sample: float
    """Between completions of one prompt."""
    prompts: int
    samples: int
    """A prompt."""

    @property
    def of_mean(self) -> tuple[float, float, float]:
        """Variance of a seed's mean that comes from the seed, its prompts, and its samples; their sum is the whole.

        >>> Components(1.0, 8.0, 16.0, 4, 2).of_mean
        (1.0, 2.0, 2.0)
        """
        return self.seed, self.prompt / self.prompts, self.sample / (self.prompts * self.samples)


def components(gold: ArrayLike) -> Components:
    """Variance components of gold [seeds, prompts, samples], every seed with prompts of its own (nested).

    Formula: analysis of variance of the balanced nested design. With mean squares MS between seeds, MP between prompts
    within seeds and ME between samples within prompts: sample = ME, prompt = (MP - ME) / K, seed = (MS - MP) / (P K);
    a negative one is 0. One sample a prompt: sample is 0 and counts as the prompt's.
    Read: where the seed's own share is small, more evaluation prompts help as much as more runs do.
    Fails: with S seeds the seed's component rests on S - 1 degrees of freedom: 5 seeds tell its size, not its digits.
    Source: Searle, Casella & McCulloch 1992, "Variance Components", the balanced nested classification.

    >>> found = components([[[0, 2], [4, 6]], [[10, 12], [14, 16]]])
    >>> found.sample, found.prompt, found.seed
    (2.0, 7.0, 46.0)
    """
    x = np.asarray(gold, dtype=np.float64)
    if x.ndim != 3 or min(x.shape[:2]) < 2 or not x.shape[2] or not np.isfinite(x).all():
        raise UserError("variance components need a full table of at least 2 seeds x 2 prompts x 1 sample")
    seeds, prompts, samples = x.shape
    by_prompt, by_seed = x.mean(axis=2), x.mean(axis=(1, 2))
    of_samples = ((x - by_prompt[..., None]) ** 2).sum() / max(seeds * prompts * (samples - 1), 1)
    of_prompts = samples * ((by_prompt - by_seed[:, None]) ** 2).sum() / (seeds * (prompts - 1))
    of_seeds = prompts * samples * ((by_seed - x.mean()) ** 2).sum() / (seeds - 1)
    return Components(
        max(0.0, float(of_seeds - of_prompts) / (prompts * samples)),
        max(0.0, float(of_prompts - of_samples) / samples),
        float(of_samples),
        prompts,
        samples,
    )
