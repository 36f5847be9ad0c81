"""How does a part's name become a function: a shipped one, one of a user's file, or a module's?"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
import types as python_types
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from rewardbench import data
from rewardbench.find.names import PACKAGE, importing, unknown, why
from rewardbench.policies import settings as policies_
from rewardbench.types import Design, Part, UserError

PART_FOLDERS = ("rewards", "reward_models/parts")


@cache
def parts() -> Mapping[str, str]:
    """Name (`topic.part`) -> first docstring line of every shipped part: a public function of completions."""
    found = {}
    for path in part_files().values():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
                names = [a.arg for a in [*node.args.args, *node.args.kwonlyargs]]
                if "completions" in names:
                    found[f"{path.stem}.{node.name}"] = (ast.get_docstring(node) or "").split("\n")[0]
    return found


def part_files() -> dict[str, Path]:
    """Topic -> file of the shipped parts: those of `rewards/`, and those that need a model or a judge.

    Raises UserError where two files have one topic.
    """
    found: dict[str, Path] = {}
    for folder in PART_FOLDERS:
        for path in sorted((PACKAGE / folder).glob("[!_]*.py")):
            if path.stem in found:
                raise UserError(f"topic {path.stem!r} is in {found[path.stem].parent.name} and in {folder}", 1)
            found[path.stem] = path
    return found


def arms() -> dict[str, str]:
    """Name -> meaning of the reference entries that every task has."""
    null = {n.removeprefix("null."): s for n, s in parts().items() if n.startswith("null.")}
    return {
        "untrained": "The policy as it is: evaluated, never taught.",
        **null,
        "oracle": "Gold as reward: the upper anchor, never a contestant.",
    }


def callable_of(part: Part, sources: Path | None = None) -> Callable[..., Any]:
    """The function a part uses: shipped, a user's file (its copy under `sources` if given), or a module's."""
    if ":" not in part.use:
        known = parts()
        if part.use not in known:
            raise unknown("part", part.use, known)
        topic, _, name = part.use.rpartition(".")
        place = ".".join(part_files()[topic].relative_to(PACKAGE).with_suffix("").parts)
        shipped: Callable[..., Any] = getattr(importlib.import_module(f"rewardbench.{place}"), name)
        return shipped
    place, _, name = part.use.rpartition(":")
    module = _module_of(part, sources)
    if not callable(getattr(module, name, None)):
        there = [n for n, v in vars(module).items() if _is_entry(v, module.__name__) and not n.startswith("_")]
        raise unknown(f"function or design in {Path(place).name}", name, there)
    own: Callable[..., Any] = getattr(module, name)
    return own


def _is_entry(value: object, module: str) -> bool:
    """Whether a name of a user's module may be asked for: a function, a class, or a design; not one that was imported
    from another's package.
    """
    made = not hasattr(value, "__name__")  # by a call here, of whatever was imported
    own = made or str(getattr(value, "__module__", "")).partition(".")[0] == module.partition(".")[0]
    return isinstance(value, Design) or (callable(value) and own)


def design_of(part: Part) -> tuple[Design, Path] | None:
    """The design that a user's `file.py:name` or `module:name` is, and the folder of its file; None: it is none."""
    place, _, name = part.use.rpartition(":")
    module = _module_of(part)
    file = Path(place if is_copied(part) else module.__file__ or "")  # equal files in two folders are one module
    found = getattr(module, name, None)
    return (found, file.parent) if isinstance(found, Design) else None


def _module_of(part: Part, sources: Path | None = None) -> python_types.ModuleType:
    """The module of a user's own part."""
    place = part.use.rpartition(":")[0]
    return _user_file(Path(place), part.source, sources) if is_copied(part) else _user_module(place, part.source)


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def functions_in(path: Path, *kinds: type[ast.AST]) -> list[str]:
    """The public functions, classes and designs of a user's file, or what of it is of these `kinds`, read without
    running it; none where it does not parse.
    """
    try:
        body = ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return []
    named = [node.name for node in body if isinstance(node, FUNCTIONS) and isinstance(node, kinds or FUNCTIONS)]
    for node in body if not kinds else ():
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        if ast.unparse(node.value.func).rpartition(".")[2] == "Design":
            named += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return [name for name in named if not name.startswith("_")]


def as_named(asked: str, *kinds: type[ast.AST]) -> str:
    """How the functions of a user's file `asked` (of these `kinds`) are named: those there are, or by an example."""
    return " or ".join(f"{asked}:{name}" for name in functions_in(Path(asked), *kinds)[:5] or ["name"])


def _user_file(path: Path, source: str, sources: Path | None) -> python_types.ModuleType:
    """A user's file under a private module name, executed once."""
    if sources is not None and source:
        path = sources / source[:16] / path.name
        if not path.is_file() or policies_.file_digest(path) != source:
            raise UserError(f"sources/{source[:16]}/{path.name} is missing or was changed since the sweep began", 5)
    missing = 6 if sources is None else 5  # it was imported when the sweep began: now this machine lacks something
    private = f"_rewardbench_user_{source[:16]}_{path.stem}"
    if private in sys.modules:
        return sys.modules[private]
    spec = importlib.util.spec_from_file_location(private, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[private] = module
    try:
        with importing(path.name, missing):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[private]
        raise
    return module


def located(asked: str, folder: Path = Path()) -> tuple[str, str]:
    """A user's own function as `file.py:name` with the whole path, or `package.module:name`, and its source's hash.

    `asked` is `file.py:name`, read from `folder`, or `module:name`; a module that is a file by itself is that file,
    so that a sweep can keep a copy of it. The hash is "" where a module has no source. Raises UserError.
    """
    place, _, name = asked.rpartition(":")
    if place.endswith(".py"):
        path = (folder / place).resolve()
        try:
            if not path.is_file():
                raise UserError(f"no file {place!r}", 5)
            return f"{path}:{name}", policies_.file_digest(path)
        except OSError as error:  # said here: behind the fence it would be taken for the function's own
            raise UserError(f"file {place!r} cannot be read: {why(error)}", 5) from error
    path, whole = _place_of(place)
    alone = whole == path and path.suffix == ".py" and path.is_file()  # not in a zip
    return (f"{path}:{name}" if alone else asked), _digest_of(path, whole)


def own_part(asked: str) -> Part:
    """A name as a part: a user's own `file.py:name` or `module:name` with its place and hash, another as it is."""
    use, source = located(asked) if ":" in asked else (asked, "")
    return Part(asked.rpartition(":")[2], use, source=source)


def is_copied(part: Part) -> bool:
    """Whether a part is a function of a user's own file, of which a sweep keeps a copy; not of an installed module."""
    return part.use.rpartition(":")[0].endswith(".py")


def copy_of(part: Part) -> tuple[str, Path]:
    """Where under `sources` a user's own file is copied to, and where it lies now."""
    path = Path(part.use.rpartition(":")[0])
    return f"{part.source[:16]}/{path.name}", path


def _place_of(name: str) -> tuple[Path, Path]:
    """Where a module's source lies, and that of all it belongs to: itself, or the folder of its outermost package.

    Packages above it are imported.
    """
    if not all(word.isidentifier() for word in name.split(".")):
        raise UserError(f"{name!r} is no module's name; write module:name, or path/file.py:name")
    with importing(f"module {name!r}"):
        spec, outer = (importlib.util.find_spec(one) for one in (name, name.partition(".")[0]))
        if spec is None or outer is None:
            raise ModuleNotFoundError(f"No module named {name!r}")
    path = Path(spec.origin or "")
    if outer.submodule_search_locations is None:
        return path, path
    return path, Path(outer.origin).parent if outer.origin else path.parent  # a namespace has no one folder


def _digest_of(path: Path, whole: Path) -> str:
    """The hash of a module's file, or of all Python files of its package; "" where it has no source."""
    if path.suffix != ".py" or not path.is_file():
        return ""
    return policies_.file_digest(path) if whole == path else data.together(data.files_of(whole, "*.py"))


def _user_module(name: str, source: str) -> python_types.ModuleType:
    """An installed module; UserError (code 5) where its source is not the one whose hash is known."""
    if source and _digest_of(*_place_of(name)) != source:
        raise UserError(f"module {name!r}, or another of its package, was changed since the sweep began", 5)
    with importing(f"module {name!r}"):
        return importlib.import_module(name)
