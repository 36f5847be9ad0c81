"""What would the model say next? Asked of `transformers`, or of the same weights directly.

The library's bookkeeping (masks, hooks, look-ups in a config) costs a small model more than its arithmetic. So
models of Llama's shape are also run by the few lines of `Direct`, on a CPU and with all weights trained; wherever
these do not repeat the stock forward on a probe, the stock forward is used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rewardbench.engine.prefix import Prefix, Roomy, read

TRIED: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()
"""Whether `Direct` repeats the stock forward of a model."""
_LINEAR = r"(lm_head|model\.layers\.\d+\.(self_attn\.[qkvo]|mlp\.(gate|up|down))_proj)\.(weight|bias)"
_SCALE = r"model\.(embed_tokens|norm|layers\.\d+\.(input|post_attention)_layernorm)\.weight"
READ = re.compile(f"{_LINEAR}|{_SCALE}")
"""Names of the parameters that `Direct` reads."""
BY_LENGTH = ("dynamic", "longrope")
"""Kinds of angles that change with how long a text is."""


def stock(model: Any, prefix: Prefix, ids: Tensor, t: int) -> Tensor:
    """Logits [rows, V] after the tokens `ids` [rows] at position t after the prompt; the cache takes them in."""
    out = model(
        input_ids=ids[:, None],
        attention_mask=prefix.mask(t + 1),
        position_ids=prefix.position + t,
        past_key_values=prefix.cache,
        use_cache=True,
        logits_to_keep=1,
    )
    logits: Tensor = out.logits[:, -1]
    return logits


@dataclass(frozen=True)
class Layer:
    """One layer's weights: those that read the same input side by side, the norm's weights multiplied in."""

    qkv: tuple[Tensor, Tensor | None]
    out: nn.Linear
    rotates: bool
    gate_up: tuple[Tensor, Tensor | None]
    down: nn.Linear
    epsilons: tuple[float, float]
    """Of the norms before attention and before the MLP."""


@dataclass(frozen=True)
class Direct:
    """A Llama-shaped model as the operations it is made of; weights as they are now."""

    model: Any
    layers: tuple[Layer, ...]
    head: tuple[Tensor, Tensor | None]
    """What gives the logits, the last norm's weights multiplied in."""
    angles: tuple[Tensor, Tensor]
    """Cosines and sines of every position, [L, head size]."""

    def __call__(self, prefix: Prefix, ids: Tensor, t: int) -> Tensor:
        """As `stock`."""
        core, config = self.model.model, self.model.config
        heads, size = config.num_attention_heads, core.layers[0].self_attn.head_dim
        x = F.embedding(ids, core.embed_tokens.weight)
        place = prefix.position[:, 0] + t
        cos, sin = (a[place][:, None] for a in self.angles)
        seen, biases = prefix.mask(t + 1), dict[tuple[int, int], Tensor | None]()
        for layer, memory in zip(self.layers, prefix.cache.layers, strict=True):
            qkv = F.linear(_scaled(x, layer.epsilons[0]), *layer.qkv).view(len(ids), -1, size)
            groups = (qkv.shape[1] - heads) // 2
            turned, v = qkv[:, : heads + groups], qkv[:, heads + groups :]
            if layer.rotates:
                turned = turned * cos + torch.cat((-turned[..., size // 2 :], turned[..., : size // 2]), -1) * sin
            keys, values = memory.update(turned[:, heads:, None], v[:, :, None])
            filled = keys.shape[2]
            if isinstance(memory, Roomy):
                keys, values = memory.spaces
            shape = (filled, keys.shape[2])
            if shape not in biases:  # layers of one kind share it
                biases[shape] = _bias(seen, filled, keys)
            x = x + layer.out(_attended(turned[:, :heads], keys, values, biases[shape]))
            gate, up = F.linear(_scaled(x, layer.epsilons[1]), *layer.gate_up).chunk(2, -1)
            x = x + layer.down(F.silu(gate) * up)
        return F.linear(_scaled(x, core.norm.variance_epsilon), *self.head)


def _attended(query: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None) -> Tensor:
    """What one new token a row finds: query [rows, heads, d]; keys, values [rows, groups, S, d]; [rows, heads * d]."""
    rows, heads, size = query.shape
    groups, S = keys.shape[1:3]
    asked = (query * size**-0.5).reshape(rows * groups, heads // groups, size)
    score = torch.bmm(asked, keys.reshape(rows * groups, S, size).transpose(1, 2)).view(rows, heads, S)
    share = (score if bias is None else score.add_(bias)).softmax(-1).view(rows * groups, heads // groups, S)
    return torch.bmm(share, values.reshape(rows * groups, S, size)).view(rows, heads * size)


def _bias(seen: Tensor | None, filled: int, keys: Tensor) -> Tensor | None:
    """0 for the last `filled` positions that may be seen, minus infinity for others and for empty space,
    [rows or 1, 1, S]; None if all is seen.
    """
    S = keys.shape[2]
    if seen is None and filled == S:
        return None
    bias = keys.new_full((1 if seen is None else len(seen), 1, S), float("-inf"))
    bias[:, :, :filled] = 0.0
    if seen is not None:
        bias[:, 0, :filled].masked_fill_(~seen[:, -filled:], float("-inf"))
    return bias


def _scaled(x: Tensor, epsilon: float) -> Tensor:
    """x over its root mean square, sqrt(mean(x^2) + epsilon), in few operations: [rows, d]."""
    size: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True).mul_(x.shape[-1] ** -0.5)
    return x / size.hypot_(size.new_tensor(epsilon**0.5))


def direct(model: Any, length: int) -> Direct | None:
    """The model run directly, over at most `length` positions; None where that is not the stock forward."""
    if not _shaped(model):
        return None
    if model not in TRIED:
        TRIED[model] = _repeats(model)
    return _direct(model, length) if TRIED[model] else None


def _direct(model: Any, length: int) -> Direct:
    core = model.model
    cos, sin = core.rotary_emb(torch.zeros(1), torch.arange(length)[None])
    head = (model.lm_head.weight * core.norm.weight, model.lm_head.bias)
    return Direct(model, tuple(_layer(layer) for layer in core.layers), head, (cos[0], sin[0]))


def _layer(layer: Any) -> Layer:
    attention, mlp = layer.self_attn, layer.mlp
    first, second = layer.input_layernorm, layer.post_attention_layernorm
    return Layer(
        qkv=_together((attention.q_proj, attention.k_proj, attention.v_proj), first.weight),
        out=attention.o_proj,
        rotates=bool(getattr(attention, "use_rope", True)),
        gate_up=_together((mlp.gate_proj, mlp.up_proj), second.weight),
        down=mlp.down_proj,
        epsilons=(first.variance_epsilon, second.variance_epsilon),
    )


def _together(layers: Sequence[nn.Linear], scale: Tensor) -> tuple[Tensor, Tensor | None]:
    """Weights [out of all, in] and biases [out of all] of layers that read the same input, times a norm's weights."""
    lacking = all(x.bias is None for x in layers)
    each: list[Tensor] = [x.weight.new_zeros(x.out_features) if x.bias is None else x.bias for x in layers]
    return torch.cat([x.weight for x in layers]) * scale, None if lacking else torch.cat(each)


def _shaped(model: Any) -> bool:
    """Whether a model has the parts that `Direct` runs and no others, all of them plain, in float32, on a CPU."""
    core = getattr(model, "model", None)
    layers = getattr(core, "layers", None)
    config = model.config
    if not layers or not isinstance(getattr(model, "lm_head", None), nn.Linear) or not hasattr(core, "rotary_emb"):
        return False
    weight = model.lm_head.weight
    if weight.device.type != "cpu" or weight.dtype != torch.float32 or getattr(config, "hidden_act", "") != "silu":
        return False
    # the probe is asked once: what says nothing at the start (a bias of 0) or of short texts may say something later
    if not all(READ.fullmatch(name) for name, _ in model.named_parameters()):
        return False
    if _part(core, "rotary_emb.rope_type") in BY_LENGTH:
        return False
    names = [f"self_attn.{n}_proj" for n in "qkvo"] + [f"mlp.{n}_proj" for n in ("gate", "up", "down")]
    return all(type(_part(layer, n)) is nn.Linear for layer in layers for n in names) and all(
        hasattr(_part(layer, n), "variance_epsilon")
        for layer in layers
        for n in ("input_layernorm", "post_attention_layernorm")
    )


def _part(module: Any, name: str) -> Any:
    for step in name.split("."):
        module = getattr(module, step, None)
    return module


@torch.inference_mode()
def _repeats(model: Any, steps: int = 4) -> bool:
    """Whether `Direct` gives the stock forward's logits on two prompts of different length."""
    size = model.config.vocab_size
    prompts = [tuple((7 * i + 3) % size for i in range(n)) for n in (5, 9)]
    said = torch.tensor([[(11 * t + 5 * r + 1) % size for t in range(steps)] for r in range(2)])

    def all_logits(ask: Any) -> Tensor:
        prefix = read(model, [prompts], 0, 0).prefix
        prefix.make_room()
        return torch.stack([ask(prefix, said[:, t], t) for t in range(steps)])

    try:  # a model may only look like a Llama: other angles, other parts
        quick = all_logits(_direct(model, 9 + steps))
    except (RuntimeError, AttributeError, TypeError):
        return False
    return bool(torch.allclose(quick, all_logits(lambda *args: stock(model, *args)), rtol=1e-4, atol=1e-4))
