"""How are a model and its tokenizer read with `transformers`: every weight from a file, and no code of theirs?

`transformers` fills weights that a checkpoint lacks with fresh random numbers and goes on. A benchmark must not: what
it then trained would be no policy that anybody named.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from rewardbench.types import UserError

UNBUILT = ("backend tokenizer", "protobuf", "sentencepiece", "tiktoken")
"""What `transformers` speaks of where a tokenizer has no file that it can read."""


@contextmanager
def quiet() -> Iterator[None]:
    """Within it `transformers` says errors only: what it warns of (a report of weights, a paragraph on types) is asked
    for and said in one line; whoever sets TRANSFORMERS_VERBOSITY hears it as well.
    """
    before = logging.get_verbosity()
    if not os.environ.get("TRANSFORMERS_VERBOSITY"):
        logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def read(name: str, shown: str, place: Path, dtype: torch.dtype, **how: Any) -> tuple[Any, Any, str]:
    """Tokenizer and model of a folder, and what to tell of weights that its config does not want (nothing: "").

    Raises UserError (code 5), with `shown` for the folder, where they cannot be read or are not all there.
    """
    told = f"policy {name!r} ({shown})"
    tokenizer = words(name, shown, place, **{k: v for k, v in how.items() if k != "quantization_config"})
    how |= {"trust_remote_code": False, "dtype": dtype, "output_loading_info": True, "ignore_mismatched_sizes": True}
    try:
        with quiet():
            model, info = AutoModelForCausalLM.from_pretrained(place, **how)
    except Exception as error:  # a damaged file breaks its reader anywhere
        raise _unreadable(name, told, error) from error
    if lacking := missing(model, info):
        which = f"of its config {_are(lacking)} not in its files (first: {lacking[0]})"
        cure = "an incomplete copy, or another architecture; fetch it again"
        raise UserError(f"{told}: {_weights(lacking)} {which}: {cure}", 5)
    if other := sorted(_sizes(one) for one in info.get("mismatched_keys", ())):
        which = f"of its files {_are(other)} not as large as its config says (first: {other[0]})"
        raise UserError(f"{told}: {_weights(other)} {which}: this config.json is another model's", 5)
    unused = sorted(info.get("unexpected_keys", ()))
    which = f"of its files {_are(unused)} not in its config, and left out"
    return tokenizer, model, f"{_weights(unused)} {which} (first: {unused[0]})" if unused else ""


def missing(model: Any, info: Mapping[str, Any]) -> list[str]:
    """The weights that no file held, those aside that are one with a weight which a file did hold (tied ones), as the
    model orders them.
    """
    named = set(info.get("missing_keys", ()))
    held = {id(p) for n, p in model.named_parameters(remove_duplicate=False) if n not in named}
    tied = {n for n, p in model.named_parameters(remove_duplicate=False) if id(p) in held}
    order = {n: i for i, n in enumerate(model.state_dict())}
    return sorted(named - tied, key=lambda n: (order.get(n, len(order)), n))


def words(name: str, shown: str, place: Path, **how: Any) -> Any:
    """The tokenizer of a folder alone; raises UserError (code 5) where it cannot be read."""
    try:
        with quiet():
            return AutoTokenizer.from_pretrained(place, trust_remote_code=False, **how)
    except Exception as error:
        where = f"policy {name!r} ({shown})"
        if any(word in str(error) for word in UNBUILT):
            told = "its tokenizer files are not all there, or need another package (sentencepiece, tiktoken)"
            raise UserError(f"{where}: {told}", 5) from error
        raise _unreadable(name, f"{where}: its tokenizer", error) from error


def _unreadable(name: str, what: str, error: Exception) -> UserError:
    """What to say of files that `transformers` cannot read; a reason in words of our own where it is known."""
    text = str(error).strip()
    if "trust_remote_code" in text:
        return UserError(f"policy {name!r} needs custom code, which is never run here", 5)
    first = text.splitlines()[0] if text else type(error).__name__
    cure = "; its weights are damaged, fetch or copy them again" if isinstance(error, SafetensorError) else ""
    return UserError(f"{what} cannot be loaded: {first}{cure}", 5)


def _sizes(found: Any) -> str:
    """A weight of another size: its name, and where `transformers` tells them the sizes."""
    if isinstance(found, str):
        return found
    name, there, wanted = found
    return f"{name} is {list(there)}, its config says {list(wanted)}"


def _weights(found: Any) -> str:
    return f"{len(found)} weight{'s' if len(found) > 1 else ''}"


def _are(found: Any) -> str:
    return "are" if len(found) > 1 else "is"
