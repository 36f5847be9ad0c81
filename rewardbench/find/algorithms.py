"""How does a name become an algorithm, with its hyperparameters set?"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rewardbench import typed
from rewardbench.find.functions import as_named, callable_of, own_part
from rewardbench.find.names import files, unknown
from rewardbench.types import Algorithm, Part, UserError


def algorithm(
    asked: str, options: Mapping[str, Any] | None = None, source: str = "", sources: Path | None = None
) -> Algorithm:
    """An algorithm by its file's name, or a user's `file.py:Class`, with hyperparameters set.

    With `source` (the file's hash) a user's own is read from its copy under `sources`.
    """
    if ":" in asked:
        part = Part("algorithm", asked, source=source) if source else own_part(asked)
        kind = callable_of(part, sources)
    else:
        if asked.endswith(".py") and Path(asked).is_file():
            raise UserError(f"algorithm {asked!r}: say which of its classes, as in {as_named(asked, ast.ClassDef)}")
        known = files("algorithms")
        if asked not in known:
            raise unknown("algorithm", asked, known)
        module = importlib.import_module(f"rewardbench.algorithms.{asked}")
        kind = getattr(module, "".join(w.capitalize() for w in asked.split("_")))
    if not (isinstance(kind, type) and issubclass(kind, Algorithm)):
        raise UserError(f"algorithm {Path(asked).name!r} is no dataclass derived from rewardbench.Algorithm")
    given = typed.values(kind, options or {}, f"algorithm {Path(asked).name!r}")
    try:
        return kind(**given)
    except (TypeError, ValueError) as error:
        raise UserError(f"algorithm {Path(asked).name!r}: {error}") from error


def is_algorithm(asked: str) -> bool:
    """Whether a name means an algorithm: a shipped one, or a user's class that is one or has `advantages` as they do,
    whose `Algorithm` was forgotten.
    """
    if ":" not in asked:
        return asked in files("algorithms")
    try:
        found = callable_of(own_part(asked))
    except UserError:
        return False  # what is wrong with it is said by whoever takes it for something else
    return isinstance(found, type) and (issubclass(found, Algorithm) or hasattr(found, "advantages"))
