"""Nodes that run something else, variables that they lack, secrets that stay."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit.errors import ClusterError, ConfigError
from ragkit_connectors.ray import OnRay
from tests.connectors.ray.bench import documents, opened

ONE = OnRay(workers=1)
BLOCKER = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("ragkit", "ragkit_connectors"):
            raise ModuleNotFoundError(f"No module named {name!r}")

sys.meta_path.insert(0, Blocked())
"""


@contextmanager
def another_node(cluster: Any, folder: Path) -> Iterator[None]:
    """A second node of the cluster, whose Python looks into a folder first."""
    path = os.pathsep.join([str(folder), os.environ["PYTHONPATH"]])
    node = cluster.add_node(num_cpus=1, env_vars={"PYTHONPATH": path})
    try:
        yield
    finally:
        cluster.remove_node(node)


def test_a_node_with_another_ragkit_is_named_with_both_versions(cluster: Any, tmp_path: Path) -> None:
    info = tmp_path / "other" / "ragkit-9.9.9.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ragkit\nVersion: 9.9.9\n")
    with another_node(cluster, info.parent), opened(tmp_path / "i") as rag:
        with pytest.raises(
            ClusterError, match=rf"node \S+ \(\S+\) has ragkit 9\.9\.9, .* {ragkit.__version__}"
        ):
            rag.ingest(documents(2), progress=False, on=ONE)
        assert rag._parts.collection.counts().documents == 0


def test_a_node_without_ragkit_is_named_with_the_remedy(cluster: Any, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(BLOCKER)
    told = r"node \S+ .* has no ragkit, .*pip install 'ragkit\[ray\]=="
    with (
        another_node(cluster, folder),
        opened(tmp_path / "i") as rag,
        pytest.raises(ClusterError, match=told),
    ):
        rag.ingest(documents(2), progress=False, on=ONE)


def test_a_variable_that_workers_lack_and_one_that_differs_are_told(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONLY_HERE", "salt-of-this-process")
    path = tmp_path / "i" / "rag.yaml"
    for written, told in (
        ("${ONLY_HERE}", r"a worker on node \S+ cannot be set up: ConfigError: .*ONLY_HERE is not set"),
        ("${ONLY_HERE:-x}", r"node \S+ has another embedder than this process: hashed/1/x there"),
    ):
        opened(path.parent).close()
        text = path.read_text().replace("embed/hashed,", f'embed/hashed, salt: "{written}",')
        path.write_text(text)
        with ragkit.load(path) as rag:
            with pytest.raises(ClusterError, match=told):
                rag.ingest(documents(2), progress=False, on=ONE)
            assert rag._parts.collection.counts().documents == 0
        shutil.rmtree(path.parent)


def test_a_secret_that_is_written_out_is_refused_and_one_in_a_variable_is_not_sent(
    cluster: Any, tmp_path: Path
) -> None:
    path = tmp_path / "i" / "rag.yaml"
    opened(path.parent).close()
    text = path.read_text()
    secret = (
        'embed: {use: embed/openai, base_url: "http://127.0.0.1:9/v1", model: m, dimension: 8, api_key: %s}'
    )
    plain = next(line for line in text.splitlines() if "embed/hashed" in line).strip()
    path.write_text(text.replace(plain, secret % "sk-written-out"))
    with ragkit.load(path) as rag, pytest.raises(ConfigError, match=r"models\.embed\.api_key: a secret") as e:
        rag.ingest(documents(1), progress=False, on=ONE)
    assert "sk-written-out" not in str(e.value)


def test_what_a_variable_holds_is_in_no_log_of_ray(cluster: Any, tmp_path: Path) -> None:
    path = tmp_path / "i" / "rag.yaml"
    opened(path.parent).close()
    path.write_text(path.read_text().replace("embed/hashed,", 'embed/hashed, salt: "${RAGKIT_TEST_SALT}",'))
    with ragkit.load(path) as rag:
        assert rag.ingest(documents(2), progress=False, on=ONE).committed == 2
    value = os.environ["RAGKIT_TEST_SALT"].encode()
    logs = [log for log in Path(cluster.head_node.get_session_dir_path(), "logs").rglob("*") if log.is_file()]
    assert len(logs) > 5
    assert [log for log in logs if value in log.read_bytes()] == []
