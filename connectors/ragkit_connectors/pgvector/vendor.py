"""psycopg, imported when a store is first opened, and the one type of pgvector that it does not know."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.protocols import Vectors

if TYPE_CHECKING:
    from psycopg import Connection


def register_vector(connection: Connection[Any], oid: int) -> None:
    """Lets a connection send float32 arrays as `vector`, and gives back such arrays.

    Args:
        oid: the number of the type in this database.
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

    VectorDumper.oid = oid
    connection.adapters.register_dumper(np.ndarray, VectorDumper)
    connection.adapters.register_loader(oid, VectorLoader)
