"""Does a policy know a task's words? Told from its tokenizer's file alone: nothing heavy is loaded."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rewardbench.policies.settings import Folder
from rewardbench.types import Prompt, UserError

MOST_UNKNOWN = 0.02
"""Share of a task's prompt tokens that a policy's vocabulary may lack."""
AROUND = 32
"""More tokens than a chat template puts around a message."""


def check_known(policy: str, task: str, share: float, more: str = "") -> None:
    """Raise UserError where a vocabulary lacks too large a share of a task's prompt tokens, or ` or more` than it."""
    if share > MOST_UNKNOWN:
        lacks = f"lacks {share:.0%}{more} of the tokens of {task}'s prompts (limit {MOST_UNKNOWN:.0%})"
        raise UserError(f"policy {policy!r} {lacks}; take another: --policy smollm2-135m, or a folder")


def surely_unknown(folder: Folder, prompts: Sequence[Prompt]) -> float:
    """The least share of the prompts' tokens that the vocabulary lacks, whatever a chat template adds, in [0, 1]; 0
    where no file tells: a worker that has loaded the policy counts them all.
    """
    try:
        words = json.loads((folder.path / "tokenizer.json").read_text(encoding="utf-8"))["model"]
        named = words.get("unk_token")
        if named is None or words.get("type") != "WordLevel":  # others spell what they do not know
            return 0.0
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(folder.path / "tokenizer.json"))
    except Exception:  # the tokenizer's own errors have no type; what is wrong with the file is said where it is loaded
        return 0.0
    said = [message["content"] for prompt in prompts for message in prompt.chat()]
    read = [tokenizer.encode(text, add_special_tokens=False).tokens for text in said]
    unknown = sum(tokens.count(named) for tokens in read)
    return unknown / max(sum(map(len, read)) + AROUND * len(said), 1)
