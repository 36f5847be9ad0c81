"""How does a folder that holds only a `.gguf` become one that can be trained? Converted once into the user's cache."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import transformers

from rewardbench.policies.reading import read
from rewardbench.policies.settings import converted, gguf_of, locked, need_gguf
from rewardbench.policies.whole import shown
from rewardbench.types import UserError

PAD = "<|endoftext|>"


def ordinary(folder: Path) -> Path:
    """The folder itself, or for one that holds only a `.gguf` the cached folder with the same weights, float32."""
    source = gguf_of(folder)
    if source is None:
        return folder
    target = converted(source)
    with locked(target):
        if not (target / "config.json").is_file():
            need_gguf(folder.name)
            print(f"{folder.name}: converting {source.name} once, into the cache", file=sys.stderr)
            in_place(target, lambda half: convert(source, half))
    return target


def convert(source: Path, target: Path) -> None:
    """Write a GGUF file's weights (dequantised) and tokenizer as an ordinary policy folder."""
    plain: dict[str, Any] = {"gguf_file": source.name}
    if hasattr(transformers, "GgufConfig"):  # without it the plain weights are marked as quantised, and refuse training
        plain["quantization_config"] = transformers.GgufConfig(dequantize=True)
    try:
        tokenizer, model, _ = read(source.name, shown(source.parent), source.parent, torch.float32, **plain)
    except UserError as error:
        raise UserError(f"{source.name} cannot be converted: {error}", 5) from error
    separate_pad(tokenizer, model)
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)


def separate_pad(tokenizer: Any, model: Any) -> None:
    """Give the tokenizer a pad token other than its eos, if it has one: trainers mask padding out of the loss."""
    eos = tokenizer.eos_token_id
    if tokenizer.pad_token_id in (None, eos) and tokenizer.get_vocab().get(PAD, eos) != eos:
        tokenizer.pad_token = PAD
    tokenizer.padding_side = tokenizer.init_kwargs["padding_side"] = "left"  # the second one is what gets saved
    for config in (model.config, model.generation_config):
        config.pad_token_id = tokenizer.pad_token_id


def in_place(target: Path, write: Any) -> None:
    """Fill a folder under a temporary name beside it, then rename: it is there whole, or not at all."""
    half = Path(tempfile.mkdtemp(prefix=".half-", dir=target.parent))
    try:
        write(half)
        for path in half.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        shutil.rmtree(target, ignore_errors=True)
        half.rename(target)
    except OSError as error:
        raise UserError(f"the cache folder {target.parent} cannot be written: {error.strerror or error}", 4) from error
    finally:
        shutil.rmtree(half, ignore_errors=True)


if __name__ == "__main__":  # for whoever must not load torch and needs the converted folder
    try:
        print(ordinary(Path(sys.argv[1])))
    except UserError as error:
        sys.exit(str(error))
