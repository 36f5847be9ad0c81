"""Is a bundle of anybody's safe to read? An entry's folder, or a zip of one; what is unsafe is refused unopened.

Names come from the archive's index and are judged before a byte is unpacked; bytes are counted while they inflate,
since headers may say anything; links are not followed; then every file is read once by a strict reader. What comes
out holds an entry's files and nothing else, and can be read by code that trusts its form. Nothing of it is run.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rewardbench import __version__, trace
from rewardbench.boards import entries, rows, shapes, strict
from rewardbench.boards.finding import Refused, shown
from rewardbench.types import UserError

SHAPE, STRAY, NAMES, KINDS = "V01", "V03", "V04", "V29"
MOST_FILES = 2_000
MOST_RATIO = 100
"""Bytes that one byte of an archive may become."""
SMALL = 4_096
"""Bytes below which a ratio says nothing."""
MOST_TOTAL = 512 * 2**20
SLUG = r"(?:control/)?[a-z0-9_]+-[a-z0-9_-]+"
LAYOUT: Mapping[str, int] = {
    r"entry\.json": 2**20,
    r"manifest\.json": 2**20,
    SLUG + r"/spec\.toml": 2**16,
    SLUG + r"/runs\.json": 2**19,
    SLUG + r"/(?:scores|texts|steps)\.parquet": 128 * 2**20,
    r"sources/[0-9a-f]{16}/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.py": 2**20,
}
"""Pattern of a name -> the most bytes that such a file may have: what is no part of an entry has no place in one."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
CHUNK = 2**16


@dataclass(frozen=True)
class Member:
    """A file as an index names it; nothing of it was read."""

    name: str
    regular: bool
    what: str = ""
    """What it is, where it is no regular file."""


# --- names ---------------------------------------------------------------------------------------


def unsafe(name: str) -> str:
    """Why a name could reach outside of a folder or be read as another one; "" if it could not.

    >>> unsafe("../x"), unsafe("a/b.json")
    ("leaves its folder ('..')", '')
    """
    if any(unicodedata.category(c)[0] == "C" for c in name):
        return "holds a control or hidden character"
    if "\\" in name:
        return "holds a backslash"
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "is absolute"
    if ".." in name.split("/"):
        return "leaves its folder ('..')"
    if "" in name.split("/") or "." in name.split("/"):
        return "has an empty step, or '.'"
    return ""


def _same(name: str) -> str:
    """What a file system that ignores case, or composes letters, takes a name for."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def most(name: str) -> int | None:
    """The most bytes of a file of that name; None where an entry has no such file.

    >>> most("entry.json"), most("run.sh")
    (1048576, None)
    """
    return next((size for pattern, size in LAYOUT.items() if re.fullmatch(pattern, name)), None)


def check_names(members: Sequence[Member]) -> None:
    """Refuse an index with a name that is unsafe, clashes with another, is no regular file or no file of an entry."""
    if len(members) > MOST_FILES:
        raise Refused(STRAY, f"{len(members)} files; an entry has at most {MOST_FILES}")
    for one in members:
        if why := unsafe(one.name):
            raise Refused(NAMES, f"the name {shown(one.name)} {why}")
    seen: dict[str, str] = {}
    for one in members:
        if _same(one.name) in seen:
            raise Refused(NAMES, f"{shown(one.name)} and {shown(seen[_same(one.name)])} are one file to some systems")
        seen[_same(one.name)] = one.name
    for one in members:
        if not one.regular:
            raise Refused(KINDS, f"{shown(one.name)} is {one.what}")
    for one in members:
        if most(one.name) is None:
            raise Refused(STRAY, f"{shown(one.name)} is no file of an entry")
    for needed in ("entry.json", "manifest.json"):
        if needed not in seen.values():
            raise Refused(STRAY, f"{needed} is missing")


# --- opening -------------------------------------------------------------------------------------


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """The folder of a bundle's files, all of them checked: the folder itself, or a fresh one that a zip went into.

    Raises Refused (code 3) where something in it is unsafe, UserError (code 5) where there is no bundle.
    """
    if path.is_symlink() or not path.exists():
        raise UserError(f"no bundle {path.name!r}: give an entry's folder, or a .zip of one", 5)
    if path.is_dir():
        _check_entry(path)
        _check_folder(path)
        check_files(path)
        yield path
        return
    if not zipfile.is_zipfile(path):
        raise UserError(f"{path.name!r} is neither a folder nor a zip archive, or not the whole of one", 5)
    with tempfile.TemporaryDirectory(prefix="rbench-") as fresh:
        folder = Path(fresh) / "entry"
        _unpack(path, folder)
        check_files(folder)
        yield folder


def _check_entry(folder: Path) -> None:
    """Raise UserError (code 5) for a folder that is plainly something else than an entry's."""
    if any((folder / name).is_file() for name in ("entry.json", "manifest.json")):
        return
    if (folder / "sweep.toml").is_file():
        raise UserError(f"{shown(str(folder))} holds runs, no bundle: `rbench submit pack` makes one of them", 5)
    raise UserError(f"no bundle in {shown(str(folder))}: an entry's folder has entry.json and manifest.json", 5)


def _check_folder(folder: Path) -> None:
    """The rules of an index and of sizes, for a folder; no link is followed."""
    members, sizes = [], {}
    for place, folders, files in os.walk(folder, followlinks=False):
        links = [n for n in folders if (Path(place) / n).is_symlink()]
        for name in [*files, *links]:
            path = Path(place) / name
            mode = path.lstat().st_mode
            told = path.relative_to(folder).as_posix()
            members.append(Member(told, stat.S_ISREG(mode), _kind(mode)))
            sizes[told] = path.lstat().st_size
        if len(members) > MOST_FILES:
            break
    check_names(members)
    for name, size in sizes.items():
        _check_size(name, size)
    if sum(sizes.values()) > MOST_TOTAL:
        raise Refused(STRAY, f"its files have more than {MOST_TOTAL} bytes together")


def _check_size(name: str, size: int) -> None:
    if size > (most(name) or 0):
        raise Refused(STRAY, f"{shown(name)} has more than {most(name)} bytes")


def _kind(mode: int) -> str:
    """What a file's mode says that it is."""
    names = {stat.S_ISLNK: "a link", stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket"}
    return next((word for test, word in names.items() if test(mode)), "a device or no file")


def _unpack(path: Path, folder: Path) -> None:
    """A zip's files, written below `folder` once the whole index has passed."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [i for i in archive.infolist() if not _is_folder(i)]
            members = [_member(i) for i in infos]
            inside = _inside(members)
            check_names([Member(m.name.removeprefix(inside), m.regular, m.what) for m in members])
            left = min(MOST_TOTAL, max(path.stat().st_size * MOST_RATIO, SMALL))
            for info, member in zip(infos, members, strict=True):
                name = member.name.removeprefix(inside)
                data = _inflated(archive, info, name, left)
                left -= len(data)
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(data)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise Refused(STRAY, f"the archive is damaged: {shown(str(error), 120)}") from error


def _is_folder(info: zipfile.ZipInfo) -> bool:
    """Whether a member is a folder, which is made where a file needs it; one with an unsafe name is a member."""
    name = info.orig_filename
    return name.endswith("/") and not unsafe(name.rstrip("/")) and not stat.S_ISLNK(info.external_attr >> 16)


def _member(info: zipfile.ZipInfo) -> Member:
    """A member by the name that the archive has, not by what a reader makes of it."""
    mode = info.external_attr >> 16
    name = info.orig_filename
    if info.flag_bits & 0x1:
        return Member(name, False, "encrypted")
    if info.compress_type not in METHODS:
        return Member(name, False, "packed by another method than deflate")
    if stat.S_IFMT(mode) and not stat.S_ISREG(mode):
        return Member(name, False, _kind(mode))
    return Member(name, True)


def _inside(members: Sequence[Member]) -> str:
    """`<name>/` where the archive holds one folder with the entry in it; else nothing."""
    first = {m.name.partition("/")[0] for m in members}
    top = next(iter(first)) if len(first) == 1 else ""
    whole = all("/" in m.name for m in members)
    return f"{top}/" if top and whole and entries.NAME.fullmatch(top) and top not in (".", "..") else ""


def _inflated(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, left: int) -> bytes:
    """The bytes of a member, counted as they come."""
    found = bytearray()
    with archive.open(info) as stream:
        while chunk := stream.read(CHUNK):
            found += chunk
            _check_size(name, len(found))
            if len(found) > left or len(found) > max(SMALL, MOST_RATIO * info.compress_size):
                raise Refused(STRAY, f"{shown(name)} inflates to more than {MOST_RATIO} times its size")
    return bytes(found)


# --- files ---------------------------------------------------------------------------------------


def check_files(folder: Path) -> None:
    """Refuse a file that is not strictly JSON, TOML, UTF-8 or the table that it should be, or of another shape."""
    about = _json(folder / "entry.json", "entry.json", "entry")
    _json(folder / "manifest.json", "manifest.json", "manifest")
    for path in sorted(folder.glob("sources/*/*.py")):
        strict.text(path.read_bytes(), f"sources/{path.parent.name}/{path.name}")
    wanted = {entries.slug(t): t for t in about["tasks"]}
    there = {p.name for p in folder.iterdir() if p.is_dir() and p.name not in (entries.CONTROL, "sources")}
    for name in sorted(there ^ set(wanted)):
        what = "is no task of entry.json" if name in there else "is missing"
        raise Refused(STRAY, f"{shown(name)} {what}")
    for task in sorted(there):
        _check_task(folder / task, task, wanted[task])
    for place in sorted((folder / entries.CONTROL).glob("*")):
        if place.name not in wanted:
            raise Refused(STRAY, f"control/{place.name} is no task of entry.json")
        _check_task(place, f"control/{place.name}", wanted[place.name])


def _check_task(folder: Path, where: str, task: str) -> None:
    """The files of one task: all there, strictly readable, of the shape and the columns that the design has."""
    for name in entries.FILES:
        if not (folder / name).is_file():
            raise Refused(STRAY, f"{where}/{name} is missing")
    spec = strict.toml((folder / "spec.toml").read_bytes(), f"{where}/spec.toml")
    check_shape(spec, "spec", f"{where}/spec.toml")
    if spec["task"] != task:
        raise Refused(SHAPE, f"{where}/spec.toml is of task {shown(spec['task'])}")
    told = strict.loads((folder / "runs.json").read_bytes(), f"{where}/runs.json")
    check_shape({"runs": told}, "runs", f"{where}/runs.json")
    columns = expected(spec)
    for name in rows.TABLES:
        needed, optional = columns[name]
        path = folder / f"{name}.parquet"
        if name == "steps" and _is_empty(path):
            continue
        noted = [p["name"] for p in spec["design"].get("parts", [])] if name == "steps" else []
        strict.table(path, needed, optional, noted, f"{where}/{name}.parquet")


def _is_empty(path: Path) -> bool:
    """Whether a table of steps has neither columns nor rows: nothing was trained."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        about = pq.read_metadata(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Refused(strict.TABLE, f"{path.name} is no parquet file: {shown(str(error), 120)}") from error
    return bool(about.num_columns == 0 and about.num_rows == 0 and not about.metadata)


def expected(spec: Mapping[str, Any]) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Table -> (columns that it has, columns that it may have), name -> type, for a design's parts."""
    key = {"seed": "int64", "split": "string", "step": "int32", "prompt": "string", "k": "int16"}
    key |= {"temperature": "double"}
    parts = [p["name"] for p in spec["design"].get("parts", [])]
    scores = {"gold": "double", "class": "int32", "reward": "float", "kl": "float", "tokens": "int32"}
    scores |= {"ended": "bool", "entropy": "double", "charged": "int64"} | {f"part/{n}": "float" for n in parts}
    plain = ("ended", "entropy", "length", "reward", "reward_sd")
    steps = dict.fromkeys(plain, "float") | {"seed": "int64", "step": "int64", "dead": "double"}
    steps |= dict.fromkeys(rows.COUNTS, "int64")
    nested = {f"{outer}/{n}": "float" for outer in ("parts", "shares", "abstained") for n in parts}
    learnt = dict.fromkeys(("loss", "norm", "drift"), "float")
    return {
        "scores": (key | scores, {}),
        "texts": (key | {"prompt_text": "string", "text": "string"}, {"messages": "string"}),
        "steps": (steps | nested, learnt),
    }


def _json(path: Path, where: str, schema: str) -> Any:
    """A JSON file of the published shape."""
    found = strict.loads(path.read_bytes(), where)
    version = found.get("schema_version") if isinstance(found, dict) else None
    if isinstance(version, int) and version > trace.SCHEMA:
        this = f"rewardbench-suite {__version__} reads up to {trace.SCHEMA}"
        raise Refused(SHAPE, f"{where} has schema version {version}, and {this}: a later version can read it")
    check_shape(found, schema, where)
    return found


def check_shape(found: Any, schema: str, where: str) -> None:
    """Refuse what is not as a published schema says, with the first place that is not."""
    if why := shapes.fault(found, schema):
        raise Refused(SHAPE, f"{where}: {why}")
