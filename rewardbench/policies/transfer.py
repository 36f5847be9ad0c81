"""How does the end of a run become a policy folder? Its start policy with its weights on it, in the user's cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from rewardbench.policies.gguf import in_place, ordinary
from rewardbench.policies.load import Policy, load
from rewardbench.policies.settings import Folder, Settings, cache, locked
from rewardbench.types import UserError

STATE = "state."


def transferred(start: Folder, weights: Path, digest: str) -> Path:
    """An ordinary folder of `start` with a run's `weights.safetensors` applied; made once for each `digest`.

    The sum is taken in float32, so that for a policy of another dtype it is rounded once more when it is loaded.
    """
    target = cache() / digest
    with locked(target):
        if not (target / "config.json").is_file():
            whole = replace(start, settings=replace(start.settings, dtype="float32"))
            policy = load(whole)
            put_on(policy.model, load_file(weights), start.settings)
            in_place(target, lambda half: save(policy, ordinary(start.path), half))
    return target


def put_on(model: nn.Module, weights: dict[str, Tensor], settings: Settings) -> None:
    """Apply a run's weights in place: whole parameters for `full`, merged adapters for `lora`."""
    own = {n: w for n, w in weights.items() if not n.startswith(STATE)}
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, change in (own if settings.kind == "full" else merged(own, settings)).items():
            if name not in parameters or parameters[name].shape != change.shape:
                raise UserError(f"the run's weights do not fit its start policy (at {name!r})", 5)
            if settings.kind == "full":
                parameters[name].copy_(change)
            else:
                parameters[name].add_(change)


def merged(adapters: dict[str, Tensor], settings: Settings) -> dict[str, Tensor]:
    """What the adapters `<layer>.A` [rank, in] and `<layer>.B` [out, rank] add to each layer's weight [out, in].

    >>> pair = {"q.A": torch.ones(1, 2), "q.B": torch.tensor([[1.0], [2.0]])}
    >>> merged(pair, Settings(rank=1, alpha=3.0))["q.weight"].tolist()
    [[3.0, 3.0], [6.0, 6.0]]
    """
    layers = sorted(n.removesuffix(".A") for n in adapters if n.endswith(".A"))
    scale = settings.alpha / settings.rank
    return {f"{n}.weight": scale * (adapters[f"{n}.B"].float() @ adapters[f"{n}.A"].float()) for n in layers}


def save(policy: Policy, start: Path, target: Path) -> None:
    """Write the model as an ordinary folder; all that is not weights comes unchanged from the start policy."""
    policy.model.save_pretrained(target)
    for path in start.iterdir():
        if path.is_file() and not _weights(path):
            (target / path.name).write_bytes(path.read_bytes())


def _weights(path: Path) -> Any:
    """Whether a file holds weights or lists their files."""
    return path.suffix in (".safetensors", ".bin", ".gguf", ".pt", ".pth") or path.name.endswith(".index.json")
