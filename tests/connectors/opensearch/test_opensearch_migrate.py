"""From a folder into OpenSearch and back: the same documents, chunks and answers, killed on the way too."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit.store.collection import StoreCollection
from ragkit.store.migrate import migrate
from tests.connectors.opensearch.stores import Stores
from tests.scale import scaled
from tests.unit.store.test_migrate import SPEC, at, check_same, collection, fill

pytest.importorskip("opensearchpy", reason="needs the extra opensearch")
SCRIPT = """
import os, signal, sys
from pathlib import Path
from ragkit import failpoints
from ragkit.store import migrate as m
from ragkit_connectors.opensearch import OpenSearchStore
from tests.unit.store.test_migrate import SPEC, at, collection
m.BATCH_CHUNKS, m.BATCH_DOCUMENTS = 12, 8
left = int(sys.argv[4])
def count(name):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
source = at(Path(sys.argv[1]))
target = collection(OpenSearchStore(hosts=[sys.argv[2]], name=sys.argv[3], replicas=0).open(SPEC))
failpoints.watch(count)
m.migrate(source, target)
"""


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


@pytest.fixture
def source(tmp_path: Path) -> Iterator[StoreCollection]:
    made = at(tmp_path / "source")
    fill(made.store, 60)
    yield made
    made.close()


def test_there_and_back_again(stores: Stores, source: StoreCollection, tmp_path: Path) -> None:
    there = collection(stores.make(SPEC, shards=2))
    check_same(source, there, migrate(source, there))
    assert migrate(source, there).copied == 0
    back = at(tmp_path / "back")
    check_same(source, back, migrate(there, back))
    assert back.store.verify() == []  # type: ignore[attr-defined]
    back.close()


@pytest.mark.parametrize("seed", range(scaled(40)))
def test_killed_at_random_points_nothing_is_lost_or_doubled(
    seed: int, stores: Stores, source: StoreCollection, tmp_path: Path
) -> None:
    store = stores.make(SPEC)
    chosen, killed = random.Random(seed), 0
    arguments = [str(tmp_path / "source"), stores.server.url, store.config.name]
    for _ in range(6):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, *arguments, str(chosen.randint(1, 90))],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=Path(__file__).parents[3],
        )
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        killed += 1
    assert killed > 0
    target = collection(store)
    check_same(source, target, migrate(source, target))
    assert store.verify() == []
