"""The files of an index that lies among the documents, which are no documents.

They hold texts and change with each commit: what would be indexed of them is never up to date, and outlives
what was forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# What lies together only where a store keeps an index, and the names that are the store's there. What else
# lies in such a folder is the user's.
_INDEXES = (
    (  # store/local
        frozenset({"manifest.sqlite", "last-commit"}),
        r"(manifest|readings)\.sqlite.*|last-commit.*|(readers|writer)\.lock|vectors-\d+\.f32|postings|dense",
    ),
    (  # store/lancedb
        frozenset({"records.sqlite", "table.lock"}),
        r"records\.sqlite.*|table\.lock|(gone-)?chunks-.*|words",
    ),
    (  # a shard of store/qdrant with engine: edge
        frozenset({"edge_config.json", "segments"}),
        r"edge_config\.json|segments|wal",
    ),
    (  # the local mode of Qdrant's client
        frozenset({"meta.json", "collection", ".lock"}),
        r"meta\.json|collection|\.lock",
    ),
)
_SECOND_SHARD = "__ragkit"


def without_index(names: Sequence[str]) -> list[str]:
    """The names in a folder that are not those of an index, in their order.

    >>> without_index(["last-commit", "manifest.sqlite", "notes.md", "postings"])
    ['notes.md']
    >>> without_index(["manifest.sqlite", "notes.md"])
    ['manifest.sqlite', 'notes.md']
    """
    there = set(names)
    own = [re.compile(pattern) for marks, pattern in _INDEXES if marks <= there]
    shards = [name.removesuffix(_SECOND_SHARD) for name in names if name.endswith(_SECOND_SHARD)]
    taken = {f"{s}{end}" for s in shards if f"{s}.lock" in there for end in ("", _SECOND_SHARD, ".lock")}
    return [name for name in names if name not in taken and not any(p.fullmatch(name) for p in own)]
