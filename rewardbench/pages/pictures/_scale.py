"""Where does a value stand on an axis? From numbers to coordinates, and the ticks between."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10, sqrt


@dataclass(frozen=True)
class Scale:
    """An axis: values low..high at coordinates start..end; `root` spaces by the square root (from 0)."""

    low: float
    high: float
    start: float
    end: float
    root: bool = False

    def __call__(self, value: float) -> float:
        """The coordinate of a value; NaN stays NaN.

        >>> Scale(0, 4, 10, 50, root=True)(1)
        30.0
        """
        a, b, v = (self._bent(x) for x in (self.low, self.high, value))
        return self.start + (v - a) / (b - a) * (self.end - self.start)

    def _bent(self, value: float) -> float:
        return sqrt(max(value, 0.0)) if self.root and value == value else value


def reach(values: Iterable[float], *always: float) -> tuple[float, float]:
    """(low, high) of all finite values and those always shown, never equal.

    >>> reach([float("nan"), .2], 0), reach([1.0])
    ((0, 0.2), (0.5, 1.5))
    """
    known = [v for v in (*values, *always) if isfinite(v)] or [0.0]
    low, high = min(known), max(known)
    return (low, high) if high - low > 1e-9 else (low - 0.5, high + 0.5)


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers from low to high, about as many as wanted.

    >>> ticks(0, 1), ticks(-.83, 1.1, 4)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [-0.5, 0.0, 0.5, 1.0])
    """
    rough = (high - low) / max(wanted, 1)
    unit = 10.0 ** floor(log10(rough))
    step = next(m * unit for m in (1, 2, 5, 10) if m * unit >= rough * 0.999)
    return [round(i * step, 10) + 0.0 for i in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def root_ticks(scale: Scale, gap: float = 26.0) -> list[float]:
    """Round numbers of a root scale, at least `gap` apart.

    >>> root_ticks(Scale(0, 200, 0, 150, root=True))
    [0.0, 10.0, 50.0, 100.0, 200.0]
    """
    power = floor(log10(scale.high))
    round_ = [m * 10.0**p for p in range(power - 3, power + 1) for m in (1, 2, 5)]
    kept = [0.0]
    for value in [v for v in round_ if v <= scale.high * 1.0001]:
        if scale(value) - scale(kept[-1]) >= gap:
            kept.append(value)
    return kept


def short(value: float) -> str:
    """A number as axes say it.

    >>> short(0.25), short(120000), short(1.5e6), short(-0.5), short(-0.0)
    ('0.25', '120k', '1.5M', '−0.5', '0')
    """
    size, unit = (1e6, "M") if abs(value) >= 1e6 else (1e3, "k") if abs(value) >= 1e4 else (1.0, "")
    return f"{value / size:z.4g}{unit}".replace("-", "−")
