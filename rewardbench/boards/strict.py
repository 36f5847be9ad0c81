"""How is a file of anybody's read, so that two readers see the same and none is worn out?

Python's JSON reader takes NaN, keeps the last of two equal keys, recurses as deep as it is told and makes integers of
any length; TOML's takes infinity. Here all of that is refused, and size and depth are known before anything is parsed.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from rewardbench.boards.finding import Refused, shown

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "V18"
TABLE = "V19"
DEEPEST = 24
"""Levels of a JSON or TOML file; ours have six."""
LARGEST = 2**63
STRINGS = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
"""A string, or what would be one if it ended: so that one pass suffices whatever the text."""
LINES = re.compile(r"""\"(?:[^"\\\n]|\\.)*+"?|'[^'\n]*+'?|\#[^\n]*+""")
"""The same of TOML, comments too; none of our files has a string of several lines."""
MOST_ROWS, MOST_GROUPS, MOST_BYTES = 5_000_000, 1_000, 2**30
"""Of a table: rows, row groups, and bytes of its texts once they are spread out."""


# --- JSON and TOML -------------------------------------------------------------------------------


def text(data: bytes, where: str) -> str:
    """UTF-8 text without a byte order mark or a NUL."""
    try:
        found = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(TEXT, f"{where} is not UTF-8 (byte {error.start})") from error
    if found.startswith("\ufeff") or "\0" in found:
        raise Refused(TEXT, f"{where} holds a byte order mark or a NUL")
    return found


def depth(plain: str, opening: str = "[{", closing: str = "]}") -> int:
    """The deepest nesting of a text whose strings were taken out.

    >>> depth('{"a": [1, [2]]}')
    3
    """
    deepest = now = 0
    for character in plain:
        if character in opening:
            now += 1
            deepest = max(deepest, now)
        elif character in closing:
            now -= 1
    return deepest


def loads(data: bytes, where: str) -> Any:
    """The value of a JSON file; Refused where readers could differ about it, or be worn out.

    >>> loads(b'{"a": 1e3}', "x.json")
    {'a': 1000.0}
    """
    told = text(data, where)
    if depth(STRINGS.sub("", told)) > DEEPEST:
        raise Refused(TEXT, f"{where} is nested deeper than {DEEPEST} levels")

    def refuse(what: str) -> NoReturn:
        raise Refused(TEXT, f"{where} {what}")

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) < len(items):
            keys = [k for k, _ in items]
            refuse(f"has the key {shown(next(k for k in keys if keys.count(k) > 1))} twice")
        return found

    def whole(digits: str) -> int:
        if len(digits) > 20 or abs(int(digits)) > LARGEST:
            refuse(f"holds the integer {shown(digits, 24)}, which is above 2**63")
        return int(digits)

    def real(digits: str) -> float:
        if not math.isfinite(float(digits)):
            refuse(f"holds {shown(digits, 24)}, which no double holds")
        return float(digits)

    def constant(name: str) -> NoReturn:
        refuse(f"holds {name}, which is no JSON")

    try:
        found = json.loads(told, object_pairs_hook=pairs, parse_int=whole, parse_float=real, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        raise Refused(TEXT, f"{where} is no JSON: {shown(str(error), 120)}") from error
    _encodable(found, where)
    return found


def toml(data: bytes, where: str) -> dict[str, Any]:
    """The tables of a TOML file; the same is refused as of JSON.

    >>> toml(b"a = 1", "x.toml")
    {'a': 1}
    """
    told = text(data, where)
    plain = LINES.sub("", told)
    if depth(plain) > DEEPEST or max((line.count(".") for line in plain.splitlines()), default=0) > DEEPEST:
        raise Refused(TEXT, f"{where} is nested deeper than {DEEPEST} levels, or has a key of as many words")
    try:
        found = tomllib.loads(told)
    except (ValueError, RecursionError) as error:
        raise Refused(TEXT, f"{where} is no TOML: {shown(str(error), 120)}") from error
    for value in _leaves(found):
        if isinstance(value, float) and not math.isfinite(value):
            raise Refused(TEXT, f"{where} holds {value}, which is no number")
        if isinstance(value, int) and abs(value) > LARGEST:
            raise Refused(TEXT, f"{where} holds an integer above 2**63")
    return found


def _leaves(found: Any) -> Iterable[Any]:
    """Every value that is no table and no list; without recursion."""
    stack = [found]
    while stack:
        value = stack.pop()
        if isinstance(value, Mapping):
            stack += value.values()
        elif isinstance(value, list):
            stack += value
        else:
            yield value


def _encodable(found: Any, where: str) -> None:
    """Refuse half a surrogate pair: it can be read and never be written."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise Refused(TEXT, f"{where} holds half a surrogate pair, which no text can") from error


# --- parquet -------------------------------------------------------------------------------------


def table(path: Path, wanted: Mapping[str, str], optional: Mapping[str, str], noted: Sequence[str], where: str) -> None:
    """Refuse a parquet file that is not exactly a table of these columns (name -> type), before its data is read;
    then one whose texts would fill the memory.

    `optional` columns may be there, and components of the parts `noted`. Extension types, and whatever rides along in
    the metadata, are refused.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            about, schema = file.metadata, file.schema_arrow
            groups = [about.row_group(i) for i in range(min(about.num_row_groups, MOST_GROUPS + 1))]
            spread = sum(g.column(c).total_uncompressed_size for g in groups for c in range(g.num_columns))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Refused(TABLE, f"{where} is no parquet file: {shown(str(error), 120)}") from error
    if about.metadata:
        raise Refused(
            TABLE, f"{where} carries metadata of its own ({shown(sorted(about.metadata)[0].decode('latin1'))})"
        )
    there = {f.name: str(f.type) for f in schema}
    if len(there) < len(schema):
        raise Refused(TABLE, f"{where} has a column twice")
    components = tuple(f"noted/{part}." for part in noted)
    for name in [*wanted, *there]:
        asked = wanted.get(name) or optional.get(name) or ("float" if name.startswith(components) else None)
        if there.get(name) != asked:
            has = f"is {there[name]}" if name in there else "is missing"
            raise Refused(TABLE, f"{where}: column {shown(name)} {has}, not {asked or 'in this table'}")
    if not 0 <= about.num_rows <= MOST_ROWS or len(groups) > MOST_GROUPS or spread > MOST_BYTES:
        raise Refused(TABLE, f"{where} has {about.num_rows} rows in {about.num_row_groups} groups, {spread} bytes")
    _read(path, [n for n, kind in there.items() if kind == "string"], where)


def _read(path: Path, texts: list[str], where: str) -> None:
    """Refuse a table with a cell missing, or whose texts are no UTF-8 or, spread out from their dictionary, larger
    than MOST_BYTES."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    total = 0
    try:
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            for batch in file.iter_batches(batch_size=1024, use_threads=False):
                batch.validate(full=True)
                for name, column in zip(batch.schema.names, batch.columns, strict=True):
                    if column.null_count:
                        raise Refused(TABLE, f"{where}: column {shown(name)} lacks a value")
                    total += _bytes(column) if name in texts else 0
                if total > MOST_BYTES:
                    raise Refused(TABLE, f"{where}: its texts fill more than {MOST_BYTES} bytes")
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Refused(TABLE, f"{where} is damaged: {shown(str(error), 120)}") from error


def _bytes(column: Any) -> int:
    """Bytes of a column of texts, each counted as often as it stands there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        return int(pc.sum(pc.cast(pc.binary_length(column), pa.int64())).as_py() or 0)
    lengths = pc.cast(pc.binary_length(column.dictionary), pa.int64())
    return int(pc.sum(lengths.take(column.indices)).as_py() or 0)
