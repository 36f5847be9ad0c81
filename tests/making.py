"""How is a small policy of random weights made? In a second, of any stock architecture."""

import string
from itertools import islice
from pathlib import Path

WORDS = "Ann Ben Cid has a the red fox cat dog runs sleeps sees and 1 2 3 4 5 6 7 What is it Friday booked".split()
TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def make_policy(folder: Path, architecture: str = "llama", seed: int = 0, settings: str = "") -> Path:
    """A policy folder with a word-level tokenizer and a random model; its `.toml` beside it."""
    import torch
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import (
        AutoModelForCausalLM,
        GPTNeoXConfig,
        LlamaConfig,
        PreTrainedTokenizerFast,
        Qwen2Config,
        Qwen3Config,
    )

    special = ["<|pad|>", "<|unk|>", "<|end|>", "<|user|>", "<|assistant|>"]
    pieces = special + ["▁" + w for w in WORDS] + list(string.punctuation) + ["▁", "\n"]
    tokenizer = Tokenizer(models.WordLevel({p: i for i, p in enumerate(dict.fromkeys(pieces))}, unk_token="<|unk|>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Replace(" ", "▁"), normalizers.Prepend("▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"▁?[A-Za-z]+|▁?\d+|▁|."), behavior="isolated")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<|pad|>", unk_token="<|unk|>", eos_token="<|end|>",
        additional_special_tokens=special[3:], clean_up_tokenization_spaces=False, padding_side="left",
    )
    fast.chat_template = TEMPLATE
    size = {"vocab_size": len(fast), "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
            "num_attention_heads": 4, "max_position_embeddings": 256}
    ids = {"pad_token_id": 0, "eos_token_id": 2, "bos_token_id": None}
    configs = {
        "llama": LlamaConfig(**size, **ids, tie_word_embeddings=True),
        "qwen2": Qwen2Config(**size, **ids, num_key_value_heads=2),
        "qwen3": Qwen3Config(**size, **ids, num_key_value_heads=2, head_dim=8),
        "neox": GPTNeoXConfig(**size, **ids),
    }
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(configs[architecture])
    path = folder / f"{architecture}{seed}"
    model.save_pretrained(path)
    fast.save_pretrained(path)
    (folder / f"{architecture}{seed}.toml").write_text(settings or 'kind = "full"\nlearning_rate = 1e-2\nP = 3\nK = 4\n')
    return path


def take(stream, count: int):  # type: ignore[no-untyped-def]
    """The first of a stream, as a list."""
    return list(islice(stream, count))
