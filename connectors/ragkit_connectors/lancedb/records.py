"""Documents, states, holds and the record of commits: a SQLite file beside the table.

Each write of LanceDB makes a version of a table and several files. What is small, and written with every
question and several times in a commit, lies here, where a change is a transaction.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.errors import CorruptIndexError, TransientStoreError
from ragkit.store import sqlite_file as sqlite
from ragkit.store.connections import Connections
from ragkit.store.remote.conditions import AllOf, Among, AnyOf, Condition, NoneOf, Within
from ragkit.store.remote.server import Found, Point, ReadOnlyError

FILE = "records.sqlite"
APPLICATION_ID = 0x52_4B_4C_44  # "RKLD"
FORMAT = 2
GENERATION, ROWS = "generation", "rows"  # marks: how often the table was written anew, and the next number
_NAMED = {"from": "first", "to": "last"}
_COLUMNS = ("kind", "key", "tenant", "uri", "state", "from", "to", "ends_ms", "record")
_STATEMENTS = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT}",
    "CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), payload TEXT NOT NULL)",
    "CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL)",
    "CREATE TABLE words (file TEXT PRIMARY KEY, first INTEGER NOT NULL, n INTEGER NOT NULL, "
    "checksum TEXT NOT NULL)",
    "CREATE TABLE records (id TEXT PRIMARY KEY, kind TEXT, key TEXT, tenant TEXT, uri TEXT, state TEXT, "
    "first INTEGER, last INTEGER, ends_ms INTEGER, record TEXT, rest TEXT NOT NULL)",
    "CREATE INDEX by_key ON records (key)",
    "CREATE INDEX by_kind ON records (kind, tenant)",
    "CREATE INDEX by_uri ON records (uri)",
    "CREATE INDEX by_first ON records (first)",
    "CREATE INDEX by_last ON records (last)",
)
_INSERT = (
    "INSERT OR REPLACE INTO records (id, kind, key, tenant, uri, state, first, last, ends_ms, record, rest) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_PATIENCE_S = 30.0
_BRIEF = frozenset({"owner", "expires_ms"})  # of the record of commits: may be lost with the power


@dataclass(frozen=True, slots=True)
class WordFile:
    """A file of words: of the chunks with numbers from `first_row` on, `n_rows` of them."""

    name: str
    first_row: int
    n_rows: int
    checksum: str

    @property
    def end(self) -> int:
        """The number after its last."""
        return self.first_row + self.n_rows


@dataclass(frozen=True, slots=True)
class WordsNamed:
    """Which files of words there are, in order of rows, of which generation of the table.

    `next_row` is the number that the next chunk gets; those before it may not all be there.
    """

    generation: int
    next_row: int
    files: tuple[WordFile, ...]

    @property
    def end(self) -> int:
        """The number of the first chunk whose words are in no file."""
        return self.files[-1].end if self.files else 0


class Records:
    """The file, opened; any number of threads and processes use it at once."""

    def __init__(self, path: Path, where: str) -> None:
        self.path, self._where = path, where
        self._connections = Connections(path)

    # --- the record of commits, and marks ---------------------------------------------------------

    def head(self) -> dict[str, Any] | None:
        """The record of commits; None without one."""
        with self._connections.reading() as connection:
            row = connection.execute("SELECT payload FROM head").fetchone()
        return None if row is None else _mapping(row[0], self._where)

    def change_head(self, values: Mapping[str, Any], expected: Mapping[str, str | int]) -> bool:
        """Sets keys of it where it holds what is expected, in one transaction; whether it did."""
        with self._changing(is_brief=_BRIEF.issuperset(values)) as connection:
            row = connection.execute("SELECT payload FROM head").fetchone()
            if row is None:
                raise CorruptIndexError(
                    f"{self._where}: the record of commits is gone. Restore the folder from a copy, or "
                    "ingest again into a new one"
                )
            payload = _mapping(row[0], self._where)
            if any(payload.get(key) != value for key, value in expected.items()):
                return False
            connection.execute("UPDATE head SET payload = ?", (json.dumps({**payload, **values}),))
            return True

    def mark(self, name: str) -> int:
        """A number that is kept under a name; 0 if none is."""
        with self._connections.reading() as connection:
            row = connection.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
        return 0 if row is None else int(row[0])

    def set_marks(self, **values: int) -> None:
        """Keeps numbers under names, all or none."""
        with self._changing() as connection:
            connection.executemany("INSERT OR REPLACE INTO marks VALUES (?, ?)", list(values.items()))

    # --- numbers of chunks, and files of their words ------------------------------------------------

    def reserve(self, n: int) -> int:
        """The first of `n` numbers for chunks, which nobody else gets."""
        with self._changing(is_brief=True) as connection:
            row = connection.execute("SELECT value FROM marks WHERE name = ?", (ROWS,)).fetchone()
            first = 0 if row is None else int(row[0])
            connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (ROWS, first + n))
            return first

    def words(self) -> WordsNamed:
        """Which files of words there are."""
        with self._connections.reading() as connection:
            connection.execute("BEGIN")
            marks = dict(connection.execute("SELECT name, value FROM marks"))
            files = connection.execute("SELECT file, first, n, checksum FROM words ORDER BY first").fetchall()
            connection.execute("COMMIT")
        return WordsNamed(
            int(marks.get(GENERATION, 0)), int(marks.get(ROWS, 0)), tuple(WordFile(*row) for row in files)
        )

    def name_words(self, files: Sequence[WordFile], **marks: int) -> None:
        """Names the files of words, and sets marks, in one transaction; others are no longer named."""
        with self._changing() as connection:
            connection.execute("DELETE FROM words")
            connection.executemany(
                "INSERT INTO words VALUES (?, ?, ?, ?)",
                [(file.name, file.first_row, file.n_rows, file.checksum) for file in files],
            )
            connection.executemany("INSERT OR REPLACE INTO marks VALUES (?, ?)", list(marks.items()))

    # --- what `RemoteServer` says of records ------------------------------------------------------

    def write(self, points: Sequence[Point]) -> None:
        """Writes points under their ids, all or none."""
        heads = [point for point in points if point.payload["kind"] == "head"]
        rows = [_row_of(point) for point in points if point.payload["kind"] != "head"]
        with self._changing(is_brief=not heads) as connection:
            for point in heads:
                connection.execute("INSERT INTO head VALUES (1, ?)", (json.dumps(point.payload),))
            connection.executemany(_INSERT, rows)

    def set_end(self, number: int, condition: Condition) -> None:
        """Sets the end of all records for which a condition holds."""
        text, values = _said(condition)
        with self._changing(is_brief=True) as connection:
            connection.execute(f"UPDATE records SET last = ? WHERE {text}", (number, *values))  # noqa: S608

    def delete(self, condition: Condition) -> None:
        """Removes all records for which a condition holds, and marks that bytes of them are left."""
        text, values = _said(condition)
        with self._changing(is_brief=True) as connection:
            found = connection.execute(f"SELECT DISTINCT kind FROM records WHERE {text}", values)  # noqa: S608
            kinds = {kind for (kind,) in found}
            if kinds - {"hold"}:
                connection.execute("INSERT OR REPLACE INTO marks VALUES ('deleted', 1)")
            if kinds:
                connection.execute(f"DELETE FROM records WHERE {text}", values)  # noqa: S608

    def remove(self, ids: Sequence[str]) -> None:
        """Removes the records with these ids."""
        with self._changing(is_brief=True) as connection:
            connection.executemany("DELETE FROM records WHERE id = ?", [(identity,) for identity in ids])

    def count(self, condition: Condition) -> int:
        """For how many records a condition holds."""
        text, values = _said(condition)
        with self._connections.reading() as connection:
            row = connection.execute(f"SELECT count(*) FROM records WHERE {text}", values).fetchone()  # noqa: S608
        return int(row[0])

    def scroll(self, condition: Condition, keys: Sequence[str]) -> Iterator[Found]:
        """All records for which a condition holds."""
        text, values = _said(condition)
        own = [key for key in keys if key in _COLUMNS]
        names = ", ".join([*(_NAMED.get(key, key) for key in own), "rest"])
        with self._connections.reading() as connection:
            rows = connection.execute(f"SELECT {names} FROM records WHERE {text}", values).fetchall()  # noqa: S608
        for row in rows:
            payload = {key: value for key, value in zip(own, row, strict=False) if value is not None}
            if len(own) < len(keys):
                rest = _mapping(row[-1], self._where)
                payload |= {key: rest[key] for key in keys if key in rest}
            yield Found(payload)

    def vacuum(self) -> None:
        """Writes the file anew, so that nothing of what was deleted is left, nor in its log.

        Raises:
            TransientStoreError: others use the file all the time.
        """
        deadline = time.monotonic() + _PATIENCE_S
        with self._connections.reading() as connection:
            connection.execute("VACUUM")
            while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                if time.monotonic() >= deadline:
                    raise TransientStoreError(
                        f"{self._where}: others read {FILE} all the time, and its log keeps what was "
                        "deleted. Run: ragkit compact"
                    )
                time.sleep(0.05)

    def close(self) -> None:
        """Closes all connections."""
        self._connections.close()

    @contextmanager
    def _changing(self, *, is_brief: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction. `is_brief`: it is on disk with the next one that is not, such as the pointer's."""
        with self._connections.reading() as connection:
            try:
                connection.execute(f"PRAGMA synchronous = {'NORMAL' if is_brief else 'FULL'}")
                connection.execute("PRAGMA secure_delete = ON")
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except sqlite3.OperationalError as e:
                if sqlite.is_read_only(e):
                    raise ReadOnlyError(
                        f"{self._where}: cannot be written to ({e}). Check who owns the folder and its "
                        "permissions; reading goes on"
                    ) from e
                raise


def make(path: Path) -> None:
    """Makes the file, without a record of commits.

    Raises:
        StoreError: it cannot be made.
    """
    connection = sqlite.connect(path, may_create=True)
    try:
        sqlite.keep_log(connection)
        connection.execute("BEGIN IMMEDIATE")
        for statement in _STATEMENTS:
            connection.execute(statement)
        connection.execute("COMMIT")
    except sqlite.FAILURES as e:
        raise sqlite.explain(e, path) from e
    finally:
        connection.close()


def identity_of(path: Path) -> tuple[int, int] | None:
    """What a SQLite file says it is: its application, and its format; None of one without any table.

    So it is while another process makes it, and after one that died on the way.

    Raises:
        StoreError: it cannot be read.
    """
    connection = sqlite.connect(path)
    try:
        connection.execute("BEGIN")  # all of one moment
        owner = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        has_tables = connection.execute("SELECT 1 FROM sqlite_master").fetchone() is not None
        connection.execute("COMMIT")
        return (int(owner), int(version)) if has_tables or owner or version else None
    except sqlite.FAILURES as e:
        raise sqlite.explain(e, path) from e
    finally:
        connection.close()


def _row_of(point: Point) -> tuple[Any, ...]:
    rest = {key: value for key, value in point.payload.items() if key not in _COLUMNS}
    return (point.id, *(point.payload.get(key) for key in _COLUMNS), json.dumps(rest))


def _mapping(text: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as e:
        found = e
    if isinstance(found, dict):
        return found
    raise CorruptIndexError(
        f"{where}: a record in {FILE} is damaged ({found!r}). Restore the folder from a copy, or ingest "
        "again into a new one"
    )


def _said(condition: Condition) -> tuple[str, tuple[str | int | float, ...]]:
    """A condition with its values beside it."""
    match condition:
        case bool():
            return ("1" if condition else "0"), ()
        case AllOf(parts) | AnyOf(parts):
            said = [_said(part) for part in parts]
            joint = " AND " if isinstance(condition, AllOf) else " OR "
            return "(" + joint.join(text for text, _ in said) + ")", tuple(v for _, vs in said for v in vs)
        case NoneOf(part):
            text, values = _said(part)
            return f"({text} IS NOT TRUE)", values
        case Among(key, values):
            assert key in _COLUMNS, key
            return f"{_NAMED.get(key, key)} IN ({', '.join('?' * len(values))})", tuple(values)
        case Within(key, gt, gte, lt, lte):
            assert key in _COLUMNS, key
            limits = ((">", gt), (">=", gte), ("<", lt), ("<=", lte))
            given = [(sign, limit) for sign, limit in limits if limit is not None]
            text = " AND ".join(f"{_NAMED.get(key, key)} {sign} ?" for sign, _ in given)
            return f"({text})", tuple(limit for _, limit in given)
    raise AssertionError(f"{condition!r} is no condition on records")
