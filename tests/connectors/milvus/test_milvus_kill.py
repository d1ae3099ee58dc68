"""Writers and servers die with SIGKILL in the middle of their work: nothing is lost or there twice."""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit.errors import StoreError
from ragkit.protocols import Scope
from ragkit_connectors.milvus import MilvusStore
from tests.connectors.milvus.stores import Stores
from tests.connectors.workload import SPEC, document, seen, texts_of
from tests.connectors.writer import survives
from tests.crash.workloads import vector_of
from tests.scale import scaled

pytest.importorskip("milvus_lite", reason="needs the extra milvus-lite")


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


def of_one_record(store: MilvusStore) -> None:
    """The record of commits lies in one place."""
    assert len(store._server.turn.names()) == 1


def test_with_its_engine_within_it_a_writer_leaves_what_was_acknowledged(tmp_path: Path) -> None:
    place = {"path": str(tmp_path / "index.db"), "partitions": 2}
    survives("store/milvus", place, tmp_path, scaled(40, part=20), check=of_one_record)


def test_a_writer_to_a_server_leaves_what_was_acknowledged(server: LiteServer, tmp_path: Path) -> None:
    place = {"uri": server.uri, "partitions": 2}
    survives("store/milvus", place, tmp_path, scaled(20, part=20), check=of_one_record)


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
    assert seen(store) == texts_of(*(document(name, version - 1) for name in "abc")), n_failed
    stores.close()


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
