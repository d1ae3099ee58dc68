"""Who is blamed when an actor dies: only what killed it, whatever it had beside it."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest

from ragkit_connectors.ray.cluster import Cluster
from ragkit_connectors.ray.pool import TRIES, Pool, WorkerDiedError

SLOW, KILLER = b"slow", b"killer"


class Fragile:
    """Gives back what it is given, one thing after a while, and dies of some."""

    def hello(self, setup: bytes) -> bytes:
        return setup

    def echo(self, task: bytes) -> bytes:
        if task == KILLER:
            os.kill(os.getpid(), signal.SIGKILL)
        if task == SLOW:
            time.sleep(2)
        return task


def test_what_was_beside_a_task_that_kills_is_not_blamed(cluster: Any) -> None:
    import ray

    greeted: list[bytes] = []
    pool = Pool(
        Cluster(ray, cluster.address),
        start=lambda: ray.remote(Fragile).options(num_cpus=1, max_concurrency=2).remote(),
        greet=b"hello",
        accept=greeted.append,
        size=1,
    )
    try:
        # The killer comes second, and its actor dies before it has given its answer to the first.
        tasks = [SLOW, KILLER, b"third"]
        answers = [pool.submit("echo", task) for task in tasks]
        for task, answer in zip(tasks, answers, strict=True):
            if task == KILLER:
                with pytest.raises(WorkerDiedError):
                    answer.result(timeout=120)
            else:
                assert answer.result(timeout=120) == task
    finally:
        pool.close()
    assert TRIES < len(greeted) <= TRIES + 2
