"""How do I use these measures inside Hugging Face `evaluate`? As modules, without the hub.

`evaluate.combine([module("distinct_n", n=1), module("self_bleu")])` works; loading by name from the hub is
never needed. A module's own bootstrap resamples examples of one run: never take it for seed uncertainty.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rewardbench import measures, stats
from rewardbench.types import UserError

if TYPE_CHECKING:
    from evaluate import EvaluationModule

INPUTS = {
    ("texts",): {"data": "string"},
    ("text",): {"data": "string"},
    ("a", "b"): {"predictions": "float64", "references": "float64"},
}
"""First parameters of a measure -> the columns that `evaluate` collects for it; one of a text alone is averaged."""


def names() -> list[str]:
    """The measures that can be modules: of a set of texts, of each text, or of two lists of numbers.

    >>> "self_bleu" in names()
    True
    """
    return sorted(_measures())


def _measures() -> dict[str, Callable[..., float]]:
    """Name -> function, read off the folder of measures (and the statistics) by signature: no list to keep."""
    folders = (measures, stats)
    files = [(f.__name__, path.stem) for f in folders for path in sorted(Path(f.__path__[0]).glob("[!_]*.py"))]
    found: dict[str, Callable[..., float]] = {}
    for home in (import_module(f"{folder}.{stem}") for folder, stem in files):
        for name, function in inspect.getmembers(home, inspect.isfunction):
            if function.__module__ == home.__name__ and not name.startswith("_") and _inputs(function):
                if name in found:
                    raise UserError(f"measure {name!r} is in {found[name].__module__} and in {home.__name__}", 1)
                found[name] = function
    return found


def _inputs(function: Callable[..., Any]) -> dict[str, str] | None:
    """The columns of a measure, or None if it takes something else or gives no number."""
    signature = inspect.signature(function)
    if signature.return_annotation != "float":
        return None
    needed = tuple(p.name for p in signature.parameters.values() if p.default is inspect.Parameter.empty)
    return INPUTS.get(needed)


def module(name: str, **params: Any) -> EvaluationModule:
    """A measure as an `evaluate` module: a Measurement of texts, or a Metric of two lists of numbers.

    A measure of one text gives the mean over the texts.
    """
    measures = _measures()
    if name not in measures:
        raise UserError(f"no measure {name!r}; there are: {', '.join(measures)}")
    import evaluate  # takes seconds to import: only for those who ask
    from datasets import Features, Value

    function = measures[name]
    apart = "text" in inspect.signature(function).parameters
    columns = _inputs(function) or {}
    on_texts = "data" in columns
    info = evaluate.MeasurementInfo if on_texts else evaluate.MetricInfo
    features = Features({column: Value(kind) for column, kind in columns.items()})

    def _info(self: Any) -> Any:
        return info(
            description=inspect.getdoc(function) or "", citation="", inputs_description="", features=features
        )

    def _compute(self: Any, **inputs: Any) -> dict[str, float]:
        if apart:
            return {name: fmean(function(text, **params) for text in inputs["data"])}
        return {name: function(*(inputs[column] for column in columns), **params)}

    base = evaluate.Measurement if on_texts else evaluate.Metric
    title = "Rewardbench" + "".join(word.title() for word in name.split("_"))
    made: EvaluationModule = type(
        title, (base,), {"_info": _info, "_compute": _compute, "__module__": __name__}
    )()
    return made
