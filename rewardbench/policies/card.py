"""How many runs fit on this machine's GPU? Reckoned before the first step, from the sizes that a model's files tell.

Loads no torch: a plan is made by what only looks. Whether there is a GPU is asked of a process of its own, once.
"""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rewardbench.design import nearest
from rewardbench.policies.settings import Folder, Settings, converted, gguf_of
from rewardbench.policies.whole import head
from rewardbench.types import UserError

VARIABLE = "REWARDBENCH_DEVICE"
DEVICES = ("auto", "cpu", "cuda")
SHARE = 0.9
"""Of a card's free memory that is planned for: what the allocator cannot reuse has to lie somewhere."""
BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}
PASS = 64_000
"""Tokens of a pack in one pass of learning, at most (padding included): they keep a card busy."""
TRIAL = 8
"""Bytes a number that learns: its gradients both ways, when a compiled pass is tried (`engine.fused`)."""
COPIES = 3
"""Of adapters in the model's type: as they lie, and side by side (`engine.joint`) while a pack samples and learns."""
HEAD_CHUNK = 2048
"""Tokens whose logits are held at once when learning (`engine.head.CHUNK`)."""
GIB = 1 << 30
NAMES = {
    "hidden": ("hidden_size", "n_embd", "n_embed", "d_model"),
    "heads": ("num_attention_heads", "n_head", "n_heads", "num_heads", "attention_heads"),
    "layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "inner": ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"),
    "words": ("vocab_size",),
}
"""What a config.json calls the sizes of a model: the names that `transformers` takes for the first of each."""
WIDER = (4, 2)
"""Calls of sampling that an evaluation makes as one, where there is room."""
INSIDE, OTHER = re.compile(r"\.\d+\.|project_(in|out)$"), re.compile(r"\.experts\.|\.gate$|\.router\b|norm$")
"""Names of layers that get adapters, and of those among them that do not (`_adapted`)."""


@dataclass(frozen=True)
class Gpu:
    """A card."""

    name: str
    free: int
    """Bytes."""


@dataclass(frozen=True)
class Shape:
    """What a model's files say of its size."""

    numbers: int
    """All parameters."""
    adapted: int
    """Inputs plus outputs, over the linear layers that get adapters."""
    layers: int
    hidden: int
    inner: int
    """Of an MLP."""
    kept: int
    """Numbers that a position's keys and values are, in one layer."""
    shared: int
    """Query heads that share their keys."""
    words: int
    """Of the vocabulary."""


@dataclass(frozen=True)
class Call:
    """What one run asks of the card at once."""

    rows: int
    """Completions of a step."""
    prompt: int
    """Tokens of the longest prompt."""
    T: int
    """Positions of a completion."""


def asked() -> str:
    """Where policies are to be computed, as `$REWARDBENCH_DEVICE` says; raises UserError (code 2) for what is none."""
    told = os.environ.get(VARIABLE, "").strip().lower() or "auto"
    if told not in DEVICES:
        meant = told.startswith(("cuda", "gpu", "nvidia"))
        hint = ", did you mean 'cuda'? (which card: CUDA_VISIBLE_DEVICES)" if meant else nearest(told, DEVICES)
        raise UserError(f"{VARIABLE}={told!r} is not one of {', '.join(DEVICES)}{hint}")
    return told


@cache
def gpu() -> Gpu | None:
    """The first card that torch finds, or None; raises UserError (code 4) where one is asked for and none is there."""
    told = asked()
    if told == "cpu" or (told == "auto" and not any(Path("/dev").glob("nvidia[0-9]*"))):
        return None
    done = subprocess.run([sys.executable, "-m", "rewardbench.engine.trial", "card"], capture_output=True, text=True)
    found = json.loads(done.stdout) if done.returncode == 0 and done.stdout else None
    if found is None and told == "cuda":
        why = (done.stderr.strip().splitlines() or ["torch finds none"])[-1]
        raise UserError(f"{VARIABLE}=cuda, but there is no GPU to be used: {why}; set it to cpu or auto", 4)
    return Gpu(**found) if found else None


def used(settings: Settings) -> Gpu | None:
    """The card that a policy is computed on, or None: adapters are trained on one if it is there, whole models if it
    is asked for by name (a tiny one is quicker on a processor).
    """
    return gpu() if settings.kind == "lora" or asked() == "cuda" else None


def files(folder: Folder) -> Path:
    """Where the model's ordinary files lie: in the folder itself, or in the cache for a `.gguf`, converted if it has to
    be; raises UserError (code 5) if it cannot.
    """
    source = gguf_of(folder.path)
    if source is None:
        return folder.path
    place = converted(source)
    if not (place / "config.json").is_file():
        asked = [sys.executable, "-m", "rewardbench.policies.gguf", str(folder.path)]
        done = subprocess.run(asked, capture_output=True, text=True)
        if done.returncode:
            raise UserError((done.stderr.strip().splitlines() or ["it cannot be converted"])[-1], 5)
    return place


def shape_of(folder: Path, settings: Settings) -> Shape:
    """The sizes of the model in a folder; raises UserError (code 5) where its files do not tell them."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        config = config.get("text_config", config)
        tensors = {n: t["shape"] for path in sorted(folder.glob("*.safetensors")) for n, t in head(path).items()}
        hidden, heads = _told(config, "hidden"), _told(config, "heads")
        size, own = config.get("head_dim") or hidden // heads, _keyed(config, heads)
        return Shape(
            numbers=sum(_product(s) for s in tensors.values()),
            adapted=sum(sum(s) for n, s in tensors.items() if len(s) == 2 and _adapted(n, settings.targets)),
            layers=_told(config, "layers"),
            hidden=hidden,
            inner=_told(config, "inner", config.get("expansion_ratio", 4) * hidden),
            kept=2 * size * own,
            shared=heads // own,
            words=_told(config, "words"),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        reason = f"config.json or *.safetensors: {type(error).__name__}: {error}"
        raise UserError(f"{folder.name}: how large the model is cannot be read ({reason})", 5) from error


def _told(config: Mapping[str, Any], size: str, otherwise: int | None = None) -> int:
    """A size of the model under the first of its names that the config has; raises KeyError where it has none and
    nothing follows from the others.

    >>> _told({"n_embd": 32}, "hidden"), _told({"n_inner": None}, "inner", 4 * 32)
    (32, 128)
    """
    found: int | None = next((config[n] for n in NAMES[size] if config.get(n) is not None), otherwise)
    if found is None:
        raise KeyError(NAMES[size][0])
    return found


def _keyed(config: Mapping[str, Any], heads: int) -> int:
    """Heads of keys: one for all where a config says `multi_query`, else as many as it says, else as of queries.

    >>> _keyed({"multi_query": True}, 8), _keyed({"num_key_value_heads": 2}, 8), _keyed({}, 8)
    (1, 2, 8)
    """
    if config.get("new_decoder_architecture"):
        return int(config.get("num_kv_heads") or heads)
    return 1 if config.get("multi_query") else int(config.get("num_key_value_heads") or heads)


def _product(shape: list[int]) -> int:
    total = 1
    for n in shape:
        total *= n
    return total


def _adapted(name: str, targets: tuple[str, ...]) -> bool:
    """Whether a weight of two dimensions is that of a linear layer that gets an adapter: one of a numbered block, or
    between blocks and embeddings; experts, and what chooses among them, are no linear layers.

    >>> [_adapted(f"{n}.weight", ()) for n in ("transformer.blocks.0.ffn.up_proj", "lm_head", "model.embed_tokens")]
    [True, False, False]
    """
    layer = name.removesuffix(".weight")
    linear = INSIDE.search(layer) and not OTHER.search(layer)
    return name.endswith(".weight") and bool(linear) and (not targets or layer.endswith(targets))


def micro(settings: Settings, call: Call, R: int) -> int:
    """Completions a run that go through the model at once when R runs learn: fewer the more runs there are. It follows
    from what is run alone, not from what is free today.
    """
    size = min(settings.micro or call.rows, call.rows)
    while size > settings.K and R * (size // settings.K) * (call.prompt + settings.K * call.T) > PASS:
        size //= 2
    return size


def needed(shape: Shape, settings: Settings, call: Call, R: int) -> Mapping[str, float]:
    """Bytes that R runs take, by what for.

    Activations are counted a token and layer as what a Llama's block keeps for its way back: about eight numbers a
    hidden one and four an inner one in the model's own type, and three hidden ones in float32; and a completion and
    layer what attention keeps of it and of its prompt: queries, keys, values and what was found. Compiled, a pass keeps
    half of that; but its first of a shape is made beside those that were captured, so it counts twice. 32 runs of a 135
    M model that learn from 64 completions of 128 tokens reserved 33.1 GiB at their peak (H200), with nothing compiled
    28.1 and without sampling (H100); this says 47. Four packs of 24 runs of an earlier prototype took 35, 52, 36 and 36
    GiB. Other models are extrapolated from there.
    """
    width = BYTES[settings.dtype]
    groups = max(1, micro(settings, call, R) // settings.K)
    row = call.prompt + settings.K * call.T
    tokens, pairs = R * groups * row, R * groups * settings.K * (call.prompt + call.T)
    block = width * (8 * shape.hidden + 4 * shape.inner) + 12 * shape.hidden
    apart = shape.shared if width > 2 else 1  # query heads share keys in half precision alone
    adapters = settings.rank * shape.adapted if settings.kind == "lora" else shape.numbers
    rows = R * call.rows
    return {
        "model": shape.numbers * width,
        "adapters, their gradients and moments": (16 + COPIES * width + TRIAL) * R * adapters,
        "keys and values": rows * (call.prompt + call.T) * shape.layers * shape.kept * width,
        "logits": rows * shape.words * (width + 16),
        "learning": tokens * shape.layers * block
        + pairs * shape.layers * width * (2 * shape.hidden + apart * shape.kept)
        + 6 * tokens * shape.hidden * width  # what was thought and its slopes, in rooms up to twice as large
        + HEAD_CHUNK * shape.words * 12,
    }


def wide(shape: Shape, settings: Settings, call: Call, R: int, free: float) -> int:
    """Completions a run that are sampled at once where more are asked for than in a step of training, as in
    evaluations: a step of sampling takes long to begin and little longer for more rows. As many as there is room for in
    what is `free` (bytes) beside all else that R runs take.
    """
    told = needed(shape, settings, call, R)
    rows, spare = told["keys and values"] + told["logits"], SHARE * free - sum(told.values())
    return call.rows * next((times for times in WIDER if times * rows <= spare), 1)


def fits(folder: Folder, call: Call, card: Gpu) -> int:
    """How many runs fit on a card at once; raises UserError (code 4) if not one does."""
    shape = shape_of(files(folder), folder.settings)
    most = 1 if folder.settings.kind == "full" else 4096
    R = next((R for R in range(most, 0, -1) if _total(shape, folder.settings, call, R) <= SHARE * card.free), 0)
    if R == 0:
        need, told = _total(shape, folder.settings, call, 1), needed(shape, folder.settings, call, 1)
        most_of = max(told, key=lambda name: told[name])
        told_by = f"one run needs about {need / GIB:.1f} GiB of its {card.free / GIB:.1f}, most for {most_of}"
        remedy = "take a smaller model, or a smaller `micro` or P × K in its .toml"
        raise UserError(f"policy {folder.name!r} does not fit on {card.name}: {told_by}; {remedy}", 4)
    return R


def _total(shape: Shape, settings: Settings, call: Call, R: int) -> float:
    return sum(needed(shape, settings, call, R).values())
