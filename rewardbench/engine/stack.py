"""How do R runs share one model? Each linear layer gets R low-rank adapters; or R = 1 and the plain module.

Rows are run-major and every run has equally many, so that an adapter's share is one dense `bmm`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from rewardbench import seeds
from rewardbench.design import nearest
from rewardbench.engine import fused
from rewardbench.engine.joint import Joint, joints
from rewardbench.types import State, UserError

STATE = "state."
ALIGNED = 8
"""Numbers that an adapter's place is rounded up to: kernels that were compiled for one layer's are used for all."""


class StackedLinear(nn.Module):
    """A frozen linear layer and R adapters: y[r] = W x[r] + (alpha / rank) B[r] A[r] x[r]."""

    def __init__(self, base: nn.Linear, draws: Tensor, scale: float) -> None:
        """`draws` [R, rank, in] starts A; B [R, out, rank] starts at zero, so a start is the base."""
        super().__init__()
        self.base, self.scale, self.on = base, scale, True
        self.near: tuple[Tensor, Tensor] | None = None
        """A and B in the base's type, while they do not move (`Stack.still`)."""
        self.joint: Joint | None = None
        self.start = 0
        """Where its outputs begin among those of the layers that are joint with it."""
        self.A = nn.Parameter(draws.clone())
        self.B = nn.Parameter(draws.new_zeros(draws.shape[0], base.out_features, draws.shape[1]))

    def forward(self, x: Tensor) -> Tensor:
        """[R * b, ..., in] -> [R * b, ..., out]."""
        if self.joint is not None and self.on and torch.compiler.is_compiling():
            return self.joint.part(self, x)
        y: Tensor = self.base(x)
        if not self.on:
            return y
        R = self.A.shape[0]
        # kept and moved in float32, multiplied as the base is
        down, up = self.near or (self.A.to(x.dtype), self.B.to(x.dtype))
        low = torch.bmm(x.reshape(R, -1, x.shape[-1]), down.mT)
        if torch.compiler.is_compiling():  # added by what reads it next; a product that adds would copy y before
            return y + (torch.bmm(low, up.mT) * self.scale).reshape(y.shape)
        return torch.baddbmm(y.reshape(R, -1, y.shape[-1]), low, up.mT, alpha=self.scale).reshape(y.shape)


@dataclass
class Stack:
    """A model with the weights of R runs on it."""

    model: nn.Module
    R: int
    kind: str
    params: dict[str, nn.Parameter]
    """What is optimised; with a leading R for `lora`, as they are for `full` (R = 1)."""
    first: dict[str, Tensor]
    """A copy of the start, for KL to the start policy (`full` only)."""
    flat: tuple[Tensor, Tensor] | None = None
    """After `flatten`: all adapters and their gradients, [R, n] each, of which `params` are parts."""
    started: bool = False
    """Whether the model is the start policy now (`start`)."""
    copy: Tensor | None = None
    """After `flatten`: room for the adapters in the base's type, [R, n]; None where that is theirs."""
    joints: Sequence[Joint] = ()
    """After `join`: layers that are one product where blocks are compiled."""
    held: tuple[Sequence[Tensor], Sequence[Tensor]] = ((), ())
    """After `join`: where their adapters are held while no weight moves, and the adapters."""

    def flatten(self) -> None:
        """Lay the adapters and their gradients out as one tensor each: an optimiser that goes through four hundred
        small ones launches kernels for longer than a GPU computes. Gradients lie as the weights do, with gaps between
        runs; autograd would say once that it would rather have them dense. Where blocks are compiled, layers that read
        the same numbers are joined.
        """
        warnings.filterwarnings("ignore", "grad and param do not obey the gradient layout contract")
        flat = [p.data.reshape(self.R, -1) for p in self.params.values()]
        whole = torch.cat([pad(x, (0, -x.shape[1] % ALIGNED)) for x in flat], dim=1)
        self.flat = whole, torch.zeros_like(whole)
        data, grad = map(self._parts, self.flat)
        for name, p in self.params.items():
            p.data, p.grad = data[name], grad[name]
        base = next(p.dtype for p in self.model.parameters() if not p.requires_grad)
        self.copy = None if base == whole.dtype else whole.to(base)
        if fused.wanted(whole.device):
            self.join()

    def join(self) -> None:
        """Let layers that read the same numbers be one product where blocks are compiled."""
        self.joints = joints(self.model, list(self._layers().values()), self.R)
        pairs = [pair for joint in self.joints for pair in joint.copies()]
        self.held = [place for place, _ in pairs], [adapter for _, adapter in pairs]

    def _layers(self) -> dict[str, StackedLinear]:
        return {n: m for n, m in self.model.named_modules() if isinstance(m, StackedLinear)}

    @contextmanager
    def still(self) -> Iterator[None]:
        """Within it, while no weight moves, adapters are multiplied from a copy in the base's type: a step of one token
        would otherwise turn all of them, which is more to read than the model.
        """
        layers = self._layers()
        try:
            if self.flat is not None and self.copy is not None:
                self.copy.copy_(self.flat[0])
                views = self._parts(self.copy)
                for name, layer in layers.items():
                    layer.near = views[f"{name}.A"], views[f"{name}.B"]
            elif self.flat is None:
                for layer in layers.values():
                    base = layer.base.weight.dtype
                    layer.near = None if base == layer.A.dtype else (layer.A.to(base), layer.B.to(base))
            if self.joints:
                torch._foreach_copy_(list(self.held[0]), list(self.held[1]))
            for joint in self.joints:
                joint.hold(True)
            yield
        finally:
            for joint in self.joints:
                joint.hold(False)
            for layer in layers.values():
                layer.near = None

    def alone(self, r: int) -> dict[str, Tensor]:
        """A copy of run r's parameters on the host, fetched at once where they lie in one piece."""
        apart = self.params if self.flat is None else [n for n in self.params if n.startswith(STATE)]
        found = {n: self.lead(n)[r].detach().clone().cpu() for n in apart}
        if self.flat is not None:
            found |= {n: part[0] for n, part in self._parts(self.flat[0][r : r + 1].clone().cpu()).items()}
        return {n: found[n] for n in self.params}

    def _parts(self, whole: Tensor) -> dict[str, Tensor]:
        """Each adapter's part of a tensor [rows, n], a run a row, by its parameter's name and in its shape, sharing
        memory.
        """
        adapters = {n: p for n, p in self.params.items() if not n.startswith(STATE)}
        sizes = [p.numel() // self.R for p in adapters.values()]
        parts = torch.split(whole, [n + -n % ALIGNED for n in sizes], dim=1)
        each = zip(adapters.items(), sizes, parts, strict=True)
        return {name: part[:, :n].view(-1, *p.shape[1:]) for (name, p), n, part in each}

    def moved(self) -> dict[str, tuple[Tensor, Tensor | None]]:
        """What an optimiser moves and its gradient (None before the first), [R, ...] each: parameters by name, or all
        adapters at once.
        """
        apart = [n for n in self.params if self.flat is None or n.startswith(STATE)]
        own = {n: (self.lead(n), self.gradient(n)) for n in apart}
        return own if self.flat is None else {"adapters": self.flat, **own}

    def forget(self) -> None:
        """Set every gradient to 0."""
        for p in self.params.values():
            p.grad = torch.zeros_like(p) if p.grad is None else p.grad
        for _, grad in self.moved().values():
            if grad is not None:
                grad.zero_()

    def lead(self, name: str) -> Tensor:
        """A parameter's data as [R, ...], sharing memory."""
        data = self.params[name].data
        return data if self._led(name) else data[None]

    def gradient(self, name: str) -> Tensor | None:
        """A parameter's gradient as [R, ...]; None before the first."""
        grad = self.params[name].grad
        return grad if grad is None or self._led(name) else grad[None]

    def _led(self, name: str) -> bool:
        """Whether a parameter is stacked: adapters and algorithms' learned state are."""
        return self.kind == "lora" or name.startswith(STATE)

    def adopt(self, states: Sequence[State]) -> None:
        """Optimise the algorithms' learned state with the policy, stacked as `state.<name>` [R, ...]."""
        device = next(self.model.parameters()).device  # an algorithm makes its state without knowing where
        for name in states[0].learned:
            values = torch.stack([state.learned[name].detach() for state in states]).to(device)
            self.params[STATE + name] = nn.Parameter(values)

    def learned(self, state: State, r: int) -> State:
        """Run r's state with the present values of what it learns, inside the gradient graph."""
        names = [n.removeprefix(STATE) for n in self.params if n.startswith(STATE)]
        return replace(state, learned={n: self.params[STATE + n][r] for n in names}) if names else state

    @contextmanager
    def start(self) -> Iterator[None]:
        """Within it the model is the start policy: adapters off, or the first weights put in place."""
        adapters = [m for m in self.model.modules() if isinstance(m, StackedLinear)]
        now = {name: self.params[name].data for name in self.first}
        try:
            self.started = True
            for m in adapters:
                m.on = False
            for name, data in self.first.items():
                self.params[name].data = data
            yield
        finally:
            self.started = False
            for m in adapters:
                m.on = True
            for name, data in now.items():
                self.params[name].data = data


def stack(
    model: nn.Module,
    run_seeds: list[int],
    kind: str,
    rank: int = 16,
    alpha: float = 32.0,
    targets: tuple[str, ...] = (),
) -> Stack:
    """R runs on one model. Adapters start from the run's seed, so runs of one seed start alike.

    Raises UserError if no linear layer is there to adapt, or if full training is asked for R > 1.
    """
    R = len(run_seeds)
    if kind == "full":
        if R != 1:
            raise UserError(f"a policy with kind = 'full' trains one run a pack, not {R}; use kind = 'lora'")
        params = dict(model.named_parameters())
        return Stack(model, 1, kind, params, {n: p.detach().clone() for n, p in params.items()})
    for p in model.parameters():
        p.requires_grad_(False)
    for name, layer in adapted(model, targets):
        adapter = StackedLinear(layer, _draws(name, layer, run_seeds, rank), alpha / rank)
        parent, _, leaf = name.rpartition(".")
        setattr(model.get_submodule(parent), leaf, adapter)
    return Stack(model, R, kind, {n: p for n, p in model.named_parameters() if p.requires_grad}, {})


def adapted(model: nn.Module, targets: tuple[str, ...]) -> list[tuple[str, nn.Linear]]:
    """The layers that get an adapter: those whose names end as asked, else all but the output head.

    Raises UserError if there is none.
    """
    find_head = getattr(model, "get_output_embeddings", None)
    head = find_head() if callable(find_head) else None
    found = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Linear) and m is not head and _plain(m)]
    for ending in targets if found else ():
        if not any(n.endswith(ending) for n, _ in found):
            there = sorted({n.rpartition(".")[2] for n, _ in found})
            told = f"targets: no linear layer's name ends with {ending!r}{nearest(ending, there)}"
            raise UserError(f"{told} (there is: {', '.join(there)})")
    if not found:
        raise UserError("this policy has no linear layer that an adapter could sit on; use kind = 'full'")
    return [(n, m) for n, m in found if not targets or n.endswith(targets)]


def _plain(layer: nn.Linear) -> bool:
    """Whether a linear layer gives what it computes: what chooses experts may be one of a kind of its own that gives
    several things.
    """
    return type(layer) is nn.Linear or isinstance(layer(layer.weight.new_zeros(1, layer.in_features)), Tensor)


def _draws(name: str, layer: nn.Linear, run_seeds: list[int], rank: int) -> Tensor:
    """Start of A, [R, rank, in]: uniform with the bound of a linear layer, named by seed and layer."""
    bound = layer.in_features**-0.5
    shape = (rank, layer.in_features)
    drawn = {s: seeds.generator(f"init/{s}/{name}").uniform(-bound, bound, shape) for s in dict.fromkeys(run_seeds)}
    each = {seed: torch.from_numpy(values).float().to(layer.weight.device) for seed, values in drawn.items()}
    return torch.stack([each[seed] for seed in run_seeds])
