"""Workers and drivers are killed while documents are ingested: nothing is lost, nothing is there twice."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ragkit_connectors.ray import OnRay
from tests.connectors.ray.bench import content, documents, files, opened, same, store_of
from tests.connectors.ray.drive import ingesting, n_documents
from tests.connectors.ray.processes import kill, workers_of
from tests.scale import IS_FULL, scaled

SEED = 60
KILLS = {"local": scaled(60), "pgvector": scaled(70), "qdrant": scaled(70), "opensearch": scaled(40)}
A_RUN, A_RUN_KILLS = 60, 5
WORKERS = 3 if IS_FULL else 2
LIMIT_S = 300


class Killer(threading.Thread):
    """Kills a worker now and then, so many in all, until it is told to stop."""

    def __init__(self, raylet: int, rng: random.Random, most: int) -> None:
        super().__init__(daemon=True)
        self._most = most
        self.killed_in: Counter[str] = Counter()
        self.stop = threading.Event()
        self._raylet, self._rng = raylet, rng

    def run(self) -> None:
        while self.killed_in.total() < self._most and not self.stop.wait(self._rng.uniform(0.05, 1.0)):
            workers = workers_of(self._raylet)
            # One of two is left alone, or on a slow machine no worker would ever be ready.
            if len(workers) > 1:
                victim = self._rng.choice(sorted(workers))
                self.killed_in[workers[victim]] += kill(victim)


def raylet_of(cluster: Any) -> int:
    """The process whose children the workers are."""
    return int(cluster.head_node.all_processes["raylet"][0].process.pid)


@pytest.mark.parametrize("kind", KILLS)
def test_workers_that_are_killed_lose_and_double_nothing(kind: str, cluster: Any, tmp_path: Path) -> None:
    n = 0
    killed_in: Counter[str] = Counter()
    rng = random.Random(f"{SEED} {kind}")
    most = KILLS[kind]
    slow = {"models.embed.sleep_ms": "15"}
    with store_of(kind, tmp_path) as store, opened(tmp_path / "there", slow, store) as there:
        while killed_in.total() < most:
            killer = Killer(raylet_of(cluster), rng, min(A_RUN_KILLS, most - killed_in.total()))
            killer.start()
            report = there.ingest(documents(A_RUN, n), progress=False, on=OnRay(workers=WORKERS))
            killer.stop.set()
            killer.join()
            n += A_RUN
            killed_in += killer.killed_in
            assert (report.seen, report.committed, report.documents) == (A_RUN, A_RUN, ())
        # And once more, with nobody killed, over what is there.
        more = [*documents(12, n - 12), *documents(6, n)]
        again = there.ingest(more, progress=False, on=OnRay(workers=1))
        assert (again.seen, again.unchanged, again.committed) == (18, 12, 6)
        n += 6
        with opened(tmp_path / "here") as here:
            here.ingest(documents(n), progress=False)
            same(here, there)
            counts = [rag._parts.collection.counts() for rag in (here, there)]
        assert counts[0] == counts[1]
        assert counts[1].documents == n
        assert there.verify() == []
    print(f"{kind}: {killed_in} killed in {n // A_RUN} runs, {n} documents: none lost, none twice")


def test_a_driver_that_is_killed_goes_on_where_it_was_also_by_the_client_of_ray(
    cluster: Any, tmp_path: Path
) -> None:
    from ray.util.client.server.server import serve

    docs = files(tmp_path / "docs", 60)
    folder = tmp_path / "there"
    opened(folder).close()
    # Written out, for the workers have the cluster's environment. After the first commit 10 s are left.
    slow = (folder / "rag.yaml").read_text().replace('"${SLEEP_MS:-0}"', "40")
    (folder / "slow.yaml").write_text(slow)
    first = ingesting(folder, docs, "ray", config="slow.yaml", RAY_ADDRESS=cluster.address)
    began = time.monotonic()
    while not (committed := n_documents(folder)):
        assert first.poll() is None, first.communicate()
        assert time.monotonic() - began < LIMIT_S
        time.sleep(0.2)
    first.kill()
    first.communicate()
    assert 0 < committed < 180
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = serve("127.0.0.1", port)
    try:
        second = ingesting(folder, docs, f"ray://127.0.0.1:{port}")
        out, err = second.communicate(timeout=LIMIT_S)
    finally:
        server.stop(0)
    assert second.returncode == 0, err
    report = json.loads(out)
    assert report["unchanged"] >= committed
    assert report["seen"] == 183
    assert report["committed"] + report["unchanged"] == 180
    with opened(folder) as there, opened(tmp_path / "here") as here:
        here.ingest(docs, progress=False)
        assert content(there._parts.collection) == content(here._parts.collection)
        assert there.verify() == []
