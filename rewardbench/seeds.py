"""Where does chance come from? From named streams: the same name gives the same numbers, other names none in common.

Never `seed + i`: neighbouring seeds would share most of their data.
"""

from __future__ import annotations

import hashlib
import threading
from random import Random

import numpy as np

from rewardbench.types import Floats


def stream(name: str) -> Random:
    """A standard-library generator named by a path such as `train/1/0/3`.

    >>> stream("a/1").random() == stream("a/1").random() != stream("a/2").random()
    True
    """
    return Random(name)


def generator(name: str) -> np.random.Generator:
    """A NumPy generator (Philox, counter-based) whose key is the hash of the name.

    >>> bool(generator("x").random() == generator("x").random())
    True
    """
    return np.random.Generator(np.random.Philox(key=int.from_bytes(_key(name), "little")))


def _key(name: str) -> bytes:
    """16 bytes that stand for a name."""
    return hashlib.sha256(name.encode()).digest()[:16]


def uniforms(name: str, count: int) -> Floats:
    """`count` float64 numbers in [0, 1) of the named stream; a longer draw starts with the shorter one.

    >>> bool((uniforms("x", 5)[:3] == uniforms("x", 3)).all())
    True
    """
    place = _own.place
    place["state"]["key"] = np.frombuffer(_key(name), dtype="<u8").astype(np.uint64)
    _own.bits.state = place
    return _own.draw.random(count)


class _Own(threading.local):
    """A thread's own generator, put at the start of one stream after the other: to make one takes six times as long,
    and every completion asks for a stream of its own.
    """

    def __init__(self) -> None:
        self.bits = np.random.Philox(key=0)
        self.place = self.bits.state
        self.draw = np.random.Generator(self.bits)


_own = _Own()


def split_of(content: str) -> str:
    """`train` (8 in 10), `dev` or `test` (1 in 10 each), decided by the content alone.

    A generated task draws until the content falls into the asked split: splits are then disjoint by
    construction, whatever the seeds.

    >>> sorted({split_of(str(i)) for i in range(99)})
    ['dev', 'test', 'train']
    """
    bucket = hashlib.sha256(content.encode()).digest()[0] % 10
    return {0: "dev", 1: "test"}.get(bucket, "train")
