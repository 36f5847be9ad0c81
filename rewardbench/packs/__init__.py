"""What is a pack? Runs that share one model: opened from their folders, saved after a step, put back after a kill."""

from rewardbench.packs.checkpoints import THREADS, large, restore, save, side_by_side
from rewardbench.packs.later import Clock, Later
from rewardbench.packs.opening import open_pack
from rewardbench.packs.pack import (
    Pack,
    Run,
    Say,
    alone,
    blame,
    blind,
    card_broke,
    fail,
    failing,
    pay,
    put_aside,
    settle,
    sizes,
    told,
    weights,
)

__all__ = [
    "THREADS",
    "Clock",
    "Later",
    "Pack",
    "Run",
    "Say",
    "alone",
    "blame",
    "blind",
    "card_broke",
    "fail",
    "failing",
    "large",
    "open_pack",
    "pay",
    "put_aside",
    "restore",
    "save",
    "settle",
    "side_by_side",
    "sizes",
    "told",
    "weights",
]
