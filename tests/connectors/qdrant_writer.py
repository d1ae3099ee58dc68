"""A process that commits to a folder of Qdrant's local mode and kills itself on the way.

    python -m tests.connectors.qdrant_writer FOLDER NOTES SEED PLACES

It dies with SIGKILL at the PLACES-th named place that it passes; see `ragkit.failpoints`.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from ragkit import failpoints
from ragkit.protocols import Change
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put, quarantine, remove
from ragkit_connectors.qdrant import QdrantStore
from tests.crash.ledger import Notes
from tests.crash.workloads import COMMON, DIMENSION, vector_of

SPEC = StoreSpec("hash", embedder_fingerprint="hash/1", dimension=DIMENSION)


def document(name: str, version: int) -> Change:
    """A document of three passages."""
    texts = [f"{COMMON} {name} version {version} part {i}" for i in range(3)]
    return put(name, [(text, vector_of(text)) for text in texts])


def batches(rng: random.Random, n: int) -> Iterator[list[Change]]:
    """Commits that write, replace, remove and quarantine."""
    for _ in range(n):
        names = rng.sample([f"d{i}" for i in range(8)], 3)
        kinds = [rng.choice("pppprq") for _ in names]
        yield [
            document(name, rng.randrange(1000))
            if kind == "p"
            else remove(name)
            if kind == "r"
            else quarantine(name)
            for name, kind in zip(names, kinds, strict=True)
        ]


def main(folder: str, notes_path: str, seed: str, places: str) -> None:
    """Commits until it is killed, collecting garbage in between."""
    left = int(places)

    def die(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    store = QdrantStore(path=folder).open(SPEC)
    notes = Notes(Path(notes_path))
    failpoints.watch(die)
    for changes in batches(random.Random(int(seed)), 1000):
        notes.begun(changes)
        notes(done=store.commit(changes))
        store.compact()


if __name__ == "__main__":
    main(*sys.argv[1:])
