"""What else is there to know of a run, beside its axes and flags? All that metrics tell of one, or why they cannot."""

from __future__ import annotations

from importlib import import_module

from rewardbench import find
from rewardbench.results import Loaded
from rewardbench.types import Anchor, Numbers, Told, UserError


def beside(run: Loaded, anchor: Anchor | None) -> tuple[dict[str, dict[str, float | None]], dict[str, str]]:
    """(metric -> name -> number or None, `metric` or `metric.name` -> why there is none), for every metric's file that
    has an `of_run`.

    Numbers are of one run: with other seeds beside it they have an interval, and alone they are anecdotes.
    """
    values: dict[str, dict[str, float | None]] = {}
    reasons: dict[str, str] = {}
    for name in find.files("metrics"):
        measure = getattr(import_module(f"rewardbench.metrics.{name}"), "of_run", None)
        if measure is None:
            continue
        values[name] = {}
        if run.curve is None or len(run.curve.steps) < 2:
            reasons[name] = "fewer than two evaluations were recorded"
            continue
        try:
            found: Numbers = measure(Told(run.curve, anchor, run.rows))
        except UserError as error:
            reasons[name] = str(error)
            continue
        values[name] = {key: None if isinstance(value, str) else float(value) for key, value in found.items()}
        reasons |= {f"{name}.{key}": value for key, value in found.items() if isinstance(value, str)}
    return values, reasons
