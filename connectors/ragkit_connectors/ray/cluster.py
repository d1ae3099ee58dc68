"""A Ray cluster that this process is joined to: its nodes, and whether it is still there."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ragkit.errors import ClusterError

CLIENT = "ray://"
PROBE_S = 3.0


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of the cluster, or a part of one: its id, its name, and what it has."""

    id: str
    name: str = field(kw_only=True)
    cpus: float = field(default=0.0, kw_only=True)
    gpus: float = field(default=0.0, kw_only=True)


class Sight(Enum):
    """What a look at a cluster finds: its nodes, that there is nothing, or no answer in time."""

    THERE = "there"
    GONE = "gone"
    SILENT = "silent"


class Cluster:
    """A cluster that this process is joined to. Made by `ragkit_connectors.ray.join.joined`.

    Args:
        ray: the module.
        address: for people.
        logs: the folder of Ray's logs on its nodes.
        is_own: whether it was started here, for the time of a block.
    """

    def __init__(
        self,
        ray: Any,
        address: str,
        *,
        logs: str = "/tmp/ray/session_latest/logs",  # noqa: S108
        is_own: bool = False,
    ) -> None:
        self.ray = ray
        self.address = address
        self.logs = logs
        self._is_own = is_own
        # Where Ray's client is between, only that one is known here.
        is_client = ray.util.client.ray.is_connected()
        self._gcs = "" if is_client else str(ray.get_runtime_context().gcs_address)

    def nodes(self) -> list[Node]:
        """Those that are alive; none where this process has left."""
        if not self.ray.is_initialized():
            # Or Ray would start a cluster for the question.
            return []
        return [
            Node(
                row["NodeID"],
                name=f"{row['NodeManagerHostname']} ({row['NodeManagerAddress']})",
                cpus=row["Resources"].get("CPU", 0.0),
                gpus=row["Resources"].get("GPU", 0.0),
            )
            for row in self.ray.nodes()
            if row["Alive"]
        ]

    def look(self) -> Sight:
        """Whether its head answers and knows of a node that is alive; takes a few seconds at most."""
        if self._gcs and not is_open(self._gcs):
            return Sight.GONE
        found: list[Sight] = []

        def ask() -> None:
            found.append(Sight.THERE if self.nodes() else Sight.GONE)

        if not within(PROBE_S, ask):
            return Sight.SILENT
        if found:
            return found[0]
        # A client that is cut off says so by an error; a head that takes connections may only be late.
        return Sight.SILENT if self._gcs else Sight.GONE

    def gone(self, cause: object = "") -> ClusterError:
        """The error for a cluster that went away."""
        said = f" ({first_line(cause)})" if str(cause) else ""
        kept = "What was committed is there, and of the rest nothing"
        again = "run the same command: it goes on where this one ended"
        if self._is_own:
            return ClusterError(
                f"the Ray cluster that was started here went away{said}. {kept}. Ray's logs are in "
                f"{self.logs}; free memory if that was short, and {again}"
            )
        return ClusterError(
            f"the Ray cluster at {self.address} went away{said}. {kept}. Check it with `ray status`, start "
            f"it again, and {again}"
        )


def first_line(said: object) -> str:
    """The first line of what Ray says."""
    return next((line.strip() for line in str(said).splitlines() if line.strip()), "")[:300]


def within(seconds: float, call: Callable[[], object]) -> bool:
    """Whether the call ended in time; it goes on in its own thread where it did not."""
    ended = threading.Event()

    def run() -> None:
        try:
            call()
        except Exception as e:
            logging.getLogger(__name__).debug("left: %s", e)
        finally:
            ended.set()

    threading.Thread(target=run, name="ragkit-ray-leave", daemon=True).start()
    return ended.wait(seconds)


def is_open(address: str) -> bool:
    """Whether something takes connections at HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=PROBE_S).close()
    except (OSError, ValueError):
        return False
    return True


def last_line(said: object) -> str:
    """The last line of what Ray says, which names the cause."""
    lines = [line.strip() for line in str(said).splitlines() if line.strip()]
    return (lines[-1] if lines else type(said).__name__)[:300]
