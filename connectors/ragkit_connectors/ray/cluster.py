"""A Ray cluster: joined or started, looked at, left. What it says is told as our own errors."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ragkit.errors import ClusterError
from ragkit.models.workers import usable_cores

CLIENT = "ray://"
_PROBE_S = 3.0
_LEAVE_S = 15.0
# The address that a module of Ray was joined by in this process.
_addresses: dict[int, str] = {}


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
    """A cluster that this process is joined to. Made by `joined`."""

    def __init__(self, ray: Any, address: str) -> None:
        self.ray = ray
        self.address = address
        self._gcs = ""
        if not address.startswith(CLIENT):
            self._gcs = str(ray.get_runtime_context().gcs_address)

    def nodes(self) -> list[Node]:
        """Those that are alive."""
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
        alive: list[Node] = []
        if not within(_PROBE_S, lambda: alive.extend(self.nodes())):
            return Sight.SILENT
        return Sight.THERE if alive else Sight.GONE

    def gone(self, cause: object = "") -> ClusterError:
        """The error for a cluster that went away."""
        said = f" ({_first_line(cause)})" if str(cause) else ""
        return ClusterError(
            f"the Ray cluster at {self.address} went away{said}. What was committed is there, and of the "
            "rest nothing. Check it with `ray status`, start it again, and run the same command: it goes "
            "on where this one ended"
        )


@contextmanager
def joined(address: str, *, cpus: int | None = None) -> Iterator[Cluster]:
    """Joins a cluster for the time of the block; one that this process is joined to already stays joined.

    Args:
        address: `ray://HOST:PORT` of a cluster elsewhere; empty for the one that RAY_ADDRESS names or that
            runs on this machine, else one is started here, bound to the loopback interface, and stopped at
            the end.
        cpus: slots of one that is started here; those that this process may run on when left out.

    Raises:
        ClusterError: it cannot be reached, or runs another version of Ray or of Python.
    """
    # Nobody is told of what is done here.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    starts_here = not address and not os.environ.get("RAY_ADDRESS") and not _runs_here()
    if starts_here and "ray" not in sys.modules:
        # Read when Ray is imported: without it all its servers listen on every interface.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    import ray
    import ray.util.scheduling_strategies

    if ray.is_initialized():
        yield _already(ray, address)
        return
    # Ray sets a handler that would take the place of the caller's.
    on_sigterm = signal.getsignal(signal.SIGTERM)
    shown = address or ("this machine" if not os.environ.get("RAY_ADDRESS") else os.environ["RAY_ADDRESS"])
    try:
        if starts_here:
            _started_here(ray, cpus or usable_cores())
        else:
            ray.init(address or "auto", **_quiet(address))
        if threading.current_thread() is threading.main_thread() and on_sigterm is not None:
            signal.signal(signal.SIGTERM, on_sigterm)
        cluster = Cluster(ray, shown)
        _addresses[id(ray)] = address
    except Exception as e:
        _leave(ray)
        raise ClusterError(_unreachable(shown, e)) from e
    try:
        yield cluster
    finally:
        _leave(ray)


def _already(ray: Any, address: str) -> Cluster:
    """The cluster that this process is joined to; whoever joined it leaves it."""
    known = _addresses.get(id(ray), "")
    if address and address != known:
        raise ClusterError(
            f"this process is joined to another Ray cluster than {address}. Leave it first, ray.shutdown(), "
            "or leave the address out to work there"
        )
    return Cluster(ray, known or "this process's")


def _started_here(ray: Any, cpus: int) -> None:
    # The store holds what is under way, which is bounded, and /dev/shm is small in containers.
    ray.init("local", num_cpus=cpus, include_dashboard=False, object_store_memory=256 * 2**20, **_quiet(""))


def _quiet(address: str) -> dict[str, Any]:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    return quiet if not address.startswith(CLIENT) else {"log_to_driver": False}


def _runs_here() -> bool:
    """Whether a cluster of this user runs on this machine, as Ray itself looks it up."""
    try:
        with open("/tmp/ray/ray_current_cluster") as file:  # noqa: PTH123, S108  (Ray's own place)
            host, _, port = file.read().strip().rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PROBE_S).close()
    except (OSError, ValueError):
        return False
    return True


def _unreachable(address: str, error: Exception) -> str:
    said = _first_line(error)
    if "ersion mismatch" in str(error):
        said = " ".join(str(error).split())[:500]
        return (
            f"the Ray cluster at {address} runs other versions than this process: {said}. Run the same Ray "
            "and Python on both"
        )
    return (
        f"no Ray cluster can be reached at {address}: {type(error).__name__}: {said}. Check that it runs "
        "(`ray status` on its head node) and that the address is that of its head, "
        "ray://HOST:10001; or leave the address out, --on ray, to start one on this machine"
    )


def _first_line(said: object) -> str:
    return next((line.strip() for line in str(said).splitlines() if line.strip()), "")[:300]


def _leave(ray: Any) -> None:
    """Leaves, and does not wait for ever for a cluster that is gone."""
    _addresses.pop(id(ray), None)
    within(_LEAVE_S, ray.shutdown)


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
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PROBE_S).close()
    except (OSError, ValueError):
        return False
    return True


def last_line(said: object) -> str:
    """The last line of what Ray says, which names the cause."""
    lines = [line.strip() for line in str(said).splitlines() if line.strip()]
    return (lines[-1] if lines else type(said).__name__)[:300]
