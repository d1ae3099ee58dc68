"""One Ray cluster for all tests of a process: started on the loopback interface, stopped by its own API."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragkit import registry

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
# Read when Ray is imported. The token is this run's own: without one Ray writes one into the home folder.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["RAY_AUTH_MODE"] = "token"
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
# Of this process and of all workers, for the test that it is seen nowhere.
os.environ["RAGKIT_TEST_SALT"] = secrets.token_hex(16)


@pytest.fixture(scope="session")
def plugin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the tests' own components, registered as those of an installed package."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copy(HERE / "plugin.py", folder / "ragkit_ray_plugin.py")
    info = folder / "ragkit_ray_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ragkit-ray-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[{registry.GROUP}]\n"
        "embed/hashed = ragkit_ray_plugin:Hashed\n"
        "chunk/deadly = ragkit_ray_plugin:Deadly\n"
    )
    # Each worker imports Ray and ragkit anew; compiled once, for later runs too, that takes half the time.
    cache: pytest.Cache | None = getattr(request.config, "cache", None)
    compiled = cache.mkdir("ray-compiled") if cache else tmp_path_factory.mktemp("compiled")
    os.environ["PYTHONPYCACHEPREFIX"] = str(compiled)
    os.environ["PYTHONDONTWRITEBYTECODE"] = ""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), *filter(None, [before])])
    sys.path.insert(0, str(folder))
    registry._third_party.cache_clear()
    yield folder
    sys.path.remove(str(folder))
    registry._third_party.cache_clear()
    os.environ["PYTHONPATH"] = before or ""


@pytest.fixture(scope="session")
def cluster(plugin: Path) -> Iterator[Any]:
    """A cluster of one node with four slots, which this process is joined to."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("needs the extra ray: pip install 'ragkit[ray]'")
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 4,
            "include_dashboard": False,
            # Processes that nothing here asks for.
            "include_log_monitor": False,
            "no_monitor": True,
            "object_store_memory": 100 * 2**20,
        },
    )
    head: Any = made.head_node
    session = head.get_session_dir_path()
    ray.init(made.address, log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()
    left = subprocess.run(["pgrep", "-f", session], capture_output=True, text=True)
    assert not left.stdout, "no process of the cluster is left"
    shutil.rmtree(session, ignore_errors=True)
