from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragkit.errors import ConfigError
from ragkit.protocols import DenseIndex, PersistentIndex, Scope
from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put, remove, unit
from ragkit.testing.indexes import DenseIndexChecks, PersistentIndexChecks, made_rows
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


class TestHnsw(PersistentIndexChecks):
    is_exact = False
    n_rows = 2_000

    def make_index(self) -> PersistentIndex:
        index = faiss_index(kind="hnsw")
        assert isinstance(index, PersistentIndex)
        return index


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


def test_only_graphs_are_kept_and_each_way_of_building_has_its_own() -> None:
    def fingerprint(**settings: object) -> str:
        index = faiss_index(**settings)
        assert isinstance(index, PersistentIndex)
        return index.fingerprint

    assert fingerprint(kind="flat") == ""
    graphs = [{}, {"neighbours": 16}, {"ef_construction": 100}]
    assert len({fingerprint(kind="hnsw", **graph) for graph in graphs}) == 3
    assert fingerprint(kind="hnsw", ef_search=10) == fingerprint(kind="hnsw")


def test_a_graph_is_opened_from_its_file_and_forgotten_with_its_documents(tmp_path: Path) -> None:
    def opened() -> LocalStore:
        return LocalStore(path=tmp_path, index={"use": "index/faiss", "kind": "hnsw"}).open(spec_of())

    def paths(store: LocalStore) -> list[Path | None]:
        index = store._reader.view(Scope()).snapshot.index
        assert isinstance(index, PersistentIndex)
        return [part.path for part in index.parts()]

    def holds(needle: bytes) -> list[str]:
        return [p.name for p in tmp_path.rglob("*") if p.is_file() and needle in p.read_bytes()]

    secret, (vectors, _) = unit([-3, 0.0004]), made_rows(2_100)
    passages = [(f"w{i}", unit(vector[:2].tolist())) for i, vector in enumerate(vectors)]
    store = opened()
    store.commit([put("many", passages), put("secret", [("secret", secret)])])
    store.prepare()
    assert any(name.endswith(".dense") for name in holds(secret.tobytes()))
    reader = opened()
    assert paths(reader) == list((tmp_path / "dense").iterdir())
    hits, wanted = (s.search(secret[None], 9, Scope())[0] for s in (reader, store))
    assert (hits.id_list(), hits.scores.tolist()) == (wanted.id_list(), wanted.scores.tolist())
    assert store.erase([remove("secret")]).erased
    assert holds(secret.tobytes()) == []
    for one in (opened(), store, reader):
        assert paths(one) == list((tmp_path / "dense").iterdir())
        assert len(one.search(secret[None], 2_200, Scope())[0]) == 2_100
        assert one.verify() == []
        one.close()
