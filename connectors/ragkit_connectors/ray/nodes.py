"""Each node of a cluster is asked, before any work is given to it, whether it runs what this process runs."""

from __future__ import annotations

import time
from typing import Any

import ragkit
from ragkit.errors import ClusterError
from ragkit_connectors.ray.cluster import Cluster, Node, last_line
from ragkit_connectors.ray.probe import probe
from ragkit_connectors.ray.watch import is_gone

_ANSWER_S = 120.0
_LOOK_S = 5.0


def check_nodes(cluster: Cluster) -> None:
    """Looks at every node that is alive.

    Raises:
        ClusterError: ragkit is missing on one, or is of another version; the message names the node and both.
            Or the cluster goes away meanwhile.
    """
    ray = cluster.ray
    look = ray.remote(probe())
    asked: list[tuple[Node, Any]] = []
    for node in cluster.nodes():
        there = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node.id, soft=False)
        asked.append((node, look.options(num_cpus=0, max_retries=1, scheduling_strategy=there).remote()))
    for node, ref in asked:
        try:
            facts = _answer(cluster, ref)
        except ClusterError:
            raise
        except Exception as e:
            if is_gone(cluster):
                raise cluster.gone(last_line(e)) from e
            raise ClusterError(
                f"node {node.name} of the Ray cluster at {cluster.address} gives no answer: "
                f"{type(e).__name__}: {last_line(e)}. See `ray status`, and take it out or start it again"
            ) from e
        _check(node, facts)


def _answer(cluster: Cluster, ref: Any) -> dict[str, Any]:
    """What a node says; is not waited for longer than its cluster is there."""
    until = time.monotonic() + _ANSWER_S
    while True:
        try:
            facts: dict[str, Any] = cluster.ray.get(ref, timeout=_LOOK_S)
            return facts
        except cluster.ray.exceptions.GetTimeoutError:
            if is_gone(cluster):
                raise cluster.gone() from None
            if time.monotonic() > until:
                raise


def _check(node: Node, facts: dict[str, Any]) -> None:
    here = ragkit.__version__
    if facts["ragkit"] is None:
        raise ClusterError(
            f"node {node.name} has no ragkit, and this process has {here}. Run there: "
            f"pip install 'ragkit[ray]=={here}'"
        )
    if facts["ragkit"] != here:
        raise ClusterError(
            f"node {node.name} has ragkit {facts['ragkit']}, and this process has {here}. Run on one of "
            f"them: pip install 'ragkit[ray]=={here}'"
        )
