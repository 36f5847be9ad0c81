"""How does a name become a design, ready to score?"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Container
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import UnionType
from typing import Any, get_origin, get_type_hints

from rewardbench import design as designs_
from rewardbench import typed
from rewardbench.calling import ANSWERS, LISTS, SINGLE, Bound, needed
from rewardbench.conventions import Reading, read
from rewardbench.find.functions import arms, as_named, callable_of, design_of, located, parts
from rewardbench.find.names import unknown, why
from rewardbench.find.tasks import gold, task, task_folder, task_folders
from rewardbench.levels import spread, takes_text
from rewardbench.oracle import oracle
from rewardbench.scoring import Contestant
from rewardbench.types import Design, Part, UserError


def task_designs(task_name: str) -> dict[str, Path]:
    """Name -> file of the designs in a task's folder."""
    return {p.stem: p for p in sorted((task_folder(task_name) / "designs").glob("*.toml"))}


def design(asked: str | Design, task_name: str) -> Design:
    """A design by its name in the task, an arm, a `.toml`, or `file.py:name`, `module:name`: a function, which is a
    design of one part, or a `Design`; or such an object itself.

    Parts that are a user's own carry the hash of their source; `asked` paths are resolved by the caller's folder.
    """
    if isinstance(asked, Design):
        return _resolved(designs_.written(asked), Path())
    if any("\ud800" <= c <= "\udfff" for c in asked):  # what a file name holds that is no UTF-8: no id can be made
        raise UserError(f"design {asked!r}: its name is not UTF-8; rename the file")
    own = task_designs(task_name)
    if asked in own:
        return _resolved(designs_.parse(own[asked].read_text(encoding="utf-8"), asked), own[asked].parent)
    if asked in arms():
        return arm(asked)
    if asked in parts():
        return _resolved(Design(asked.rpartition(".")[2], (Part(asked.rpartition(".")[2], asked),)), Path())
    if asked.endswith(".toml"):
        path = Path(asked)
        return _resolved(designs_.parse(_text(path, asked), path.stem), path.parent)
    if ":" in asked:
        return _users(asked)
    if asked.endswith(".py") and Path(asked).is_file():
        raise UserError(f"design {asked!r}: say which of its functions, as in {as_named(asked)}")
    raise unknown(f"design of {task_name}", asked, [*own, *arms()])


def _users(asked: str) -> Design:
    """What a user's own `file.py:name` or `module:name` is: a design, whose parts may name files beside it, or a
    function.
    """
    name = asked.rpartition(":")[2]
    part = _located(Part(name, asked), Path())
    if (made := design_of(part)) is None:
        return _resolved(Design(name, (part,)), Path())
    return _resolved(designs_.written(made[0]), made[1])


def owners(asked: str) -> list[str]:
    """The tasks that have a design of that name, or an arm: every task has those."""
    return [name for name in task_folders() if asked in task_designs(name) or asked in arms()]


def is_users(asked: str) -> bool:
    """Whether a name may mean a user's own code, which is loaded behind the fence and nowhere else."""
    return ":" in asked or asked.endswith(".toml")


def variables(asked: str) -> frozenset[str]:
    """The environment variables that a user's own `.toml` names; nothing of the user's is loaded to tell."""
    if not asked.endswith(".toml") or not Path(asked).is_file():
        return frozenset()
    return designs_.variables(designs_.parse(_text(Path(asked), asked), Path(asked).stem))


def own_file(asked: str | Design, name: str) -> dict[str, Path]:
    """Where under `sources` a user's own `.toml` of a design is copied to, and where it lies now; else nothing.

    A run records what a design pays; its summary, and the file to run again, are there.
    """
    own = isinstance(asked, str) and asked.endswith(".toml")
    return {f"designs/{name}.toml": Path(str(asked))} if own else {}


def _text(path: Path, asked: str) -> str:
    """A user's design file as text."""
    if not path.is_file():
        raise UserError(f"no design file {asked!r}", 5)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"design file {asked!r} cannot be read: {why(error)}", 5) from error


def arm(name: str) -> Design:
    """A reference entry as a design."""
    if name == "untrained":
        return Design(name, trains=False)
    return Design(name, (Part(name, "oracle" if name == "oracle" else f"null.{name}"),))


def _resolved(found: Design, folder: Path) -> Design:
    """The design with each part's form and, for a user's own part, its source's path and hash."""
    return replace(found, parts=tuple(_resolve(p, folder) for p in found.parts))


def _resolve(part: Part, folder: Path) -> Part:
    """One part looked up once, so that a wrong name or parameter is found before anything runs."""
    part = _located(part, folder) if ":" in part.use else part
    function = callable_of(part)
    _check_params(part, function)
    if ":" not in part.use:
        if hasattr(function, "check"):  # its params have a grammar of their own
            function.check(**part.params)
        return _levelled(replace(part, form=str(getattr(function, "form", "text"))), function)
    reading = _reading(part, function)
    named = None if reading.convention == "trl" and _is_trl(part, function) else reading.convention
    return _levelled(replace(part, form=reading.form, convention=named), reading.call)


def _located(part: Part, folder: Path) -> Part:
    """A user's own part with its source's path and hash."""
    try:
        use, source = located(part.use, folder)
    except UserError as error:
        raise UserError(f"part {part.name!r}: {error}", error.code) from error
    return replace(part, use=use, source=source)


def _levelled(part: Part, call: Callable[..., Any]) -> Part:
    """The part; UserError where it has a level and reads no text that could be cut."""
    if part.level is not None and (part.form != "text" or not takes_text(call)):
        reads = "messages" if part.form != "text" else "token ids"
        raise UserError(f"part {part.name!r} reads {reads}, so level = {part.level!r} has no text to cut")
    return part


def _is_trl(part: Part, function: Callable[..., Any]) -> bool:
    """Whether a part would be read as TRL calls one if nobody said so: then that is not written down."""
    try:
        return read(function, part.params).convention == "trl"
    except UserError:
        return False


def _reading(part: Part, function: Callable[..., Any], task_name: str = "") -> Reading:
    """How a user's own part is called; raises UserError that names it."""
    named = part.convention is not None or part.form == "messages"  # "text" is also what nobody has written
    try:
        return read(function, part.params, part.convention, part.form if named else None, task_name)
    except UserError as error:
        raise UserError(f"part {part.name!r}: {error}", error.code) from error


def check_params(design: Design) -> None:
    """Raise UserError for a parameter that a part's function does not have."""
    for part in design.parts:
        _check_params(part, callable_of(part))


def _check_params(part: Part, function: Callable[..., Any]) -> None:
    """Raise UserError for a parameter that the part's function does not have."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    for key, given in part.params.items():
        if key in parameters and ":" not in part.use:
            _check_type(part, function, key, given)
        if key not in parameters:
            free = [n for n, p in parameters.items() if p.default is not p.empty or ":" in part.use]
            free = [name for name in free if name not in (*LISTS, *SINGLE)]  # what the scorer gives is no parameter
            raise UserError(
                f"part {part.name!r} ({part.use.rpartition('/')[2]}) has no parameter {key!r}"
                f"{designs_.nearest(key, free)} (it has: {', '.join(free) or 'none'})"
            )


def columns(part: Part) -> list[str]:
    """The columns without which a part cannot be called."""
    if part.use == "oracle":
        return []
    function = callable_of(part)
    asked = _reading(part, function).columns if ":" in part.use else needed(function)
    return sorted(set(asked) - set(part.params))


def lacking(part: Part, there: Container[str]) -> str:
    """The first column that a part needs and that is not there; any answer column stands for another. "" for none."""
    answered = any(name in there for name in ANSWERS)
    return next((n for n in columns(part) if n not in there and not (n in ANSWERS and answered)), "")


def check_columns(design: Design, task_name: str, there: Collection[str]) -> None:
    """Raise UserError where a part of a design asks for a column that a task does not have."""
    for part in design.parts:
        if name := lacking(part, there):
            asks = f"part {part.name!r} of design {design.name!r} needs the column {name!r}"
            has = f"{designs_.nearest(name, there)} (it has: {', '.join(sorted(there)) or 'none'})"
            none = f"and {task_name} has no answer column" if name in ANSWERS else f"which {task_name} does not have"
            raise UserError(f"{asks}, {none}{has}")


def _check_type(part: Part, function: Callable[..., Any], key: str, given: Any) -> None:
    """Raise UserError where a shipped part's parameter is annotated as a number or a text and is given another."""
    try:
        hint = get_type_hints(function).get(key, Any)
    except NameError:  # names that only a type checker knows
        return
    if hint in typed.PLAIN or get_origin(hint) is UnionType:
        typed.value(hint, given, f"part {part.name!r} ({part.use}): {key}")


def bind(found: Design, task_name: str, sources: Path | None = None) -> Contestant:
    """The design with its functions, ready to score; `rewardbench.design` itself stays pure."""
    if [p.use for p in found.parts] == ["oracle"]:
        return Contestant(found, oracle=oracle(gold(task_name), task(task_name)))
    if any(p.use == "oracle" for p in found.parts):
        raise UserError(f"design {found.name!r} uses gold as a part; only the arm `oracle` may")
    bounds = []
    for part in found.parts:
        function = callable_of(part, sources)
        pure = bool(getattr(function, "pure", False))
        if ":" in part.use:
            call = _reading(part, function, task_name).call
        else:
            call = partial(function, **part.params) if part.params else function
        call = call if part.level is None else spread(call, part.level)
        bounds.append(Bound(part.name, call, part.form, trusted=":" not in part.use, pure=pure))
    return Contestant(found, tuple(bounds))
