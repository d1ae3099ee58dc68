"""What is joined was named, else a cluster is started for this user alone; no wait is without an end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.ray.bench import files, opened
from tests.connectors.ray.drive import ingesting
from tests.connectors.ray.processes import all_processes
from tests.scale import IS_FULL

pytest.importorskip("ray", reason="needs the extra ray")
LIMIT_S = 240
OWN = """
import json, os, sys
if sys.argv[1:]:
    import ray
from ragkit_connectors.ray import OnRay
with OnRay(workers=1).held() as cluster:
    home = cluster.logs.partition("/r/")[0]
    found = {"home": home, "mode": oct(os.stat(home).st_mode & 0o777), "gcs": cluster._gcs}
    found |= {"logs": os.path.isdir(cluster.logs), "nodes": len(cluster.nodes())}
print(json.dumps({**found, "left": os.path.exists(home)}))
"""
FAILING = """
import os, shutil, sys
from ragkit.errors import ClusterError
from ragkit_connectors.ray import OnRay
try:
    with OnRay(workers=1).held() as cluster:
        home = cluster.logs.partition("/r/")[0]
        raise cluster.gone() if sys.argv[1] == "lost" else ClusterError("a worker cannot be set up")
except ClusterError as e:
    print(os.path.isdir(home), str(e).replace(home, "HOME"))
shutil.rmtree(home, ignore_errors=True)
"""
SILENT = """
import sys
from ragkit.errors import ClusterError
from ragkit_connectors.ray import OnRay
try:
    with OnRay(address=sys.argv[1], connect_s=2).held():
        print("joined")
except ClusterError as e:
    print(e)
"""


def said(program: str, *args: str, **env: str) -> str:
    """What a program prints that has a process of its own, and must end by itself."""
    ended = subprocess.run(
        [sys.executable, "-c", program, *args],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_without_an_address_a_cluster_of_its_own_is_started_beside_one_that_runs(cluster: Any) -> None:
    """On the loopback interface, also in a program that had imported Ray, which then would listen on all."""
    from ray._private.services import find_gcs_addresses

    assert cluster.address in find_gcs_addresses(), "Ray's own search would find that of the tests"
    found = json.loads(said(OWN, "imported", RAY_ADDRESS="", RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="1"))
    assert found["gcs"].startswith("127.0.0.1:")
    assert found["gcs"] != cluster.address
    assert (found["mode"], found["logs"], found["nodes"]) == ("0o700", True, 1)
    assert not found["left"]


def test_the_folder_of_a_cluster_that_was_lost_stays_for_its_logs() -> None:
    told = said(FAILING, "lost", RAY_ADDRESS="")
    assert told.startswith(
        "True the Ray cluster that was started here went away. What was committed is there"
    )
    assert "Ray's logs are in HOME/r/session_latest/logs; free memory" in told
    assert "run the same command: it goes on where this one ended" in told


@pytest.mark.skipif(not IS_FULL, reason="a cluster is started for it alone")
def test_the_folder_of_a_cluster_goes_where_an_error_names_no_logs() -> None:
    assert said(FAILING, "", RAY_ADDRESS="") == "False a worker cannot be set up\n"


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM] if IS_FULL else [signal.SIGTERM])
def test_one_that_is_just_being_started_leaves_nothing_when_it_is_told_to_end(
    sign: signal.Signals, plugin: Path, tmp_path: Path
) -> None:
    docs, folder = files(tmp_path / "docs", 1), tmp_path / "i"
    temporary = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))  # short enough for Ray's sockets
    opened(folder).close()
    driver = ingesting(folder, docs, "ray", RAY_ADDRESS="", TMPDIR=str(temporary))
    try:
        began = time.monotonic()
        while not (started := _started_in(temporary)):
            assert driver.poll() is None, driver.communicate()
            assert time.monotonic() - began < LIMIT_S
            time.sleep(0.05)
        assert any("--node-ip-address=127.0.0.1 " in command for command in started.values()), started
        driver.send_signal(sign)
        _, err = driver.communicate(timeout=LIMIT_S)
    finally:
        driver.kill()
    assert driver.returncode == 128 + sign
    assert ("terminated" if sign is signal.SIGTERM else "interrupted") + "; nothing was committed" in err
    assert _started_in(temporary) == {}
    assert list(temporary.glob("ragkit-ray-*")) == []
    shutil.rmtree(temporary)


def _started_in(folder: Path) -> dict[int, str]:
    """The processes of Ray's head whose files are in a folder."""
    return {pid: said for pid, said in all_processes() if "gcs_server" in said and str(folder) in said}


@pytest.mark.parametrize("by_variable", [False, True])
def test_a_server_that_takes_connections_and_says_nothing_is_not_waited_for(by_variable: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        told = said(SILENT, "", RAY_ADDRESS=place) if by_variable else said(SILENT, f"ray://{place}")
    assert f"no Ray cluster can be reached at {'' if by_variable else 'ray://'}{place}" in told
    assert "it gave no answer within 2 s. Check that it runs" in told
    assert ("unset RAY_ADDRESS to start one" if by_variable else "--on ray, to start one") in told
    assert time.monotonic() - began < LIMIT_S / 2


def test_an_address_where_nothing_is_ends_the_command_with_the_remedy(plugin: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    docs = files(tmp_path / "docs", 1)
    opened(tmp_path / "i").close()
    driver = ingesting(tmp_path / "i", docs, f"ray://127.0.0.1:{port}")
    _, err = driver.communicate(timeout=LIMIT_S)
    told = " ".join(err.split())
    assert driver.returncode == 1
    assert f"error: no Ray cluster can be reached at ray://127.0.0.1:{port}: nothing takes conn" in told
    assert "leave the address out, --on ray, to start one on this machine" in told
