"""`index/faiss` on GPUs: always on a double of FAISS's GPU classes, and on a GPU where there is one."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit.errors import ConfigError, StoreError
from ragkit.protocols import DenseIndex, PersistentIndex, Vectors
from ragkit.store.local.exact import ExactIndex
from ragkit.testing.indexes import DenseIndexChecks, PersistentIndexChecks, made_rows
from tests.connectors import gpu_double

faiss = pytest.importorskip("faiss", reason="needs the extra faiss-cpu or faiss-gpu")
pytestmark = [pytest.mark.faiss, pytest.mark.usefixtures("one_thread")]


def made(**settings: object) -> Any:
    from ragkit_connectors.faiss import FaissIndex

    return FaissIndex(**({"device": "gpu"} | settings))


def no_gpu() -> str:
    """Why there is no real GPU to test on, or nothing."""
    if not hasattr(faiss, "StandardGpuResources"):
        return "the FAISS installed is built without GPUs (extra faiss-gpu)"
    return "" if faiss.get_num_gpus() else "FAISS finds no GPU"


@pytest.fixture
def real_gpu() -> None:
    if no_gpu():
        pytest.skip(no_gpu())


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu_double.installed(monkeypatch, 1)


@pytest.fixture
def two_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu_double.installed(monkeypatch, 2, cuvs=True)


class FlatOnGpu(DenseIndexChecks):
    def make_index(self) -> DenseIndex:
        index: DenseIndex = made(kind="flat")
        return index

    def test_it_is_on_the_gpu_and_ranks_as_exact_does(self) -> None:
        matrix, ids = made_rows(3000, distinct=700)
        index = made(kind="flat").over(matrix, ids)
        assert index._parts[0].index.ntotal == 3000
        rng = np.random.default_rng(5)
        masks = [None, *(rng.random(3000) < share for share in (0.7, 0.3))]
        for allowed, k in ((allowed, k) for allowed in masks for k in (1, 10, 200, 2500)):
            wanted = ExactIndex().over(matrix, ids).search(matrix[:9], k, allowed)
            for a, b in zip(index.search(matrix[:9], k, allowed), wanted, strict=True):
                np.testing.assert_array_equal(a, b)

    def test_filters_are_right_where_most_rows_are_allowed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from ragkit_connectors.faiss import index as module

        monkeypatch.setattr(module, "_COMPARE_ROWS", 0)
        monkeypatch.setattr(module, "_COMPARE_BELOW", 0.0)
        matrix, ids = made_rows(4000)
        index = made(kind="flat").over(matrix, ids)
        near_first = np.argsort(-(matrix @ matrix[0]))
        against = np.ones(4000, dtype=bool)
        against[near_first[:2500]] = False  # more than a GPU gives
        for allowed in (against, np.arange(4000) % 2 == 0, np.arange(4000) % 9 == 0):
            self.check(index, matrix, ids, 10, allowed)

    def test_threads_search_at_a_time(self) -> None:
        matrix, ids = made_rows(3000)
        index = made(kind="flat").over(matrix, ids)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda i: index.search(matrix[i : i + 1], 3, None)[0][0, 0], range(200)))
        assert found == list(range(200))


class ListsOnGpu(PersistentIndexChecks):
    n_rows = 2_000
    kind = "ivf"

    def make_index(self) -> PersistentIndex:
        index: PersistentIndex = made(kind=self.kind, train_rows=400, code_bytes=8, candidates=16)
        return index

    def test_a_cpu_takes_the_files_over(self, tmp_path: Path) -> None:
        matrix, ids = made_rows(self.n_rows)
        files = self.written(self.built(matrix, ids).parts(), tmp_path)
        settings = {"kind": self.kind, "train_rows": 400, "code_bytes": 8, "candidates": 16}
        on_cpu = made(**settings, device="cpu").restored(matrix, ids, files)
        assert [part.path for part in on_cpu.parts()] == [file.path for file in files]
        self.check(on_cpu, matrix, ids, 10)


@pytest.mark.usefixtures("double")
class TestFlatOnDouble(FlatOnGpu):
    """The contract, without a GPU."""


@pytest.mark.usefixtures("double")
class TestIvfOnDouble(ListsOnGpu):
    """The contract, without a GPU."""


@pytest.mark.usefixtures("double")
class TestIvfPqOnDouble(ListsOnGpu):
    """The contract, without a GPU."""

    kind = "ivf-pq"


@pytest.mark.usefixtures("two_doubles")
class TestFlatOnTwoDoubles(FlatOnGpu):
    """The contract with a copy on each of two."""

    def test_searches_are_shared_out(self) -> None:
        matrix, ids = made_rows(1500)
        index = made(kind="flat").over(matrix, ids)
        for _ in range(6):
            index.search(matrix[:1], 3, None)
        copies = index._parts[0].index.copies
        assert [copy.n_searches for copy in copies] == [3, 3]
        assert [copy.device for copy in copies] == [0, 1]


@pytest.mark.usefixtures("two_doubles")
class TestIvfOnTwoDoubles(ListsOnGpu):
    """The contract with a copy on each of two."""


@pytest.mark.usefixtures("two_doubles")
class TestCagraOnDouble(DenseIndexChecks):
    """The contract where FAISS is built with cuVS."""

    def make_index(self) -> DenseIndex:
        index: DenseIndex = made(kind="cagra")
        return index


@pytest.mark.gpu
@pytest.mark.usefixtures("real_gpu")
class TestFlatOnGpu(FlatOnGpu):
    """On a GPU."""


@pytest.mark.gpu
@pytest.mark.usefixtures("real_gpu")
class TestIvfOnGpu(ListsOnGpu):
    """On a GPU."""


@pytest.mark.gpu
@pytest.mark.usefixtures("real_gpu")
class TestIvfPqOnGpu(ListsOnGpu):
    """On a GPU."""

    kind = "ivf-pq"


@pytest.mark.gpu
@pytest.mark.usefixtures("real_gpu")
def test_of_many_clustered_rows_nine_in_ten_are_found() -> None:
    matrix, ids, queries = _clustered(60_000, 128)
    wanted = [set(row) for row in np.argsort(-(queries @ matrix.T), axis=1)[:, :10].tolist()]
    for kind in ("ivf", "ivf-pq"):
        rows, _ = made(kind=kind).over(matrix, ids).search(queries, 10, None)
        hits = sum(len(set(a) & b) for a, b in zip(rows.tolist(), wanted, strict=True))
        assert hits >= 0.9 * 10 * len(queries), kind


@pytest.mark.gpu
@pytest.mark.usefixtures("real_gpu")
def test_a_gpu_is_used_by_itself_where_there_is_one() -> None:
    matrix, ids = made_rows(2000)
    assert made(device="auto").over(matrix, ids)._parts[0].index is not None


def _clustered(n: int, d: int) -> tuple[Vectors, Any, Vectors]:
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(n // 100, d)).astype(np.float32)
    matrix = centres[rng.integers(len(centres), size=n)] + rng.normal(scale=0.8, size=(n, d))
    queries = matrix[:50] + rng.normal(scale=0.3, size=(50, d))
    matrix, queries = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (matrix, queries))
    ids = np.array([f"{i:032x}".encode() for i in range(n)], dtype="S32")
    return np.ascontiguousarray(matrix, np.float32), ids, np.ascontiguousarray(queries, np.float32)


def test_a_gpu_that_is_not_there_is_an_error_with_a_remedy() -> None:
    if not no_gpu():
        pytest.skip("there is a GPU")
    with pytest.raises(StoreError, match=r"(built without GPUs.*faiss-gpu|finds no GPU).*device: cpu"):
        made(device="gpu").over(*made_rows(5))


def test_with_no_gpu_auto_stays_on_the_cpu_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gpu_double.installed(monkeypatch, 0)
    matrix, ids = made_rows(2000)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert made(device="auto").over(matrix, ids)._parts[0].index is None
    assert [r.getMessage() for r in caplog.records] == [
        "index/faiss searches on the CPU: FAISS finds no GPU. "
        "See whether nvidia-smi lists one and CUDA_VISIBLE_DEVICES hides it"
    ]


@pytest.mark.parametrize("kind", ["hnsw", "sq8", "rabitq"])
def test_a_kind_that_is_on_no_gpu_is_refused_there(kind: str) -> None:
    with pytest.raises(ConfigError, match=f"{kind} cannot be on a GPU; choose one of .*, or device: cpu"):
        made(kind=kind)


@pytest.mark.usefixtures("double")
def test_cagra_without_cuvs_is_an_error_with_a_remedy() -> None:
    with pytest.raises(StoreError, match=r"needs a FAISS built with cuVS.*faiss-gpu-cuvs"):
        made(kind="cagra").over(*made_rows(5))


@pytest.mark.usefixtures("double")
def test_a_gpu_too_small_is_an_error_or_a_reason_to_stay_on_the_cpu(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("Error in ...\nCUDA memory allocation error")

    monkeypatch.setattr(gpu_double.GpuIndex, "add", full)
    matrix, ids = made_rows(2000)
    with pytest.raises(StoreError, match=r"CUDA memory allocation error.*ivf-pq, or device: cpu"):
        made(kind="flat").over(matrix, ids)
    rows, _ = made(kind="flat", device="auto").over(matrix, ids).search(matrix[:1], 1, None)
    assert rows.tolist() == [[0]]
    assert "CUDA memory allocation error" in caplog.text


@pytest.mark.usefixtures("double")
def test_on_a_gpu_there_is_no_copy_in_main_memory() -> None:
    matrix, ids = made_rows(2000)
    (part,) = made(kind="flat").over(matrix, ids)._parts
    assert isinstance(part.index.copies[0], gpu_double.GpuIndex)
    assert part.kind.fingerprint == ""
