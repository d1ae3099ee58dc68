"""A writer dies with SIGKILL while it commits, compacts or erases: nothing is lost or there twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lancedb", reason="needs the extra lancedb")

from ragkit.protocols import Change
from ragkit.testing.data import put, quarantine
from ragkit_connectors.lancedb import LanceStore
from tests.connectors.lance_writer import SPEC
from tests.connectors.qdrant_writer import document
from tests.crash.checking import matched
from tests.crash.ledger import Ledger, Notes
from tests.crash.workloads import vector_of
from tests.scale import scaled

SEED = 20
KILLS = scaled(60)
N_PLACES = 26  # named places that one commit and one compaction pass, and a few more


def killed(folder: Path, notes: Path, rng: random.Random) -> None:
    """Runs a writer until it kills itself: at a place two times of three, else at a moment."""
    places = rng.randrange(1, 3 * N_PLACES) if rng.random() < 2 / 3 else 0
    given = [str(folder), str(notes), str(rng.randrange(10**6)), str(places), str(rng.randrange(5, 1500))]
    done = subprocess.run(
        [sys.executable, "-m", "tests.connectors.lance_writer", *given],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_killed_anywhere_it_holds_what_was_acknowledged(tmp_path: Path) -> None:
    rng, folder, path = random.Random(SEED), tmp_path / "index", tmp_path / "ledger"
    for _ in range(KILLS):
        killed(folder, path, rng)
        store = LanceStore(path=folder).open(SPEC)
        there: Any = matched(store, Ledger.read(path))  # type: ignore[arg-type]
        # The dead writer holds nobody up, and the next commit settles what it left.
        store.commit([document("next", rng.randrange(1000))])
        store.compact()
        held_now = store.holdings()
        assert (held_now.n_ended, held_now.to_erase) == (0, False)
        assert store.verify() == []
        assert len(list(folder.glob("chunks-*"))) == 1, "files of an older generation are left"
        path.write_text("")
        note_all(Notes(path), store)
        held = dict(Ledger.read(path).acknowledged)
        assert {**there, "next": held["next"]} == held
        store.close()


def note_all(notes: Notes, store: LanceStore) -> None:
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
