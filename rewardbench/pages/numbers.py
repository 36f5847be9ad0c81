"""How is a number written for people? Fixed places where numbers stand below each other, a true minus sign."""

from __future__ import annotations


def fixed(value: float | None, places: int = 2) -> str:
    """A value of a known scale; a dash where it is not known.

    >>> fixed(0.872), fixed(-0.004), fixed(-0.51), fixed(None)
    ('0.87', '0.00', '−0.51', '–')
    """
    if value is None or value != value:
        return "–"
    return f"{round(value, places) + 0.0:.{places}f}".replace("-", "−")


def signed(value: float | None, places: int = 2) -> str:
    """A difference, its sign always there.

    >>> signed(0.061), signed(-0.9), signed(0.001)
    ('+0.06', '−0.90', '0.00')
    """
    shown = fixed(value, places)
    return f"+{shown}" if value is not None and value > 0 and float(shown) > 0 else shown


def raw(value: float | None, digits: int = 3) -> str:
    """A value of an unknown scale in a few digits, a whole number in all of its own.

    >>> raw(0.25), raw(12345.6), raw(0.000123), raw(12345), raw(4294967295), raw(-0.0), raw(None)
    ('0.25', '12 300', '0.000123', '12 345', '4 294 967 295', '0', '–')
    """
    if value is None or value != value:
        return "–"
    if value == round(value) and abs(value) < 1e10:
        return count(value)
    if not 1e-4 <= abs(value) < 1e9:
        return f"{value:.{digits - 1}e}".replace("-", "−")
    shown = float(f"{value:.{digits}g}")
    return f"{shown:,.8f}".rstrip("0").rstrip(".").replace(",", " ").replace("-", "−")


def count(value: float) -> str:
    """A number of things.

    >>> count(1234567)
    '1 234 567'
    """
    return f"{value:z,.0f}".replace(",", " ").replace("-", "−")


def chance(p: float | None) -> str:
    """A p-value.

    >>> chance(0.0000104), chance(0.0625), chance(1.0)
    ('< 0.001', '0.062', '1.000')
    """
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def bracket(low: float | None, high: float | None, places: int = 2) -> str:
    """An interval; nothing where there is none.

    >>> bracket(-0.5, 0.25), bracket(None, None)
    ('[−0.50, 0.25]', '')
    """
    return "" if low is None or high is None else f"[{fixed(low, places)}, {fixed(high, places)}]"


def listed(words: list[str]) -> str:
    """Words as a person lists them.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else "".join(words)
