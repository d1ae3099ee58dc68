"""The table of chunks: read again where it was written anew meanwhile, changed by one at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import StoreError, TransientStoreError
from ragkit.failpoints import reach
from ragkit_connectors.lancedb.errors import ChangedError, explain, explained
from ragkit_connectors.lancedb.loop import Loop
from ragkit_connectors.lancedb.rows import ROW

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
SUFFIX, GONE, LOCK = ".lance", "gone-", "table.lock"
_ATTEMPTS = 6
_PATIENCE_S = 30.0
_MOST_ROWS = 50_000  # that are in memory while a table is copied
_NOW = timedelta(0)


def name_of(generation: int) -> str:
    """The name of a table: its number counts how often it was written anew."""
    return f"chunks-{generation:06d}"


def generation_of(name: str) -> int:
    """The generation that a table's name tells.

    >>> generation_of(name_of(7))
    7
    """
    return int(name.removeprefix("chunks-"))


class ChunkTable:
    """The table of the current generation.

    Args:
        folder: of the index.
        where: which index is meant, for people.
        generation: says which one is the current.
    """

    def __init__(self, folder: Path, where: str, generation: Callable[[], int]) -> None:
        self._folder, self._where, self._generation = folder, where, generation
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._opened: tuple[int, Any] | None = None
        self._loop: Loop | None = None
        self._database: Any = None
        self._on_disk: set[str] = set()
        self._is_closed = False

    def read(self, ask: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
        """What a question to the table gives, asked again where its files were written anew meanwhile.

        Raises:
            StoreError: it fails.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                table = self._table()
                return self._run(ask(table))
            except ChangedError:
                if attempt == _ATTEMPTS:
                    raise
                self._opened = None
                time.sleep(0.02 * attempt)
        raise AssertionError("unreachable")

    def change(self, do: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
        """The same for a change, which is made once: while it lasts no other process changes anything.

        Raises:
            StoreError: it fails; `TransientStoreError` where somebody else is at it for long.
        """
        with self.locked():
            table = self._table()
            # What another process wrote since is part of what is changed.
            self._run(table.checkout_latest())
            return self._run(do(table))

    def make(self, generation: int, schema: pa.Schema) -> None:
        """A new table without rows; what lay under its name is removed."""
        database = self._connected()
        self._run(database.create_table(name_of(generation), schema=schema, mode="overwrite"))

    def copy(self, generation: int, schema: pa.Schema) -> NDArray[np.int64]:
        """A new table with all rows of the current one, and no byte of others. The lock must be held.

        Returns:
            Their numbers, ascending; in the new table they are counted from 0, in this order.
        """
        import pyarrow as pa

        async def copied(table: Any) -> NDArray[np.int64]:
            name = name_of(generation)
            numbers = (await table.query().select([ROW]).to_arrow()).column(ROW).to_numpy()
            old: NDArray[np.int64] = np.sort(numbers)
            self._clear(name)
            target = await self._connected().create_table(name, schema=schema, mode="overwrite")
            some: list[pa.RecordBatch] = []
            async for batch in await table.query().to_batches():
                some.append(_numbered(batch, old))
                if sum(map(len, some)) >= _MOST_ROWS:
                    await target.add(pa.Table.from_batches(some))
                    some = []
            if some:
                await target.add(pa.Table.from_batches(some))
            return old

        return self.read(copied)

    def drop_others(self, generation: int) -> None:
        """Removes the files of all other generations.

        A table goes out of sight whole, before its files go one by one: where its newest version went first,
        a reader would take the one before for the table, which may be empty.
        """
        for path in self._folder.glob(f"chunks-*{SUFFIX}"):
            if path.name != name_of(generation) + SUFFIX:
                with self._removing(path):
                    path.rename(path.with_name(f"{GONE}{uuid.uuid4().hex}"))
        for path in self._folder.glob(f"{GONE}*"):
            with self._removing(path):
                shutil.rmtree(path)
        _sync(self._folder)

    def _clear(self, name: str) -> None:
        """Removes what a copy left that never ended: to write over it keeps its files as an older version."""
        path = self._folder / f"{name}{SUFFIX}"
        if path.exists():
            with self._removing(path):
                shutil.rmtree(path)

    @contextmanager
    def _removing(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as e:
            raise StoreError(
                f"{self._where}: {path.name} cannot be removed ({e.strerror}). Check its permissions, then "
                "run: ragkit compact"
            ) from e

    def tidy(self) -> None:
        """Joins small files, brings indexes up to date, and lets old versions of the table go."""

        with warnings.catch_warnings():
            # It warns of readers whose files go; they ask again, see `read`.
            warnings.simplefilter("ignore", UserWarning)
            # Unfinished writes may be removed: whoever writes holds the lock that is held here.
            self.change(lambda table: table.optimize(cleanup_older_than=_NOW, delete_unverified=True))

    def settle_on_disk(self) -> None:
        """Returns when all files of the table are on disk, which LanceDB does not see to."""
        there: set[str] = set()
        for folder, _, files in os.walk(self._folder):
            if f"{os.sep}chunks-" in folder:
                paths = {os.path.join(folder, name) for name in files}  # noqa: PTH118  (of many files)
                new = paths - self._on_disk
                for path in new:
                    _sync(path)
                if new:
                    _sync(folder)
                there |= paths
        _sync(self._folder)
        self._on_disk = there
        reach("file.synced")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from changing the table for the time of the block.

        Raises:
            TransientStoreError: one does so for long.
        """
        deadline = time.monotonic() + _PATIENCE_S
        try:
            handle = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as e:
            raise explain(e, self._where) from e
        try:
            while not _taken(handle):
                if time.monotonic() >= deadline:
                    raise TransientStoreError(
                        f"{self._where}: another process has been changing the table for {_PATIENCE_S:.0f} "
                        "s. Try again; reading goes on meanwhile"
                    )
                time.sleep(0.01)
            yield
        finally:
            os.close(handle)  # which gives the lock back

    def close(self) -> None:
        """Lets the table go. A closed one refuses further calls."""
        loop, self._loop = self._loop, None
        self._opened, self._database, self._is_closed = None, None, True
        if loop is not None and self._process == os.getpid():
            loop.close()

    def _table(self) -> Any:
        if self._process != os.getpid():
            self._begin()
        if self._is_closed:
            raise StoreError(f"{self._where}: this store was closed. Open another one")
        generation = self._generation()
        opened = self._opened
        if opened is None or opened[0] != generation:
            opened = (generation, self._run(self._connected().open_table(name_of(generation))))
            self._opened = opened
        return opened[1]

    def _connected(self) -> Any:
        # Its log tells of each table that is made; what fails is raised.
        os.environ.setdefault("LANCEDB_LOG", "error")
        import lancedb

        _check_process(self._where)
        with self._lock:
            if self._database is None:
                self._loop = Loop()
                # Each call looks whether another process made a version.
                self._database = self._run(
                    lancedb.connect_async(str(self._folder), read_consistency_interval=_NOW)
                )
            return self._database

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        loop = self._loop
        if loop is None:
            coroutine.close()
            raise StoreError(f"{self._where}: this store was closed. Open another one")
        with explained(self._where):
            return loop.run(coroutine)


def _numbered(batch: pa.RecordBatch, old: NDArray[np.int64]) -> pa.RecordBatch:
    """Rows with the place of their number among all as their number."""
    import pyarrow as pa

    at = batch.schema.get_field_index(ROW)
    new = np.searchsorted(old, batch.column(at).to_numpy())
    return batch.set_column(at, batch.schema.field(at), pa.array(new, pa.int64()))


_used_by: list[int] = []  # the process that the engine's threads belong to


def _check_process(where: str) -> None:
    """Refuses a forked child of a process that has used the engine: most of its calls crash or never return.

    Seen with LanceDB 0.40, which calls its support of forks experimental.
    """
    if not _used_by:
        _used_by.append(os.getpid())
    if _used_by[0] != os.getpid():
        raise StoreError(
            f"{where}: LanceDB was used before this process was forked, and cannot be used in it. Start "
            "processes by multiprocessing's 'spawn' or 'forkserver', or fork before the first store is opened"
        )


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync(path: Path | str) -> None:
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return  # tidied away meanwhile
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
