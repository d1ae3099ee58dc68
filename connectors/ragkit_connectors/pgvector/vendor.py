"""psycopg, imported when a store is first opened, and the types that it does not know or sends slowly."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ragkit.protocols import Vectors

if TYPE_CHECKING:
    from psycopg import Connection


class Packed:
    """A long list in the binary form of an array: sent as it is, where psycopg writes out every element.

    Args:
        array_oid: the number of the array's type; those of PostgreSQL's own types never change.
        element_oid: of its elements.
        n: how many there are.
        data: each with its length before it, in network order.
    """

    __slots__ = ("array_oid", "data")

    def __init__(self, array_oid: int, element_oid: int, *, n: int, data: bytes) -> None:
        self.array_oid = array_oid
        # One dimension, no NULL, counted from 1.
        self.data = struct.pack(">iiiii", 1, 0, element_oid, n, 1) + data


def packed_bytes(items: Sequence[tuple[bytes, int]]) -> Packed:
    """A list as `bytea[]`, each item as often as its number says; it has at least one element."""
    parts = [(len(item).to_bytes(4, "big") + item) * n for item, n in items]
    return Packed(1001, 17, n=sum(n for _, n in items), data=b"".join(parts))


def packed_bigints(items: Sequence[int] | NDArray[np.int64]) -> Packed:
    """A list as `bigint[]`; it has at least one element."""
    return Packed(1016, 20, n=len(items), data=_with_lengths(items, ">i8"))


def packed_integers(items: Sequence[int] | NDArray[np.int64]) -> Packed:
    """A list as `integer[]`; it has at least one element."""
    return Packed(1007, 23, n=len(items), data=_with_lengths(items, ">i4"))


def _with_lengths(items: Sequence[int] | NDArray[np.int64], kind: str) -> bytes:
    rows = np.empty(len(items), dtype=[("length", ">i4"), ("item", kind)])
    rows["length"], rows["item"] = np.dtype(kind).itemsize, items
    return rows.tobytes()


def vectors_of(sent: Sequence[bytes]) -> Vectors:
    """The vectors of which these are the binary forms, all of one dimension; shape `[n, d]`."""
    # Two numbers of 16 bits precede each: its dimension, and 0.
    return np.frombuffer(b"".join(sent), dtype=">f4").reshape(len(sent), -1)[:, 1:].astype(np.float32)


def register_types(connection: Connection[Any], oid: int) -> None:
    """Lets a connection send float32 arrays as `vector`, give back such arrays, and send what is packed.

    Args:
        oid: the number of the type `vector` in this database.
    """
    from psycopg.adapt import Dumper, Loader
    from psycopg.pq import Format

    class VectorDumper(Dumper):
        """The type's binary form: how many numbers, two unused bytes, the numbers."""

        format = Format.BINARY

        def dump(self, obj: Any) -> bytes:
            return struct.pack(">HH", len(obj), 0) + np.asarray(obj, dtype=">f4").tobytes()

    class VectorLoader(Loader):
        """The same, read."""

        format = Format.BINARY

        def load(self, data: Any) -> Vectors:
            return np.frombuffer(data, dtype=">f4", offset=4).astype(np.float32)

    class PackedDumper(Dumper):
        """Sends what is in the right form already."""

        format = Format.BINARY

        def dump(self, obj: Packed) -> bytes:
            return obj.data

        def get_key(self, obj: Packed, format: Any) -> Any:  # noqa: A002  (psycopg's name)
            return (Packed, obj.array_oid)

        def upgrade(self, obj: Packed, format: Any) -> Dumper:  # noqa: A002  (psycopg's name)
            dumper = PackedDumper(Packed)
            dumper.oid = obj.array_oid
            return dumper

    VectorDumper.oid = oid
    connection.adapters.register_dumper(Packed, PackedDumper)
    connection.adapters.register_dumper(np.ndarray, VectorDumper)
    connection.adapters.register_loader(oid, VectorLoader)
