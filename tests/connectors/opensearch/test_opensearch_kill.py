"""A writer dies with SIGKILL in the middle of a commit or a compaction: nothing is lost or there twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragkit.protocols import Change
from ragkit.testing.data import put, quarantine
from ragkit_connectors.opensearch import OpenSearchStore
from tests.connectors.opensearch.stores import Stores
from tests.crash.checking import matched
from tests.crash.ledger import Ledger, Notes
from tests.crash.workloads import vector_of
from tests.scale import scaled

pytest.importorskip("opensearchpy", reason="needs the extra opensearch")
pytest.importorskip("qdrant_client", reason="needs the extra qdrant, whose tests have the workload")
from tests.connectors.qdrant_writer import SPEC, document

SEED, N_PLACES = 20, 18  # named places that one commit and one compaction pass
SCRIPT = """
import os, random, signal, sys
from pathlib import Path
from ragkit import failpoints
from ragkit_connectors.opensearch import OpenSearchStore
from tests.connectors.qdrant_writer import SPEC, batches
from tests.crash.ledger import Notes
left = int(sys.argv[5])
def die(name):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
store = OpenSearchStore(hosts=[sys.argv[1]], name=sys.argv[2], replicas=0).open(SPEC)
notes = Notes(Path(sys.argv[3]))
failpoints.watch(die)
for changes in batches(random.Random(int(sys.argv[4])), 1000):
    notes.begun(changes)
    notes(done=store.commit(changes))
    store.compact()
"""


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


def killed(store: OpenSearchStore, url: str, notes: Path, rng: random.Random) -> None:
    """Runs a writer until it kills itself."""
    given = [
        url,
        store.config.name,
        str(notes),
        str(rng.randrange(10**6)),
        str(rng.randrange(1, 3 * N_PLACES)),
    ]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *given],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_killed_at_any_place_it_holds_what_was_acknowledged(stores: Stores, tmp_path: Path) -> None:
    rng, path = random.Random(SEED), tmp_path / "ledger"
    store = stores.make(SPEC)
    for _ in range(scaled(60)):
        killed(store, stores.server.url, path, rng)
        there: Any = matched(store, Ledger.read(path))  # type: ignore[arg-type]
        # The dead writer holds nobody up, and the next commit settles what it left.
        store.commit([document("next", rng.randrange(1000))])
        store.compact()
        assert store.holdings().n_ended == 0
        assert store.verify() == []
        path.write_text("")
        note_all(Notes(path), store)
        held = dict(Ledger.read(path).acknowledged)
        assert {**there, "next": held["next"]} == held


def note_all(notes: Notes, store: OpenSearchStore) -> None:
    """Notes the content of a store as commits."""
    changes: list[Change] = []
    for state in store.states():
        source = store.source("", state.document_id)
        if source is not None:
            texts = source.text.split("\n")
            changes.append(put(state.document_id, [(text, vector_of(text)) for text in texts]))
    for some in (changes, [quarantine(state.document_id) for state in store.quarantined()]):
        notes.begun(some)
        notes(done=0)
