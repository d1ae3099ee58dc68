"""A cluster is killed while documents are ingested: it is told in time, and nothing is half there."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.connectors.ray.bench import content, files, opened
from tests.connectors.ray.drive import ingesting, n_documents
from tests.connectors.ray.processes import children_of, kill
from tests.scale import IS_FULL

pytest.importorskip("ray", reason="needs the extra ray")

# Three documents each, of four passages.
N_FILES = 60
# Workers that nobody ends take 120 s for the rest: a run that only waits for them is told from one that ends.
AT_ONCE, SLEEP_MS, LEFT_S = 60, 400, 120
LIMIT_S = 90
# What is killed, and what is joined: Ray itself, or its client's server.
LOSSES = [
    ("gcs_server raylet", "ray"),
    ("raylet", "ray"),
    ("gcs_server", "ray"),
    ("gcs_server raylet workers", "ray"),
    ("server gcs_server raylet", "client"),
    ("server", "client"),
]
HEAD = """
import json, os, sys, ray
from ray.util.client.server.server import serve
ray.init("local", num_cpus=2, include_dashboard=False, object_store_memory=80 * 2**20, log_to_driver=False)
node = ray._private.worker._global_node
pids = {kind: node.all_processes[kind][0].process.pid for kind in ("gcs_server", "raylet")}
server = serve("127.0.0.1", int(sys.argv[1]))
print(json.dumps({**pids, "server": os.getpid(), "gcs": ray.get_runtime_context().gcs_address}), flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True, slots=True)
class Head:
    """A cluster of its own: its processes, and where it is joined."""

    pids: dict[str, int]
    gcs: str
    client: str

    def kill(self, what: str) -> None:
        for kind in what.split():
            for pid in self.workers() if kind == "workers" else [self.pids[kind]]:
                kill(pid)

    def workers(self) -> list[int]:
        """What runs below its raylet, as long as that lives."""
        return [pid for pid, _ in children_of(self.pids["raylet"])]


@contextmanager
def a_head() -> Iterator[Head]:
    """A cluster that slows down its workers; all its processes are ended."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {**os.environ, "SLEEP_MS": str(SLEEP_MS), "AT_ONCE": str(AT_ONCE)}
    process = subprocess.Popen(
        [sys.executable, "-c", HEAD, str(port)],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    pids = json.loads(process.stdout.readline())
    head = Head(pids, pids.pop("gcs"), f"ray://127.0.0.1:{port}")
    try:
        yield head
    finally:
        left = [*children_of(head.pids["raylet"]), *children_of(process.pid)]
        process.kill()
        process.communicate()
        for pid, _ in left:
            kill(pid)


@pytest.mark.parametrize(("what", "joined"), LOSSES if IS_FULL else LOSSES[:1])
def test_a_cluster_that_goes_away_is_told_in_time_and_the_next_run_does_the_rest(
    what: str, joined: str, plugin: Path, tmp_path: Path
) -> None:
    docs = files(tmp_path / "docs", N_FILES)
    folder = tmp_path / "i"
    opened(folder).close()
    with a_head() as head:
        address = head.gcs if joined == "ray" else head.client
        driver = ingesting(folder, docs, "ray", RAY_ADDRESS=address)
        while not n_documents(folder):
            assert driver.poll() is None, driver.communicate()
        workers = head.workers()
        head.kill(what)
        began = time.monotonic()
        try:
            _, err = driver.communicate(timeout=LEFT_S)
        finally:
            driver.kill()
            took = time.monotonic() - began
            for pid in workers:
                kill(pid)
    assert driver.returncode == 1, err
    assert took < LIMIT_S
    print(f"{what}, joined by {joined}: told after {took:.1f} s")
    told = " ".join(err.split())
    assert f"error: the Ray cluster at {address} went away" in told
    assert "run the same command: it goes on where this one ended" in told
    assert "Traceback" not in err
    with opened(folder) as there, opened(tmp_path / "here") as here:
        assert there.verify() == []
        here.ingest(docs, progress=False)
        whole = content(here._parts.collection)
        left = content(there._parts.collection)
        assert 0 < len(left) < len(whole)
        assert left == {id_: whole[id_] for id_ in left}
        rest = there.ingest(docs, progress=False)
        assert (rest.unchanged, rest.unchanged + rest.committed) == (len(left), 3 * N_FILES)
        assert content(there._parts.collection) == whole
        assert there._parts.collection.counts() == here._parts.collection.counts()
        assert there.verify() == []
