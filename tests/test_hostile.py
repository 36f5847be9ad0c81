"""Does any doctored bundle pass? Each kind is made from a valid one, and each is found under exactly its code."""

import io
import json
import os
import random
import stat
import struct
import zipfile

import handed_in as made
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tomli_w
from handed_in import TASK, copied, counted, entry, kept, reruns, respec, retable, rewrite, sealed

from rewardbench import disk, find
from rewardbench.boards import bundle, rows, verify
from rewardbench.boards.finding import Refused
from rewardbench.plan import run_spec


def codes(verdict):
    """The codes that were found, but for marks."""
    return {f.code for f in verdict.findings if f.severity in ("reject", "flag")}


# --- archives: refused before anything is unpacked ------------------------------------------------


def members(folder):
    """(name, bytes) of an entry's files."""
    return [(p.relative_to(folder).as_posix(), p.read_bytes()) for p in sorted(folder.rglob("*")) if p.is_file()]


def zipped(path, files, deflate=False, modes=None):
    """An archive; names go in as they are."""
    method = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files:
            info = zipfile.ZipInfo("x")
            info.filename = name
            info.compress_type = method
            info.external_attr = (modes or {}).get(name, 0o100644) << 16
            archive.writestr(info, data)
    return path


def another(name, data=b"x", mode=0o100644):
    """An archive with one member more."""
    return lambda folder, path: zipped(path, [*members(folder), (name, data)], modes={name: mode})


def encrypted(folder, path):
    zipped(path, members(folder))
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\1\2")
    data[at + 8] |= 1
    path.write_bytes(bytes(data))
    return path


def packed_otherwise(folder, path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, data in members(folder):
            archive.writestr(name, data)
    return path


def bomb(folder, path):
    files = dict(members(folder))
    files["sources/0123456789abcdef/a.py"] = b" " * 2**20
    return zipped(path, files.items(), deflate=True)


def truncated(folder, path):
    zipped(path, members(folder))
    data = path.read_bytes()
    path.write_bytes(data[:200] + b"\0" * 50 + data[250:])
    return path


def lying(folder, path):
    """A header that says that a file is smaller than it is."""
    zipped(path, members(folder), deflate=True)
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\1\2")
    size = struct.unpack_from("<I", data, at + 24)[0]
    struct.pack_into("<I", data, at + 24, size - 10)
    path.write_bytes(bytes(data))
    return path


def inner():
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("a", "b")
    return sink.getvalue()


ARCHIVES = {
    "a name that leaves its folder": (another("../evil.json"), "V04"),
    "a name that leaves a folder of it": (another(f"{TASK}/../../evil"), "V04"),
    "an absolute name": (another("/etc/evil"), "V04"),
    "a drive letter": (another("C:/evil"), "V04"),
    "a backslash": (another("..\\evil"), "V04"),
    "a control character in a name": (another("a\x1b[31m"), "V04"),
    "a name turned around": (another("a\u202enosj.py"), "V04"),
    "a name cut by a NUL": (another("entry.json\0.sh"), "V04"),
    "two names that differ by case": (another("Entry.json"), "V04"),
    "two names that differ by how letters are composed": (another("ｅntry.json"), "V04"),
    "one name twice": (another("entry.json"), "V04"),
    "an empty step in a name": (another(f"{TASK}//spec.toml"), "V04"),
    "a link": (another("control/link", b"/etc/passwd", stat.S_IFLNK | 0o777), "V29"),
    "a device": (another("control/null", b"", stat.S_IFCHR | 0o666), "V29"),
    "a pipe": (another("control/pipe", b"", stat.S_IFIFO | 0o666), "V29"),
    "an encrypted member": (encrypted, "V29"),
    "a member packed by a method that may eat memory": (packed_otherwise, "V29"),
    "an archive in the archive": (another("more.zip", inner()), "V03"),
    "a script": (another("setup.py", b"print(1)"), "V03"),
    "weights as a pickle": (another(f"{TASK}/weights.pkl"), "V03"),
    "thousands of files": (
        lambda f, p: zipped(p, [*members(f), *((f"sources/{i:016x}/a.py", b"") for i in range(2001))]),
        "V03",
    ),
    "a bomb": (bomb, "V03"),
    "a file above its size": (another("sources/0123456789abcdef/a.py", os.urandom(2**20 + 1)), "V03"),
    "a damaged member": (truncated, "V03"),
    "a header that lies about a size": (lying, "V03"),
    "no entry.json": (lambda f, p: zipped(p, [m for m in members(f) if m[0] != "entry.json"]), "V03"),
    "a table missing": (lambda f, p: zipped(p, [m for m in members(f) if m[0] != f"{TASK}/texts.parquet"]), "V03"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ARCHIVES)
def test_an_unsafe_archive_is_refused_before_it_is_unpacked(kind, handed, tmp_path):
    change, code = ARCHIVES[kind]
    path = change(handed.closed, tmp_path / "mine.zip")
    before = sorted(tmp_path.rglob("*"))
    verdict = verify.verify(path, handed.board)
    assert (codes(verdict), verdict.level, verdict.accepted) == ({code}, "reported", False), verdict.findings
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(Refused) as refused, bundle.opened(path):
        pass
    assert refused.value.code == 3


def test_an_archive_with_or_without_its_folder_is_read_and_gone_afterwards(handed, tmp_path):
    files = members(handed.closed)
    for name, prefix in (("a.zip", ""), ("b.zip", "mine/")):
        path = zipped(tmp_path / name, [(prefix + n, d) for n, d in files], deflate=True)
        with bundle.opened(path) as folder:
            assert members(folder) == files
        assert not folder.exists()


# --- folders --------------------------------------------------------------------------------------


def linked(folder, board):
    (folder / TASK / "spec.toml").rename(folder.parent / "spec.toml")
    (folder / TASK / "spec.toml").symlink_to(folder.parent / "spec.toml")


def linked_folder(folder, board):
    (folder / "control").rename(folder.parent / "control")
    (folder / "control").symlink_to(folder.parent / "control")


def piped(folder, board):
    (folder / "entry.json").unlink()
    os.mkfifo(folder / "entry.json")


def put(name, change):
    """A file's bytes changed, the manifest sealed."""

    def do(folder, board):
        path = folder / name
        path.write_bytes(change(path.read_bytes()))
        sealed(folder)

    return do


def swapped(old, new):
    def do(data):
        assert old in data
        return data.replace(old, new, 1)

    return do


def about(**values):
    return lambda folder, board: rewrite(folder, lambda told: told.update(values))


def table(change, name="scores", after=sealed):
    def do(folder, board):
        retable(folder, name, change)
        counted(folder, board) if after is counted else sealed(folder)

    return do


def arrow(change, name="texts", schema=False):
    """A parquet table rewritten by Arrow itself: `change(table) -> table`."""

    def do(folder, board):
        path = folder / TASK / f"{name}.parquet"
        pq.write_table(change(pq.read_table(path)), path, store_schema=schema)
        sealed(folder)

    return do


def text_bomb(table):
    """Texts of 20 kB by their dictionary alone: more than a gigabyte once they are spread out."""
    words = pa.DictionaryArray.from_arrays(np.zeros(len(table) * 12, dtype=np.int32), pa.array(["x" * 2**16]))
    wide = pa.concat_tables([table] * 12)
    return wide.set_column(wide.schema.get_field_index("text"), "text", words).replace_schema_metadata(None)


class Odd(pa.ExtensionType):
    """A type that runs code when it is read."""

    def __init__(self):
        super().__init__(pa.string(), "tests.odd")

    def __arrow_ext_serialize__(self):
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage, serialized):
        raise AssertionError("it was read")


def extended(table):
    column = pa.ExtensionArray.from_storage(Odd(), table["text"].combine_chunks())
    return table.set_column(table.schema.get_field_index("text"), "text", column)


def null_cell(table):
    values = table["text"].to_pylist()
    return table.set_column(table.schema.get_field_index("text"), "text", pa.array([None, *values[1:]]))


UNREADABLE = {
    "a link in a folder": (linked, "V29"),
    "a linked folder": (linked_folder, "V29"),
    "a pipe in a folder": (piped, "V29"),
    "a key twice": (put("entry.json", swapped(b'"entry":', b'"entry": "other", "entry":')), "V18"),
    "NaN": (put("entry.json", swapped(b'"specs_tried": 1', b'"specs_tried": NaN')), "V18"),
    "a number that no double holds": (put("entry.json", swapped(b'"specs_tried": 1', b'"specs_tried": 1e999')), "V18"),
    "an integer of thousands of digits": (
        put("entry.json", swapped(b'"specs_tried": 1', b'"specs_tried": ' + b"9" * 5000)),
        "V18",
    ),
    "an integer above 2**63": (put("entry.json", swapped(b'"specs_tried": 1', b'"specs_tried": 9999999999999999999')), "V18"),
    "JSON nested deep": (put("entry.json", lambda d: b"[" * 100_000), "V18"),
    "JSON nested deep behind a quote": (put("entry.json", lambda d: b'["\\"",' + b"[" * 5_000 + b"]" * 5_001), "V18"),
    "half a surrogate": (put("entry.json", swapped(b'"pays few words"', b'"\\ud800"')), "V18"),
    "a byte order mark": (put("entry.json", lambda d: b"\xef\xbb\xbf" + d), "V18"),
    "no UTF-8": (put("entry.json", swapped(b"few", b"f\xffw")), "V18"),
    "infinity in TOML": (put(f"{TASK}/spec.toml", swapped(b"weight = 1.0", b"weight = inf")), "V18"),
    "TOML nested deep": (put(f"{TASK}/spec.toml", lambda d: b"a = " + b"[" * 20_000), "V18"),
    "a TOML key of a thousand words": (put(f"{TASK}/spec.toml", lambda d: b".".join([b"a"] * 1000) + b" = 1\n"), "V18"),
    "a later schema": (about(schema_version=2), "V01"),
    "an unknown key": (about(rank=1), "V01"),
    "a seed as a text": (lambda f, b: sealed(reruns(f, lambda told: told[0].update(seed="1"))), "V01"),
    "a run that is not over": (lambda f, b: sealed(reruns(f, lambda told: told[0].update(status="partial"))), "V01"),
    "a date in the spec": (put(f"{TASK}/spec.toml", swapped(b'budget = "2"', b"budget = 1979-05-27")), "V01"),
    "an unknown operator": (put(f"{TASK}/spec.toml", swapped(b'combine = "sum"', b'combine = "mine"')), "V01"),
    "no table": (put(f"{TASK}/scores.parquet", lambda d: b"PAR1" + b"\0" * 100 + b"PAR1"), "V19"),
    "a table damaged inside": (put(f"{TASK}/texts.parquet", lambda d: d[:64] + b"\xff" * 64 + d[128:]), "V19"),
    "a column more": (table(lambda c: c | {"rank": c["gold"]}), "V19"),
    "a part's column that the design does not have": (table(lambda c: c | {"part/best": c["reward"]}), "V19"),
    "a column of another type": (table(lambda c: c | {"gold": c["gold"].astype(np.float32)}), "V19"),
    "metadata that rides along": (arrow(lambda t: t.replace_schema_metadata({"pandas": "{}"}), schema=True), "V19"),
    "an extension type": (arrow(extended, schema=True), "V19"),
    "a cell missing": (arrow(null_cell), "V19"),
    "texts that fill the memory": (arrow(text_bomb), "V19"),
    "a task that entry.json does not have": (
        lambda f, b: ((f / "qa-math").mkdir(), [(f / "qa-math" / n).write_bytes(d) for n, d in members(f / TASK)]),
        "V03",
    ),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_readers_could_differ_about_is_refused(kind, handed, tmp_path):
    change, code = UNREADABLE[kind]
    folder = copied(handed.closed, tmp_path)
    change(folder, handed.board)
    verdict = verify.verify(folder, handed.board)
    assert (codes(verdict), verdict.level) == ({code}, "reported"), verdict.findings


# --- lies, with manifests that fit ----------------------------------------------------------------


def mean_up(told):
    told["tasks"]["qa/lookup"]["means"]["gold"]["mean"] += 0.01


def last_digit(told):
    gold = told["tasks"]["qa/lookup"]["runs"][0]["gold"]
    gold["end"] = float(np.nextafter(gold["end"], 2))


def flag_gone(told):
    told["tasks"]["qa/lookup"]["flags"] = {"hacked": 1}


def first_seed(columns):
    return columns["seed"] == columns["seed"][0]


def dropped(folder, board):
    """The first seed left out everywhere, and everything counted again."""
    for task in (TASK, f"control/{TASK}"):
        reruns(folder, lambda told: told[1:], task)
        for name in ("scores", "texts", "steps"):
            if "seed" in rows.read(folder / task / f"{name}.parquet"):
                retable(folder, name, lambda c: kept(c, ~first_seed(c)), task)
    about = entry(folder)
    about["tasks"]["qa/lookup"]["runs"] = about["tasks"]["qa/lookup"]["runs"][1:]
    rewrite(folder, lambda told: told.update(about))


def renamed(folder, board):
    """The second seed's rows replaced by the first's, as if that had come out better; ids stay right."""
    first, second = board.seed_list(2)
    for name in ("scores", "texts", "steps"):

        def twice(c):
            best = kept(c, c["seed"] == first)
            return {n: np.concatenate([best[n], np.full(len(v), second) if n == "seed" else best[n]]) for n, v in best.items()}

        retable(folder, name, twice)
    sealed(folder)


def foreign(folder, board):
    """A seed that is not the board's, under its own id."""

    def change(told):
        told[1]["seed"] = 7

    second = board.seed_list(2)[1]
    reruns(folder, change)
    for name in ("scores", "texts", "steps"):
        retable(folder, name, lambda c: c | {"seed": np.where(c["seed"] == second, 7, c["seed"])})
    respec(folder, lambda raw: None, ids=True)
    sealed(folder)


def of_last(columns, many=1):
    """Places of the last evaluation's rows whose words are kept in every bundle."""
    at = np.flatnonzero((columns["split"] == "dev") & (columns["step"] == 2))
    return at[:many]


def without_words(folder, columns):
    """Which rows of `scores` are of completions whose words are not kept."""
    told = set(rows.keys(rows.read(folder / TASK / "texts.parquet")))
    return np.array([key not in told for key in rows.keys(columns)])


def unkept_raised(folder, board):
    """Gold raised on the completions alone whose words are not kept, and everything counted again."""

    def raised(columns):
        free = without_words(folder, columns) & (columns["split"] == "dev") & (columns["step"] > 0)
        columns["gold"][free & (np.arange(len(free)) % 3 == 0)] = 1.0

    retable(folder, "scores", raised)
    counted(folder, board)


def variety_raised(folder, board):
    """A class of its own for each completion of the grid whose words are not kept, and everything counted again."""

    def raised(columns):
        free = without_words(folder, columns) & (columns["split"] == "test")
        numbers = np.where(free, 1000 + np.arange(len(free)), columns["class"])
        known = {}
        for i, (seed, prompt) in enumerate(zip(columns["seed"].tolist(), columns["prompt"].tolist())):
            own = known.setdefault((seed, prompt), {})  # the next number of the prompt, as a run would count
            columns["class"][i] = own.setdefault(int(numbers[i]), len(own))

    retable(folder, "scores", raised)
    counted(folder, board)


def unkept_moved(folder, board):
    """Gold taken from the grid's completions whose words are not kept and given to the dev ones: the sum stays."""

    def moved(columns):
        kept = ~without_words(folder, columns)
        dev, gold = columns["split"] == "dev", columns["gold"]
        taken = gold[~dev & ~kept].mean()  # as many prompts on either side
        gold[~dev & ~kept] = 0.0
        free = np.flatnonzero(dev & ~kept & (columns["step"] > 0))
        free = free[np.random.default_rng(1).permutation(len(free))]
        gold[free[np.cumsum(1 - gold[free]) <= taken * len(free)]] = 1.0

    retable(folder, "scores", moved)
    counted(folder, board)


def thinned(folder, board):
    """Words of a bundle left out but for those that a board would keep: nobody could score the others again."""
    for task in (TASK, f"control/{TASK}"):
        rows.thin(folder / task, folder / task)
    sealed(folder)


def gold_edited(columns):
    at = np.flatnonzero((columns["split"] == "dev") & (columns["step"] == 2) & (columns["gold"] == 0))[:40]
    columns["gold"][at] = 1.0


def part_edited(columns):
    """A part's score and the reward that follows from it."""
    at = np.flatnonzero((columns["split"] == "dev") & (columns["step"] == 2) & (columns["part/alone"] == 0))[:40]
    columns["part/alone"][at] = 1.0
    columns["reward"][at] += 1.0


def words_swapped(columns):
    """At the last evaluation, completions of one prompt that differ change places, two by two."""
    texts, i = columns["text"], 0
    while i < len(texts) - 1:
        same = all(columns[n][i] == columns[n][i + 1] for n in ("seed", "split", "step", "prompt", "temperature"))
        if columns["step"][i] == 2 and same and texts[i].split()[:1] != texts[i + 1].split()[:1]:
            texts[i], texts[i + 1] = texts[i + 1], texts[i]
            i += 1
        i += 1


def class_split(columns):
    """Answers that were given before get a class of their own."""
    most, seen = {}, set()
    for i, (seed, prompt, step, number) in enumerate(zip(*(columns[n].tolist() for n in ("seed", "prompt", "step", "class")))):
        before = most.get((seed, prompt), -1)
        if step == 2 and columns["split"][i] == "dev" and (seed, prompt, number) in seen:
            columns["class"][i] = number = before + 1
        most[seed, prompt] = max(before, number)
        seen.add((seed, prompt, number))


def one(name, value, where=of_last):
    def change(columns):
        columns[name][where(columns)] = value

    return change


def without_one(columns):
    return kept(columns, np.arange(len(columns["gold"])) != of_last(columns)[0])


def doubled_row(columns):
    at = of_last(columns)[0]
    return {n: np.concatenate([v, v[at : at + 1]]) for n, v in columns.items()}


def reordered(columns):
    order = np.arange(len(columns["gold"]))
    a = of_last(columns)[0]
    order[[a, a + 8]] = order[[a + 8, a]]
    return kept(columns, order)


def another_point(columns):
    more = kept(columns, columns["step"] == 1)
    more["step"] = np.full_like(more["step"], 7)
    return {n: np.concatenate([v, more[n]]) for n, v in columns.items()}


def cheaper(folder, board):
    """Half of the tokens, everywhere but in the completions."""
    retable(folder, "scores", lambda c: c | {"charged": c["charged"] // 2})
    retable(folder, "steps", lambda c: c | {"charged": c["charged"] // 2})
    counted(folder, board)


def shorter(folder, board):
    """Half of the tokens, in the completions of training too."""

    def halved(c):
        charged = c["charged"] // 2
        again = [np.diff(charged[c["seed"] == s], prepend=0) for s in dict.fromkeys(c["seed"].tolist())]
        return c | {"charged": charged, "length": (np.concatenate(again) / c["completions"]).astype(np.float32)}

    retable(folder, "scores", lambda c: c | {"charged": c["charged"] // 2})
    retable(folder, "steps", halved)
    counted(folder, board)


def later(folder, board):
    """As many tokens, but all of them charged by the last step."""

    def last(c):
        final = np.array([c["step"][i] == c["step"][c["seed"] == s].max() for i, s in enumerate(c["seed"])])
        charged = np.where(final, c["charged"], 0)
        added = np.where(final, charged, 0)
        return c | {"charged": charged, "length": (added / c["completions"]).astype(np.float32)}

    steps = rows.read(folder / TASK / "steps.parquet")
    ends = {s: steps["step"][steps["seed"] == s].max() + 1 for s in set(steps["seed"].tolist())}
    of = np.vectorize(ends.get)
    retable(folder, "steps", last)
    retable(folder, "scores", lambda c: c | {"charged": np.where(c["step"] == of(c["seed"]), c["charged"], 0)})
    counted(folder, board)


def greedy(folder, board):
    """Twice the completions a step, each said to be half as long."""
    retable(folder, "steps", lambda c: c | {"completions": c["completions"] * 2, "length": c["length"] / 2})
    counted(folder, board)


def dearer(folder, board):
    """One token more, charged by the first step."""
    retable(folder, "scores", lambda c: c | {"charged": c["charged"] + (c["step"] > 0)})
    retable(folder, "steps", lambda c: c | {"charged": c["charged"] + 1})
    counted(folder, board)


def without_last(columns):
    """Without the last evaluation."""
    return kept(columns, ~((columns["split"] == "dev") & (columns["step"] == 2)))


def stray(columns):
    """Rows of a seed that no run has, beside the others."""
    more = kept(columns, first_seed(columns)) | {"seed": np.full(first_seed(columns).sum(), 7)}
    return {n: np.concatenate([v, more[n]]) for n, v in columns.items()}


def fewer_controls(folder, board):
    """The control without its first seed."""
    task = f"control/{TASK}"
    reruns(folder, lambda told: told[1:], task)
    for name in ("scores", "texts"):
        retable(folder, name, lambda c: kept(c, ~first_seed(c)), task)
    sealed(folder)


def classes_merged(columns):
    """The first two kinds of each prompt under one number, the others following."""
    columns["class"][:] = np.maximum(columns["class"] - 1, 0)


def heavier(raw):
    raw["design"]["parts"][0]["weight"] = 2.0


def oracled(raw):
    raw["design"]["parts"][0]["use"] = "oracle"


def other_learning(key, value):
    def do(folder, board):
        for task in (TASK, f"control/{TASK}"):
            respec(folder, lambda raw: raw.update({key: value}), ids=True, task=task)
        sealed(folder)

    return do


def control_worse(columns):
    columns["ended"][(columns["split"] == "dev")] ^= True


def control_taught(folder, board):
    """A trained design in the place of `untrained`."""
    for name, data in members(folder / TASK):
        (folder / "control" / TASK / name).write_bytes(data)
    sealed(folder)


def invented(folder, board):
    """All rows made up whole: one good-looking completion everywhere, scored honestly, and everything counted again."""
    spec = run_spec({**made.definition.tomllib.loads((folder / TASK / "spec.toml").read_text()), "seed": 1})
    gold = find.gold(spec.task)
    prompts = {}
    for seed in board.seed_list(2):
        for split in ("dev", "test"):
            for p, _ in zip(find.task(spec.task).prompts(split, seed), range(spec.eval_prompts)):
                prompts[p.id] = p
    said = {n: str(p.truth if isinstance(p.truth, str) else next(iter(p.columns.values()))) + "." for n, p in prompts.items()}
    retable(folder, "texts", lambda c: c | {"text": np.array([said[p] for p in c["prompt"]], dtype=object)})

    def score(c):
        values = np.array([gold.score(prompts[p], said[p]) for p in c["prompt"]])
        from rewardbench import given, scoring
        from rewardbench.calling import When

        names = sorted(prompts)
        contestant = scoring.raw(find.bind(spec.design, spec.task))
        batch = given.batch([prompts[n] for n in names], [[said[n]] for n in names])
        paid = scoring.pay(contestant, batch, When("x", 0, 1.0), scoring.start(contestant), 9.0).batch
        of = {n: i for i, n in enumerate(names)}
        at = [of[p] for p in c["prompt"]]
        parts = {f"part/{p.name}": paid.parts[at, 0, m].astype(np.float32) for m, p in enumerate(spec.design.parts)}
        return c | parts | {
            "gold": values, "reward": paid.reward[at, 0].astype(np.float32), "class": np.zeros_like(c["class"]),
            "tokens": np.full_like(c["tokens"], 2), "ended": np.ones_like(c["ended"]),
        }  # fmt: skip

    retable(folder, "scores", score)
    counted(folder, board)


def as_another(folder, board):
    """The reference's runs under a name of one's own."""
    theirs = board.folder / "entries" / "reference" / TASK
    for name, data in members(theirs):
        (folder / TASK / name).write_bytes(data)
    counted(folder, board)


def other_digest(folder, board):
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "digest": "0" * 64}))


def failed_silently(folder, board):
    def change(told):
        told[0]["status"] = "failed"

    reruns(folder, change)
    counted(folder, board)


def grown(told):
    told[1]["parameters"] = 10**9


def frozen(told):
    told[1]["trained"] = 10


def of_board(**values):
    return lambda folder, board: rewrite(folder, lambda told: told["board"].update(values))


LIES = {
    "a file edited, its hash left": (lambda f, b: (f / TASK / "runs.json").open("a").write(" "), {"V02"}),
    "a digest of other files": (other_digest, {"V02"}),
    "a mean edited": (lambda f, b: rewrite(f, mean_up), {"V05"}),
    "a last digit edited": (lambda f, b: rewrite(f, last_digit), {"V05"}),
    "a flag invented": (lambda f, b: rewrite(f, flag_gone), {"V05"}),
    "a seed dropped": (dropped, {"V12"}),
    "a seed doubled": (lambda f, b: sealed(reruns(f, lambda told: [*told, told[0]])), {"V12"}),
    "the better seed under both numbers": (renamed, {"V24"}),
    "a seed of one's own": (foreign, {"V12"}),
    "seeds in another order": (lambda f, b: sealed(reruns(f, lambda told: told[::-1])), {"V12"}),
    "an id edited": (lambda f, b: sealed(reruns(f, lambda told: told[0].update(run="0" * 16))), {"V13"}),
    "a failure without a reason": (failed_silently, {"V14"}),
    "a larger policy": (lambda f, b: sealed(reruns(f, grown)), {"V14"}),
    "a policy of which little is trained": (lambda f, b: sealed(reruns(f, frozen)), {"V14"}),
    "gold edited, means and all": (table(gold_edited, after=counted), {"V20"}),
    "gold raised where no words are kept": (unkept_raised, {"V42"}),
    "gold moved from the grid to dev where no words are kept": (unkept_moved, {"V42"}),
    "variety raised where no words are kept": (variety_raised, {"V42"}),
    "a part edited, reward and all": (table(part_edited, after=counted), {"V22"}),
    "a reward edited": (table(one("reward", 3.0), after=counted), {"V23"}),
    "a class split in two": (table(class_split, after=counted), {"V21"}),
    "completions swapped": (table(words_swapped, "texts", counted), {"V20", "V21", "V22"}),
    "a prompt with other words": (table(one("prompt_text", "Say yes."), "texts"), {"V24"}),
    "gold above 1": (table(one("gold", 1.5)), {"V08"}),
    "gold that is no number": (table(one("gold", np.nan)), {"V08"}),
    "a class that nobody counted": (table(one("class", 999)), {"V08"}),
    "tokens above the limit": (table(one("tokens", 10_000)), {"V08"}),
    "an infinite part": (table(one("part/brief", np.inf)), {"V08"}),
    "KL where none is measured": (table(one("kl", np.nan)), {"V08"}),
    "a row left out": (table(without_one), {"V06"}),
    "a row twice": (table(doubled_row), {"V07"}),
    "rows in another order": (table(reordered), {"V06"}),
    "words that a board keeps alone, in a bundle": (thinned, {"V06"}),
    "words left out": (table(lambda c: kept(c, np.arange(len(c["text"])) > 0), "texts"), {"V06"}),
    "a training step left out": (table(lambda c: kept(c, np.arange(len(c["step"])) != 1), "steps"), {"V06"}),
    "an evaluation more": (table(another_point), {"V10"}),
    "the grid left out": (table(lambda c: kept(c, c["split"] == "dev")), {"V06"}),
    "gold below 0": (table(one("gold", -0.5)), {"V08"}),
    "a class skipped": (table(lambda c: c | {"class": c["class"] + 1}), {"V08"}),
    "entropy below 0": (table(one("entropy", -0.1)), {"V08"}),
    "KL that no words have": (table(one("kl", 1e7)), {"V08"}),
    "a share above 1": (table(one("dead", 1.5, lambda c: [0]), "steps"), {"V08"}),
    "fewer than no tokens taught": (table(one("taught_tokens", -1, lambda c: [0]), "steps"), {"V08"}),
    "an evaluation said to be cheaper": (table(lambda c: c | {"charged": c["charged"] // 2}, after=counted), {"V09"}),
    "one token more": (dearer, {"V09"}),
    "rows of a seed that no run has": (table(stray), {"V12"}),
    "a control's seed dropped": (fewer_controls, {"V12"}),
    "a reward edited by little": (table(lambda c: c | {"reward": c["reward"] + np.float32(1e-3)}, after=counted), {"V23"}),
    "another first step": (table(one("context", 7, lambda c: [0]), "steps", counted), {"V25"}),
    "a control's gold lowered": (
        lambda f, b: counted(retable(f, "scores", lambda c: c | {"gold": np.where(c["split"] == "test", 0.0, c["gold"])}, f"control/{TASK}"), b),
        {"V20", "V26"},
    ),
    "tokens charged by half": (cheaper, {"V09"}),
    "tokens charged by half, completions and all": (shorter, {"V09", "V25"}),
    "tokens charged when all is learnt": (later, {"V09", "V25"}),
    "more completions than the budget has": (greedy, {"V09", "V11"}),
    "another learning rate's options": (other_learning("options", {"passes": 4}), {"V15"}),
    "a longer budget": (other_learning("steps", 3), {"V15"}),
    "another engine": (other_learning("engine", 4), {"V15"}),
    "another policy under its name": (other_learning("policy_hash", "0" * 64), {"V15"}),
    "another task's code": (other_learning("task_digest", "0" * 64), {"V15"}),
    "the grid on dev prompts": (other_learning("grid_split", "dev"), {"V15"}),
    "a weight edited, its hash left": (lambda f, b: sealed(respec(f, heavier, ids=True)), {"V16"}),
    "a weight edited, hash and ids and means": (lambda f, b: counted(respec(f, heavier, True, True), b), {"V23"}),
    "an operator that cannot take the scores": (
        lambda f, b: counted(
            retable(
                respec(f, lambda r: r["design"].update(combine="product"), True, True),
                "scores",
                lambda c: c | {"part/brief": np.full_like(c["part/brief"], -1.0)},
            ),
            b,
        ),
        {"V22", "V23"},
    ),
    "a parameter that the part does not have": (
        lambda f, b: counted(respec(f, lambda r: r["design"]["parts"][0]["params"].update(cheat=1), True, True), b),
        {"V16"},
    ),
    "another version of the board": (of_board(version=2), {"V17"}),
    "another board's digest": (of_board(digest="0" * 64), {"V17"}),
    "code in a closed entry": (
        lambda f, b: ((f / "sources/0123456789abcdef").mkdir(parents=True),
                      (f / "sources/0123456789abcdef/a.py").write_text("x = 1"), sealed(f)),
        {"V27"},
    ),
    "an open division without code": (about(division="open"), {"V27"}),
    "gold as a part": (lambda f, b: counted(respec(f, oracled, True, True), b), {"V27"}),
    "a part that is not registered": (
        lambda f, b: sealed(respec(f, lambda r: r["design"]["parts"][0].update(use="answers.best"), True, True)),
        {"V16", "V27"},
    ),
    "a submission as the task's own": (about(kind="handmade"), {"V28"}),
    "a submission as an arm": (about(kind="control"), {"V28"}),
    "a design whose name leads elsewhere": (
        lambda f, b: (
            counted(respec(f, lambda r: r["design"].update(name="../../../mine"), True, True), b),
            about(kind="generated")(f, b),
        ),
        {"V28"},
    ),
    "a name that is taken": (about(entry="reference"), {"V28"}),
    "another's runs under a new name": (as_another, {"V33"}),
    "a control that was edited": (
        lambda f, b: counted(retable(f, "scores", control_worse, f"control/{TASK}"), b),
        {"V26"},
    ),
    "a trained control": (control_taught, {"V26"}),
    "KL before training": (table(one("kl", 0.5, lambda c: [0])), {"V25"}),
    "rows invented whole": (invented, {"V09", "V25"}),
    "a script in the summary": (about(summary="<script>alert(1)</script>"), {"V37"}),
    "an image in the summary": (about(summary='<img src=x onerror="x">'), {"V37"}),
    "a name turned around": (about(authors=["Ann \u202enosnhoJ"]), {"V37"}),
    "a terminal escape": (about(authors=["Ann\x1b[2J"]), {"V37"}),
    "a formula": (about(summary='=HYPERLINK("http://x","y")'), {"V37"}),
    "a link that runs": (about(links=["javascript:alert(1)"]), {"V37"}),
    "a summary of pages": (about(summary="word " * 200), {"V37"}),
    "a token": (about(summary="token " + "ghp_" + "a1B2" * 9), {"V38"}),
    "a path of somebody's home": (about(summary="see /home/ann/runs"), {"V38"}),
    "nobody's": (about(authors=[]), {"V39"}),
    "no licence": (about(licence="all rights reserved"), {"V39"}),
}  # fmt: skip


THIN = (
    "gold raised where no words are kept", "variety raised where no words are kept",
    "gold moved from the grid to dev where no words are kept", "another's runs under a new name"
)  # fmt: skip
"""Lies about what a board keeps, or made of it; the others are told in a bundle, whole."""


@pytest.mark.parametrize("kind", LIES)
def test_a_lie_is_found_under_its_code(kind, handed, tmp_path):
    change, expected = LIES[kind]
    folder = copied(handed.thin if kind in THIN else handed.closed, tmp_path)
    change(folder, handed.board)
    verdict = verify.verify(folder, handed.board)
    assert codes(verdict) == expected, "\n".join(verify.lines(verdict))
    assert verdict.level != "rescored" or verdict.accepted


WORDED = {
    "gold edited by a hair": (lambda c: c | {"gold": np.where((c["split"] == "dev") & (c["step"] == 2), c["gold"] * (1 - 1e-9), c["gold"])}, {"V20"}),
    "two kinds in one class": (classes_merged, {"V21", "V25"}),
    "a part edited by little": (lambda c: c | {"part/brief": c["part/brief"] + np.float32(1e-3), "reward": c["reward"] + np.float32(2.5e-4)}, {"V22"}),
}  # fmt: skip
"""Small lies, all words kept."""


@pytest.mark.parametrize("kind", WORDED)
def test_a_small_lie_is_found_where_all_words_are_kept(kind, handed, tmp_path):
    change, expected = WORDED[kind]
    folder = copied(handed.closed, tmp_path)
    table(change, after=counted)(folder, handed.board)
    verdict = verify.verify(folder, handed.board)
    assert (codes(verdict), verdict.accepted) == (expected, False), verify.lines(verdict)


@pytest.mark.parametrize(("change", "severity"), [(last_digit, "flag"), (lambda told: [r.update(tokens=r["tokens"] + 1) for r in told["tasks"]["qa/lookup"]["runs"]], "reject"), (lambda told: told["tasks"]["qa/lookup"]["runs"][0]["gold"].update(end=told["tasks"]["qa/lookup"]["runs"][0]["gold"]["end"] * (1 + 1e-8)), "reject")])  # fmt: skip
def test_a_last_digit_is_flagged_and_more_is_rejected(change, severity, handed, tmp_path):
    folder = rewrite(copied(handed.thin, tmp_path), change)
    assert {f.severity for f in verify.verify(folder, handed.board).findings if f.code == "V05"} == {severity}


def test_the_last_evaluation_left_out_is_missed_words_and_all(handed, tmp_path):
    folder = copied(handed.closed, tmp_path)
    for name in ("scores", "texts"):
        retable(folder, name, without_last)
    assert codes(verify.verify(sealed(folder), handed.board)) == {"V06"}


def test_rows_invented_whole_are_found_by_the_control_that_is_brought_along(handed, tmp_path):
    folder, home = copied(handed.closed, tmp_path), tmp_path / "board"
    home.mkdir()
    (home / "board.toml").write_bytes((handed.board.folder / "board.toml").read_bytes())
    invented(folder, handed.board)
    assert codes(verify.verify(folder, home)) == {"V09", "V25"}


@pytest.mark.parametrize("kind", ["gold edited, means and all", "a class split in two", "completions swapped", "words left out"])
def test_a_lie_is_found_among_the_words_that_a_board_keeps(kind, handed, tmp_path):
    change, expected = LIES[kind]
    folder = copied(handed.thin, tmp_path)
    change(folder, handed.board)
    assert codes(verify.verify(folder, handed.board)) == expected


# --- chance ---------------------------------------------------------------------------------------


def places(value, path=()):
    """Every place in plain values."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


ODD = (0, -1, 1, 2**31, 2**63, 0.5, -0.0, 1e308, True, "", "x", "../x", "qa/math", "reference", "a.py:f", [], {}, [[]], None, "9" * 300)


def scrambled(value, rng):
    """One value anywhere replaced by another, or taken out."""
    path = rng.choice(list(places(value)))
    holder = value
    for key in path[:-1]:
        holder = holder[key]
    if rng.random() < 0.2 and isinstance(holder, dict):
        del holder[path[-1]]
    else:
        holder[path[-1]] = rng.choice(ODD)


def scrambled_table(columns, rng):
    """Some cells of a column replaced by others of its type, or rows taken out, doubled or mixed up."""
    size = len(columns["seed"])
    how = rng.random()
    if how < 0.3:
        at = sorted(rng.choices(range(size), k=rng.choice((0, 1, size // 2, size))))
        return kept(columns, np.array(at, dtype=int))
    name = rng.choice(list(columns))
    values, at = columns[name], rng.sample(range(size), rng.choice((1, size // 3)))
    odd = {"O": ["", "dev", "test", "x" * 999, "[]", "\x00"], "f": [0, -1, 2, np.nan, np.inf, 1e30], "b": [True, False], "i": [0, -1, 1, 7, 30_000]}
    for i in at:
        values[i] = rng.choice(odd[values.dtype.kind])
    return columns


def scrambled_bundle(folder, rng):
    """A bundle with one file changed at random, and a manifest that fits."""
    task = rng.choice((TASK, TASK, f"control/{TASK}"))
    what = rng.choice(("entry", "spec", "runs", "scores", "scores", "texts", "steps"))
    if what == "entry":
        rewrite(folder, lambda told: scrambled(told, rng))
    elif what == "spec":
        path = folder / task / "spec.toml"
        raw = made.definition.tomllib.loads(path.read_text())
        scrambled(raw, rng)
        path.write_text(tomli_w.dumps(disk.plain(raw)))
    elif what == "runs":
        reruns(folder, lambda told: scrambled(told, rng), task)
    else:
        task = TASK if what == "steps" else task
        retable(folder, what, lambda c: scrambled_table(c, rng), task)
    return what


@pytest.mark.parametrize("number", range(24))
def test_whatever_is_changed_there_is_a_verdict_and_no_traceback(number, handed, tmp_path):
    rng = random.Random(f"scrambled/{number}")
    folder = copied(handed.closed, tmp_path)
    before = dict(members(handed.closed))
    while dict(members(folder)) == before:  # chance may put back what was there
        scrambled_bundle(folder, rng)
    sealed(folder)
    verify.verify(folder, handed.board).as_dict()


def test_the_kinds_are_many():
    assert len(ARCHIVES) + len(UNREADABLE) + len(LIES) >= 120
