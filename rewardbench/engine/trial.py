"""Do torch and the shipped policy work on this machine? Run as a process of its own: a broken torch ends nothing else.

`python -m rewardbench.engine.trial` prints a line of JSON after each thing that worked, so that the first one missing
is the one that did not; `… trial card` says which GPU there is, and how much of it is free.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from rewardbench.engine import driver
from rewardbench.policies.settings import HERE, open_folder


def loaded() -> dict[str, Any]:
    """What torch says of itself and of the machine."""
    import torch

    cards = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    return {"torch": torch.__version__, "devices": ["cpu", *cards]}


def repeats() -> dict[str, bool]:
    """Whether learning twice from the same numbers, on one thread, gives the same bytes."""
    return {"deterministic": _gradient() == _gradient()}


def _gradient() -> bytes:
    """The gradient of a small net, from a fixed seed."""
    import torch

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.Tanh(), torch.nn.Linear(64, 1))
    net(torch.randn(256, 64)).square().mean().backward()
    grads = [p.grad for p in net.parameters()]
    return b"".join(g.numpy().tobytes() for g in grads if g is not None)


def decoded(name: str = "tiny") -> dict[str, Any]:
    """What a shipped policy says to a prompt, and whether it says it again under the same noise."""
    from rewardbench.engine.sample import sample
    from rewardbench.engine.stack import stack
    from rewardbench.policies.load import load
    from rewardbench.types import Prompt, Task, Want

    policy = load(open_folder(name, HERE / name))
    s = policy.settings
    stacked = stack(policy.model, [1], s.kind, s.rank, s.alpha, s.targets)
    asked = Want([Prompt("a", text="Write a story about a dog.")], 2)
    task = Task(prompts=lambda split, seed: iter(asked.prompts), max_tokens=12)
    said = [batch.text for _ in range(2) for batch in sample(policy, stacked, task, [asked], ["s"], 12) if batch]
    return {"policy": name, "said": said[0][0][0], "repeats": said[0] == said[1]}


def card() -> dict[str, Any] | None:
    """The first GPU's name and its free bytes; None if torch finds none. Where a driver names one that torch was built
    for, torch is not asked: that takes seconds, and a worker says so where it cannot use the card after all.
    """
    if (told := driver.first()) is not None:
        return told
    import torch

    if not torch.cuda.is_available():
        return None
    return {"name": torch.cuda.get_device_name(0), "free": torch.cuda.mem_get_info(0)[0]}


def _tell(found: Mapping[str, Any] | None) -> None:
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    for stage in (card,) if sys.argv[1:] == ["card"] else (loaded, repeats, decoded):
        _tell(stage())
