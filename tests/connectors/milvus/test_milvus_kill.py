"""Writers and servers die with SIGKILL in the middle of their work: nothing is lost or there twice."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragkit.errors import StoreError
from ragkit.protocols import Change, Scope
from ragkit.testing.data import put, quarantine
from ragkit_connectors.milvus import MilvusStore
from tests.connectors.milvus.stores import Stores
from tests.crash.checking import matched
from tests.crash.ledger import Ledger, Notes
from tests.crash.workloads import vector_of
from tests.scale import scaled

pytest.importorskip("milvus_lite", reason="needs the extra milvus-lite")
pytest.importorskip("qdrant_client", reason="needs the extra qdrant, whose tests have the workload")
from tests.connectors.qdrant_writer import SPEC, document

SEED, N_PLACES = 20, 18  # named places that one commit and one compaction pass
SCRIPT = """
import json, os, random, signal, sys
from pathlib import Path
from ragkit import failpoints
from ragkit_connectors.milvus import MilvusStore
from tests.connectors.qdrant_writer import SPEC, batches
from tests.crash.ledger import Notes
left = int(sys.argv[4])
def die(name):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
store = MilvusStore(**json.loads(sys.argv[1])).open(SPEC)
notes = Notes(Path(sys.argv[2]))
failpoints.watch(die)
for changes in batches(random.Random(int(sys.argv[3])), 1000):
    notes.begun(changes)
    notes(done=store.commit(changes))
    store.compact()
"""


class LiteServer:
    """Milvus Lite as a server of its own, which may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it answers."""
        command = [sys.executable, "-m", "milvus_lite", "server", "--data-dir", str(self._folder)]
        command += ["--host", "127.0.0.1", "--port", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise TimeoutError("Milvus Lite does not answer")

    def kill(self) -> None:
        """At once."""
        self._process.kill()
        self._process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiteServer]:
    made = LiteServer(tmp_path / "served")
    made.start()
    yield made
    made.kill()


def killed(place: dict[str, Any], notes: Path, rng: random.Random) -> None:
    """Runs a writer until it kills itself."""
    import json

    given = [json.dumps(place), str(notes), str(rng.randrange(10**6)), str(rng.randrange(1, 3 * N_PLACES))]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *given],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def survives(place: dict[str, Any], folder: Path, n_kills: int) -> None:
    """Kills writers, each time in another place, and compares with what they had noted."""
    rng, path = random.Random(SEED), folder / "ledger"
    for _ in range(n_kills):
        killed(place, path, rng)
        store = MilvusStore(**place).open(SPEC)
        there: Any = matched(store, Ledger.read(path))  # type: ignore[arg-type]
        # The dead writer holds nobody up, and the next commit settles what it left.
        store.commit([document("next", rng.randrange(1000))])
        store.compact()
        assert store.holdings().n_ended == 0
        assert store.verify() == []
        assert len(store._server.turn.names()) == 1
        path.write_text("")
        note_all(Notes(path), store)
        held = dict(Ledger.read(path).acknowledged)
        assert {**there, "next": held["next"]} == held
        store.close()


def note_all(notes: Notes, store: MilvusStore) -> None:
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


def test_with_its_engine_within_it_a_writer_leaves_what_was_acknowledged(tmp_path: Path) -> None:
    survives({"path": str(tmp_path / "index.db"), "partitions": 2}, tmp_path, scaled(40, part=20))


def test_a_writer_to_a_server_leaves_what_was_acknowledged(server: LiteServer, tmp_path: Path) -> None:
    survives({"uri": server.uri, "partitions": 2}, tmp_path, scaled(20, part=20))


def test_a_server_that_is_killed_and_started_again_in_mid_ingest(server: LiteServer) -> None:
    """A commit that fails meanwhile is made again: what the server acknowledged is there, once."""
    stores, rng, over = Stores(), random.Random(3), threading.Event()
    store = stores.make(SPEC, uri=server.uri, timeout_s=5, attempts=15)

    def kill() -> None:
        for _ in range(scaled(20, part=10)):
            if over.wait(rng.uniform(0.2, 0.6)):
                return
            server.kill()
            server.start()

    killer, n_failed, version = threading.Thread(target=kill), 0, 0
    killer.start()
    try:
        while (killer.is_alive() or version < 3) and n_failed < 20:
            with contextlib.suppress(StoreError):
                store.commit([document(name, version) for name in "abc"])
                version += 1
                continue
            n_failed += 1
    finally:
        over.set()
        killer.join()
    expected = sorted(text for name in "abc" for text in texts_of(document(name, version - 1)))
    (dense,) = store.search(vector_of("x")[None], 100, Scope())
    there = sorted(chunk.text for chunk in store.fetch(dense.id_list(), Scope()) if chunk is not None)
    assert there == expected, n_failed
    assert store.verify() == []
    stores.close()


def texts_of(change: Change) -> list[str]:
    return [record.chunk.text for record in change.records]


def test_a_server_that_is_gone_is_said_in_time(server: LiteServer) -> None:
    stores = Stores()
    store = stores.make(SPEC, uri=server.uri, timeout_s=1, attempts=1)
    store.commit([document("a", 1)])
    server.kill()
    began = time.monotonic()
    with pytest.raises(StoreError, match=r"cannot be reached|no answer within timeout_s"):
        store.search(vector_of("x")[None], 5, Scope())
    assert time.monotonic() - began < 10
    server.start()
    deadline = time.monotonic() + 30
    while True:
        try:
            assert len(store.search(vector_of("x")[None], 5, Scope())[0]) == 3
            break
        except StoreError:
            assert time.monotonic() < deadline
    stores.close()
