"""How does a policy folder become a model and a tokenizer? Stock `transformers`, no custom code."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property
from typing import Any

import torch
from transformers.utils import logging as transformers_logging

from rewardbench.policies.card import asked
from rewardbench.policies.gguf import ordinary
from rewardbench.policies.reading import read, words
from rewardbench.policies.settings import Folder, Settings
from rewardbench.policies.whole import shown
from rewardbench.types import Message, Prompt, UserError

transformers_logging.disable_progress_bar()  # a bar a run would bury the sweep's own lines
TODAY = datetime(2024, 7, 26)
"""What a chat template is told that asks for the date: the same in every run, and what Llama 3.2's falls back on."""
CLOCK, ASKED = re.compile(r"strftime_now\s*\("), re.compile(r"""strftime_now\s*\(\s*(["'])(.*?)\1\s*\)""")
"""How a template reads the clock: at all, and in the way that is known, with a format in quotes."""
HALF = (torch.bfloat16, torch.float16)
"""Types that a processor attends in by plain products: its fused kernel is slower to learn through in them."""
LARGE = 20_000_000
"""Parameters above which a CPU is a place to look, not to work."""

Meanwhile = Callable[[], bool]
"""Something else for a host that waits for a card, a little of it at a call; whether there was anything."""


def nothing() -> bool:
    """A `Meanwhile` of a host that just waits."""
    return False


@dataclass
class Policy:
    """A loaded policy: the model that is sampled and trained, its tokenizer, and how it is trained."""

    model: Any
    tokenizer: Any
    settings: Settings
    templated: bool
    prompts: dict[tuple[tuple[str, str], ...], tuple[int, ...]] = field(default_factory=dict)
    between_cache: dict[str, tuple[int, ...]] = field(default_factory=dict)
    longest: int = 0
    """Tokens of the longest prompt that is to come, where it is known: room is made for it once."""
    wide: int = 0
    """Completions a run that may be sampled at once on a card; 0: as many as in a step of training."""
    meanwhile: Meanwhile = nothing
    """What a host does that waits for this policy on a card."""

    @property
    def device(self) -> torch.device:
        """Where it is computed."""
        found: torch.device = next(self.model.parameters()).device
        return found

    @cached_property
    def eos(self) -> int:
        """The token that ends a turn."""
        return int(self.tokenizer.eos_token_id)

    @cached_property
    def ends(self) -> tuple[int, ...]:
        """The tokens that end a turn: `eos`, and what else generation_config.json names of the vocabulary: some models
        are taught to end a turn otherwise than a text.
        """
        named = getattr(getattr(self.model, "generation_config", None), "eos_token_id", None)
        others = [] if named is None else [named] if isinstance(named, int) else named
        return tuple(dict.fromkeys([self.eos, *(i for i in others if 0 <= i < len(self.tokenizer))]))

    @cached_property
    def pad(self) -> int:
        """The token put where nothing is (masked everywhere): the tokenizer's, if the model knows it."""
        told = self.tokenizer.pad_token_id
        return int(told if told is not None and told < self.words else self.eos)

    @cached_property
    def words(self) -> int:
        """Tokens that the model knows, 0 to words - 1."""
        return int(self.model.get_input_embeddings().weight.shape[0])

    @cached_property
    def positions(self) -> int | None:
        """Tokens that the model was made to read at once, prompt and completion; None where nothing says so."""
        config = self.model.config.get_text_config()
        return getattr(config, "max_position_embeddings", None) or getattr(config, "max_seq_len", None)

    def render(self, messages: list[Message]) -> str:
        """The messages as the policy reads them, up to where it speaks."""
        if self.templated:
            return str(
                self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            )
        return "\n".join(m["content"] for m in messages) + "\n"

    def encode(self, text: str) -> tuple[int, ...]:
        """Token ids of a rendered text, [L]."""
        return tuple(self.tokenizer(text, add_special_tokens=not self.templated)["input_ids"])

    def prompt_ids(self, prompt: Prompt) -> tuple[int, ...]:
        """Token ids of a prompt, ready to be continued, [L]; remembered, since prompts return."""
        chat = prompt.chat()
        key = tuple((m["role"], m["content"]) for m in chat)
        if key not in self.prompts:
            self.prompts[key] = self.encode(self.render(chat))
        return self.prompts[key]

    def between(self, reply: str) -> tuple[int, ...]:
        """Token ids that stand between the policy's end of turn and its next word: the partner's turn."""
        if reply not in self.between_cache:
            text = f"\n{reply}\n"
            if self.templated:
                mark = "\u241e"
                chat = [{"role": "user", "content": "a"}, {"role": "assistant", "content": mark}]
                after = self.render([*chat, {"role": "user", "content": reply}]).split(mark, 1)[1]
                ends = self.tokenizer.convert_ids_to_tokens(self.ends)
                text = next((after.removeprefix(end) for end in ends if after.startswith(end)), after)
            self.between_cache[reply] = tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])
        return self.between_cache[reply]


def load(folder: Folder) -> Policy:
    """The policy in a folder, in its own dtype, in evaluation mode (no dropout anywhere).

    Raises UserError (code 5) when the folder's files cannot be read as a causal language model, or
    hold not all of its weights.
    """
    dtype = getattr(torch, folder.settings.dtype)
    tokenizer, model, unused = read(folder.name, shown(folder.path), ordinary(folder.path), dtype)
    if unused:
        _say(f"{folder.name}: {unused}")
    if tokenizer.eos_token_id is None:
        raise UserError(f"policy {folder.name!r}: its tokenizer names no eos token, so no completion can end", 5)
    templated = _templated(folder.name, tokenizer)
    if not templated:
        _say(f"{folder.name}: no chat template; prompts are given as plain text")
    size = sum(p.numel() for p in model.parameters())
    if size > LARGE and device_of(folder.settings).type == "cpu":
        _say(f"{folder.name}: {size / 1e6:.0f} M parameters on a CPU are slow, seconds to tens of seconds a step")
    model.eval()
    model.to(device_of(folder.settings))
    if model.device.type == "cpu" and model.dtype in HALF:
        model.set_attn_implementation("eager")
    if (head := model.get_output_embeddings()) is not None:
        head.register_forward_pre_hook(_in_one_piece)
    # it plans anew for each shape, and its way back sums in no fixed order
    torch.backends.cuda.enable_cudnn_sdp(False)
    policy = Policy(model, tokenizer, folder.settings, templated)
    if tokenizer.eos_token_id >= policy.words:
        told = f"its tokenizer ends a turn with token {tokenizer.eos_token_id}, and its model knows {policy.words}"
        raise UserError(f"policy {folder.name!r}: {told}, from 0 on: it is another model's, fetch it again", 5)
    return policy


def _in_one_piece(head: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a head is called with, its rows side by side: of a slice (the last position of each prompt) torch makes a
    product a row, each with a copy of the weights, which are the largest of a small model.
    """
    return tuple(x.contiguous() if isinstance(x, torch.Tensor) else x for x in args)


def device_of(settings: Settings) -> torch.device:
    """Where a policy is computed: as `card.used` has it, asked in this process."""
    told = asked()
    wanted = told == "cuda" or (told == "auto" and settings.kind == "lora")
    return torch.device("cuda" if wanted and torch.cuda.is_available() else "cpu")


@cache
def _say(line: str) -> None:
    """Tell the user once, not once a run."""
    print(line, file=sys.stderr)


def reader(folder: Folder) -> Policy:
    """A policy that can read and not speak: its tokenizer without its model, for what asks how prompts are read."""
    tokenizer = words(folder.name, shown(folder.path), ordinary(folder.path))
    return Policy(None, tokenizer, folder.settings, _templated(folder.name, tokenizer))


def dated(template: str) -> str:
    """A chat template in which whatever asks for today's date is told one that stays: prompts are the same tomorrow.
    `transformers` lets nobody answer in its place, so the answers are written in.

    >>> dated("Today: {{ strftime_now('%d %b %Y') }}")
    "Today: {{ '26 Jul 2024' }}"
    """
    return ASKED.sub(lambda asked: repr(TODAY.strftime(asked[2])), template)


def _templated(name: str, tokenizer: Any) -> bool:
    """Whether a tokenizer has a chat template, which then knows one date; raises UserError (code 5) for one that asks
    for it in a way of its own.
    """
    told = getattr(tokenizer, "chat_template", None)
    if not told:
        return False
    fixed = {key: dated(one) for key, one in told.items()} if isinstance(told, dict) else dated(told)
    if CLOCK.search(str(fixed)):
        raise UserError(f"policy {name!r}: its chat template reads the clock, in no way known here: write in a date", 5)
    tokenizer.chat_template = fixed
    return True


def unknown_share(policy: Policy, prompts: list[Prompt]) -> float:
    """Share of the prompts' tokens that the vocabulary lacks, in [0, 1]."""
    unk = policy.tokenizer.unk_token_id
    ids = [i for prompt in prompts for i in policy.prompt_ids(prompt)]
    if unk is None or unk == policy.eos or not ids:
        return 0.0
    return float(sum(i == unk for i in ids) / len(ids))
