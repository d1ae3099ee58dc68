from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragkit.errors import ConfigError
from ragkit.protocols import DenseIndex, Scope
from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put, unit
from ragkit.testing.indexes import DenseIndexChecks, made_rows
from ragkit.testing.stores import VectorStoreChecks, spec_of

pytest.importorskip("faiss", reason="needs the extra faiss-cpu: make test EXTRAS=all")
pytestmark = pytest.mark.faiss


def faiss_index(**settings: object) -> DenseIndex:
    from ragkit_connectors.faiss import FaissIndex

    index: DenseIndex = FaissIndex(**settings)
    return index


class TestFlat(DenseIndexChecks):
    def make_index(self) -> DenseIndex:
        return faiss_index()


class TestHnsw(DenseIndexChecks):
    is_exact = False

    def make_index(self) -> DenseIndex:
        return faiss_index(kind="hnsw")


class TestLocalStoreOnFaiss(VectorStoreChecks):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make_store(self, spec: StoreSpec) -> LocalStore:
        return LocalStore(path=self.folder, index=faiss_index()).open(spec)


def test_flat_and_exact_give_the_same_scores() -> None:
    from ragkit.store.local.exact import ExactIndex

    matrix, ids = made_rows(1000)
    ours, theirs = ExactIndex().over(matrix, ids), faiss_index().over(matrix, ids)
    for a, b in zip(ours.search(matrix[:20], 50, None), theirs.search(matrix[:20], 50, None), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_store_takes_it_by_name(tmp_path: Path) -> None:
    store = LocalStore(path=tmp_path, index={"use": "index/faiss", "kind": "hnsw"}).open(spec_of())
    store.commit([put("a", [("west", unit([-1, 0])), ("east", unit([1, 0]))])])
    ids = store.search(unit([1, 0])[None], 1, Scope())[0].id_list()
    assert [chunk and chunk.text for chunk in store.fetch(ids, Scope())] == ["east"]
    store.close()


@pytest.mark.parametrize("index", ["index/fais", {"use": "index/fais"}, {"use": "store/local"}, {}, 7])
def test_an_index_that_is_none_is_refused(tmp_path: Path, index: object) -> None:
    with pytest.raises(ConfigError, match="index"):
        LocalStore(path=tmp_path, index=index).open(spec_of())
