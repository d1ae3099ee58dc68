"""The record of commits, changed in one step against all others.

Milvus writes no row under a condition. What it does under one is to rename a collection: the old name must
be there, and of two that rename it one succeeds. So an empty collection, which is never loaded, tells by its
name which row is the record of commits now:

    NAME__head_17_5f2c…    the 17th version, the row with this key

A change writes a new row, then renames the collection from the version that it was made from. Rows never
change, so what was read of one need not be read again.
"""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ragkit.errors import CorruptIndexError, StoreError
from ragkit.store.remote.server import RECORDS, Point
from ragkit_connectors.milvus.calls import Calls
from ragkit_connectors.milvus.codes import code
from ragkit_connectors.milvus.expressions import with_pks
from ragkit_connectors.milvus.rows import joined, row_of

_KIND = "head"
_NOTHING = "0" * 32  # the key of the row that is none yet


@dataclass(frozen=True, slots=True)
class Version:
    """A name of the collection that tells which row is the record."""

    name: str
    number: int
    key: str


class Turn:
    """The record of commits of one index."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._names = re.compile(re.escape(calls.settings.collection) + "__head_([0-9]{1,18})_([0-9a-f]{32})")
        self._known: tuple[str, dict[str, Any]] = ("", {})

    def version(self) -> Version | None:
        """The version as it is now; None where no index was made."""
        return max(self._all(), key=lambda version: version.number, default=None)

    def read(self) -> tuple[Version | None, dict[str, Any] | None]:
        """The version, and the record; none of either where no index was made.

        Raises:
            CorruptIndexError: the row of the version is not there.
        """
        version = self.version()
        while True:
            if version is None or version.key == _NOTHING:
                return version, None
            known, raw = self._known
            if known == version.key:
                return version, dict(raw)
            rows = self._calls.call(
                "query", self._calls.settings.records, filter=with_pks([version.key]),
                output_fields=["content"], consistency_level="Strong",
            )  # fmt: skip
            if rows:
                raw = joined(rows[0]["content"])
                self._known = (version.key, raw)
                return version, dict(raw)
            # The row of a version is removed once another one is current.
            version, before = self.version(), version
            if version == before:
                raise CorruptIndexError(
                    f"{self._calls.where}: the record of commits is gone. Restore the collections from a "
                    "backup, or ingest again"
                )

    def begin(self, make: Callable[[str], None]) -> None:
        """Makes the collection that tells the version, where there is none."""
        if self.version() is None:
            mine = self._named(0, _NOTHING)
            make(mine)
            # Who was slow here made one beside that of an index which somebody else has made meanwhile.
            if any(version.number > 0 for version in self._all()):
                with contextlib.suppress(StoreError):
                    self._calls.call("drop_collection", mine)

    def change(self, raw: Mapping[str, Any], made_from: Version) -> bool:
        """Makes `raw` the record, unless it was changed since the version that it was made from.

        Raises:
            StoreError: the server fails; the record was changed or was not.
        """
        key = uuid.uuid4().hex
        version = Version(self._named(made_from.number + 1, key), made_from.number + 1, key)
        row = row_of(Point(key, payload={**raw, "kind": _KIND}), RECORDS, self._calls.where)
        row["ends_ms"] = version.number
        records = self._calls.settings.records
        self._calls.call("upsert", records, data=[row])
        try:
            self._calls.call("rename_collection", made_from.name, version.name)
        except StoreError:
            after = self.version()
            if after is None or after.name == made_from.name:
                raise  # nobody has changed it
            if after.name != version.name:
                with contextlib.suppress(StoreError):
                    self._calls.call("delete", records, filter=with_pks([key]))
                return False
        self._known = (key, {**raw, "kind": _KIND})
        with contextlib.suppress(StoreError):
            self._calls.call(
                "delete", records, filter=f'kind == "{code(_KIND)}" and ends_ms < {version.number}'
            )  # which can never be current again
        return True

    def names(self) -> list[str]:
        """The collections that tell a version."""
        return [version.name for version in self._all()]

    def _all(self) -> list[Version]:
        matched = map(self._names.fullmatch, self._calls.call("list_collections"))
        return [Version(m[0], int(m[1]), m[2]) for m in matched if m is not None]

    def _named(self, number: int, key: str) -> str:
        return f"{self._calls.settings.collection}__head_{number}_{key}"
