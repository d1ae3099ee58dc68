"""A process that commits to a folder of LanceDB and kills itself on the way.

    python -m tests.connectors.lance_writer FOLDER NOTES SEED PLACES MILLISECONDS

It dies with SIGKILL at the PLACES-th named place that it passes (see `ragkit.failpoints`), or so many
milliseconds after its first commit, wherever it is then: in the engine most of the time.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from pathlib import Path

from ragkit import failpoints
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import remove
from ragkit_connectors.lancedb import LanceStore
from tests.connectors.qdrant_writer import batches
from tests.crash.ledger import Notes
from tests.crash.workloads import DIMENSION

SPEC = StoreSpec("hash", embedder_fingerprint="hash/1", dimension=DIMENSION)


def main(folder: str, notes_path: str, seed: str, places: str, milliseconds: str) -> None:
    """Commits until it is killed, collecting garbage and forgetting in between."""
    left = int(places)

    def die(_: str = "") -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    store = LanceStore(path=folder).open(SPEC)
    notes = Notes(Path(notes_path))
    rng = random.Random(int(seed))
    if left:
        failpoints.watch(die)
    else:
        threading.Timer(int(milliseconds) / 1000, os.kill, (os.getpid(), signal.SIGKILL)).start()
    for changes in batches(rng, 1000):
        notes.begun(changes)
        notes(done=store.commit(changes))
        if rng.random() < 0.3:
            forgotten = [remove(rng.choice([state.document_id for state in store.states()] or ["d0"]))]
            notes.begun(forgotten)
            store.erase(forgotten)
            notes(done=0)
        else:
            store.compact()


if __name__ == "__main__":
    main(*sys.argv[1:])
