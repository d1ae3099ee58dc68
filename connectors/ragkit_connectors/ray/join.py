"""Joins a Ray cluster that is named, or starts one that nobody else has a part in.

A cluster of somebody else on this machine is never looked for: it would be given this user's documents,
and one that hangs would hang what joins it.
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ragkit.errors import ClusterError
from ragkit.models.workers import usable_cores
from ragkit_connectors.ray.cluster import CLIENT, PROBE_S, Cluster, first_line, is_open, within

_LEAVE_S = 15.0
# Ray puts some 60 characters behind it, and no path of a socket may have more than 107.
_MOST_PATH = 38
# The address that a module of Ray was joined by in this process.
_addresses: dict[int, str] = {}


@contextmanager
def joined(address: str, *, cpus: int | None = None, within_s: float = 60.0) -> Iterator[Cluster]:
    """Joins a cluster for the time of the block; one that this process is joined to already stays joined.

    Args:
        address: `ray://HOST:PORT` of a cluster elsewhere; empty for the one that the variable RAY_ADDRESS
            names. Where neither names one it is started here, in a private folder, bound to the loopback
            interface, and stopped at the end.
        cpus: slots of one that is started here; those that this process may run on when left out.
        within_s: seconds that a cluster which is joined has to answer.

    Raises:
        ClusterError: it cannot be reached in time, or runs another version of Ray or of Python.
    """
    # Nobody is told of what is done here.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Ray's own names: auto is the cluster that it finds on this machine, local is none.
    named = address or os.environ.get("RAY_ADDRESS", "")
    import ray
    import ray.util.scheduling_strategies

    if ray.is_initialized():
        yield _already(ray, address)
    elif named in ("", "local"):
        with _started_here(ray, cpus or usable_cores()) as cluster:
            yield cluster
    else:
        with _joined_there(ray, named, address, within_s) as cluster:
            yield cluster


def _already(ray: Any, address: str) -> Cluster:
    """The cluster that this process is joined to; whoever joined it leaves it."""
    known = _addresses.get(id(ray), "")
    if address and address != known:
        raise ClusterError(
            f"this process is joined to another Ray cluster than {address}. Leave it first, ray.shutdown(), "
            "or leave the address out to work there"
        )
    return Cluster(ray, known or "this process's")


@contextmanager
def _started_here(ray: Any, cpus: int) -> Iterator[Cluster]:
    home = _private_folder()
    # Ray opens its own folder to everybody.
    folder = home / "r"
    try:
        with _on_loopback(ray), _as_it_is_told_to_end():
            # The store holds what is under way, which is bounded, and /dev/shm is small in containers.
            ray.init(
                "local",
                num_cpus=cpus,
                include_dashboard=False,
                object_store_memory=256 * 2**20,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _temp_dir=str(folder),
            )
        cluster = Cluster(ray, "this machine", logs=f"{folder}/session_latest/logs", is_own=True)
    except Exception as e:
        _leave(ray)
        _end_started(folder)
        raise ClusterError(
            f"no Ray cluster can be started on this machine: {type(e).__name__}: {first_line(e)}. Ray's logs "
            f"are in {folder}; free memory and room in /dev/shm and {home.parent}, or leave --on out to work "
            "in this process"
        ) from e
    except BaseException:
        _end_started(folder)
        _leave(ray, home)
        raise
    _addresses[id(ray)] = ""
    try:
        yield cluster
    except BaseException as e:
        # Where it names its logs, these are what tells why.
        is_needed = isinstance(e, ClusterError) and str(home) in str(e)
        _leave(ray, None if is_needed else home)
        raise
    _leave(ray, home)


@contextmanager
def _on_loopback(ray: Any) -> Iterator[None]:
    """What is started in the block listens on no other interface; by default Ray listens on all."""
    # What Ray has read of its own variable when it was imported, by whomever.
    constants, variable = ray._private.ray_constants, "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
    before, set_before = constants.ENABLE_RAY_CLUSTER, os.environ.get(variable)
    constants.ENABLE_RAY_CLUSTER, os.environ[variable] = False, "0"
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before
        os.environ.pop(variable)
        if set_before is not None:
            os.environ[variable] = set_before


@contextmanager
def _as_it_is_told_to_end() -> Iterator[None]:
    """Within the block Ray sets a handler for SIGTERM; what comes of the signal is what the caller wants."""
    before = signal.getsignal(signal.SIGTERM)
    # None: a handler that Python did not set, and cannot set again.
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield
        return
    try:
        yield
    except SystemExit as e:
        signal.signal(signal.SIGTERM, before)
        if e.code == signal.SIGTERM:
            signal.raise_signal(signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _end_started(folder: Path) -> None:
    """Ends what was started for a cluster that is not whole yet: Ray itself knows nothing of it."""
    import psutil  # type: ignore[import-untyped]  # Ray brings it along

    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if str(folder) in " ".join(child.cmdline()):
                child.kill()
                child.wait(_LEAVE_S)


@contextmanager
def _joined_there(ray: Any, named: str, address: str, within_s: float) -> Iterator[Cluster]:
    if named != "auto" and not is_open(named.removeprefix(CLIENT)):
        raise _unreachable(named, address, f"nothing takes connections there within {PROBE_S:g} s")
    try:
        # In a thread of its own: a server that takes a connection and says nothing is waited for without end.
        with _hushed():
            _call(lambda: _init(ray, named), within_s)
        cluster = Cluster(ray, named)
    except TimeoutError as e:
        _leave(ray)
        raise _unreachable(named, address, f"it gave no answer within {within_s:g} s") from e
    except Exception as e:
        _leave(ray)
        raise _unreachable(named, address, f"{type(e).__name__}: {first_line(e)}", e) from e
    _addresses[id(ray)] = address
    try:
        yield cluster
    finally:
        _leave(ray)


def _init(ray: Any, named: str) -> None:
    quiet = {} if named.startswith(CLIENT) else {"logging_level": logging.ERROR}
    ray.init(named, log_to_driver=False, **quiet)


@contextmanager
def _hushed() -> Iterator[None]:
    """Without what Ray says of threads and settings to who only wants an address."""
    loggers = [logging.getLogger(name) for name in ("ray._private.worker", "ray.client_builder")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _call(call: Callable[[], None], seconds: float) -> None:
    """Calls it in a thread of its own, and raises what it raises, or TimeoutError."""
    raised: list[Exception] = []

    def run() -> None:
        try:
            call()
        except Exception as e:
            raised.append(e)

    if not within(seconds, run):
        raise TimeoutError
    if raised:
        raise raised[0]


def _private_folder() -> Path:
    """A new folder that only this user can open, under a path that is short enough for Ray's sockets."""
    default = tempfile.gettempdir()
    home = default if len(default) + len("/ragkit-ray-12345678") <= _MOST_PATH else "/tmp"  # noqa: S108
    return Path(tempfile.mkdtemp(prefix="ragkit-ray-", dir=home))


def _unreachable(named: str, address: str, said: str, error: Exception | None = None) -> ClusterError:
    whole = " ".join(str(error or "").split())
    if "ersion mismatch" in whole:
        return ClusterError(
            f"the Ray cluster at {named} runs other versions than this process: {whole[:500]}. Run the same "
            "Ray and Python on both"
        )
    source, instead = "", "leave the address out, --on ray,"
    if not address:
        source, instead = " (from the variable RAY_ADDRESS)", "unset RAY_ADDRESS"
    token = "" if "uthent" not in whole else " Set RAY_AUTH_TOKEN to the token of the cluster."
    return ClusterError(
        f"no Ray cluster can be reached at {named}{source}: {said}.{token} Check that it runs (`ray status` "
        "on its head node) and that the address is that of its head, ray://HOST:10001; or "
        f"{instead} to start one on this machine"
    )


def _leave(ray: Any, home: Path | None = None) -> None:
    """Leaves, and does not wait for ever for a cluster that is gone; removes the folder of one's own."""
    _addresses.pop(id(ray), None)
    if not within(_LEAVE_S, lambda: ray.shutdown(wait_for_processes=home is not None)):
        # Or this process would wait for it once more when it ends.
        atexit.unregister(ray.shutdown)
    if home is not None:
        shutil.rmtree(home, ignore_errors=True)
