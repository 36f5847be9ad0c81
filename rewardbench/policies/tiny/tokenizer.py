"""How does the tiny policy read? Whole words, without loss: decode(encode(x)) == x on every text it can write."""

from __future__ import annotations

import re

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

PAD, UNK, END, USER, ASSISTANT = "<|pad|>", "<|unk|>", "<|end|>", "<|user|>", "<|assistant|>"
SPECIAL = (PAD, UNK, END, USER, ASSISTANT)
SPACE = "▁"
PIECE = rf"{SPACE}?[A-Za-z]+|{SPACE}?\d+|{SPACE}|[\s\S]"
TEMPLATE = (
    "{% for m in messages %}{{ '<|assistant|>' if m['role'] == 'assistant' else '<|user|>' }}"
    "{{ m['content'] }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def pieces(text: str) -> list[str]:
    """The text cut as the tokenizer cuts it: a word takes the space before it along.

    >>> pieces("Ann has 7.")
    ['▁Ann', '▁has', '▁7', '.']
    """
    return re.findall(PIECE, SPACE + text.replace(" ", SPACE))


def build(words: list[str]) -> PreTrainedTokenizerFast:
    """The tokenizer over a vocabulary that begins with the special tokens."""
    inner = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token=UNK))
    inner.normalizer = normalizers.Sequence([normalizers.Replace(" ", SPACE), normalizers.Prepend(SPACE)])
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(PIECE), behavior="isolated")
    inner.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token=PAD,
        unk_token=UNK,
        eos_token=END,
        additional_special_tokens=[USER, ASSISTANT],
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )
    fast.chat_template = TEMPLATE
    return fast
