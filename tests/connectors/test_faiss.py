from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import ConfigError
from ragkit.protocols import DenseIndex, PersistentIndex, Scope
from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put, remove, unit
from ragkit.testing.indexes import DenseIndexChecks, PersistentIndexChecks, made_rows
from ragkit.testing.stores import VectorStoreChecks, spec_of

pytest.importorskip("faiss", reason="needs the extra faiss-cpu: make test EXTRAS=all")
pytestmark = [pytest.mark.faiss, pytest.mark.usefixtures("one_thread")]


def faiss_index(**settings: object) -> DenseIndex:
    from ragkit_connectors.faiss import FaissIndex

    index: DenseIndex = FaissIndex(**settings)
    return index


class TestFlat(DenseIndexChecks):
    def make_index(self) -> DenseIndex:
        return faiss_index()


class TestHnsw(PersistentIndexChecks):
    n_rows = 2_000

    def make_index(self) -> PersistentIndex:
        index = faiss_index(kind="hnsw")
        assert isinstance(index, PersistentIndex)
        return index


class OfLists(PersistentIndexChecks):
    n_rows = 2_000
    kind = "ivf"

    def make_index(self) -> PersistentIndex:
        index = faiss_index(kind=self.kind, train_rows=300, code_bytes=8, candidates=40)
        assert isinstance(index, PersistentIndex)
        return index

    def test_it_is_what_it_is_called(self, tmp_path: Path) -> None:
        """Also when it is restored; a file of another kind is left out."""
        matrix, ids = made_rows(self.n_rows)
        index = self.built(matrix, ids)
        names = {"ivf": "IVFFlat", "ivf-pq": "IVFPQ", "sq8": "ScalarQuantizer", "rabitq": "IVFRaBitQ"}
        (file,) = self.written(index.parts(), tmp_path)
        for kind, name in names.items():
            other = faiss_index(kind=kind, train_rows=300, code_bytes=8).over(matrix[:0], ids[:0])
            assert isinstance(other, PersistentIndex)
            opened = other.restored(matrix, ids, [file])
            assert isinstance(opened, PersistentIndex)
            assert [part.path for part in opened.parts()] == [file.path if kind == self.kind else None]
            assert type(opened._parts[0].index).__name__ == f"Index{name}"  # type: ignore[attr-defined]

    def test_filters_that_allow_most_rows_are_told_to_faiss(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from ragkit_connectors.faiss import index as module

        monkeypatch.setattr(module, "_COMPARE_ROWS", 0)
        matrix, ids = made_rows(self.n_rows)
        index = self.built(matrix, ids)
        for share in (0.9, 0.5, 0.2):
            self.check(index, matrix, ids, 10, np.random.default_rng(3).random(self.n_rows) < share)

    def test_parts_stay_few_and_the_last_may_lie_as_it_is(self) -> None:
        matrix, ids = made_rows(3_000)
        index = self.make_index()
        for end in range(0, 3_001, 200):
            grown = index.over(matrix[:end], ids[:end])
            assert isinstance(grown, PersistentIndex)
            index = grown
        parts = index._parts  # type: ignore[attr-defined]
        assert [part.first for part in parts[1:]] == [part.end for part in parts[:-1]]
        assert len(parts) <= 5
        assert all(part.index is not None for part in parts[:-1])
        self.check(index, matrix, ids, 10)


class TestIvf(OfLists):
    """Rows in lists."""


class TestIvfPq(OfLists):
    kind = "ivf-pq"


class TestSq8(OfLists):
    kind = "sq8"


class TestRaBitQ(OfLists):
    kind = "rabitq"


class TestEveryListRead(PersistentIndexChecks):
    """Lists that are all read are as good as none."""

    n_rows = 2_000

    def make_index(self) -> PersistentIndex:
        index = faiss_index(kind="ivf", train_rows=256, probes=2048)
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


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_whatever_is_exact_ranks_as_exact_does(data: st.DataObject) -> None:
    from ragkit.store.local.exact import ExactIndex

    n = data.draw(st.integers(1, 900), label="rows")
    distinct = data.draw(st.none() | st.integers(1, n), label="distinct")
    k, shares = data.draw(st.integers(1, 40), label="k"), st.none() | st.floats(0, 1)
    share, steps = data.draw(shares, label="allowed"), data.draw(st.lists(st.integers(1, n)), label="steps")
    matrix, ids = made_rows(n, distinct=distinct)
    allowed = None if share is None else np.random.default_rng(n).random(n) < share
    wanted = ExactIndex().over(matrix, ids).search(matrix[:4], k, allowed)
    for exact in ({"kind": "flat"}, {"kind": "ivf", "train_rows": 256, "probes": 2048}):
        index = faiss_index(**exact)
        for end in [*sorted(steps), n]:
            index = index.over(matrix[:end], ids[:end])
        for a, b in zip(index.search(matrix[:4], k, allowed), wanted, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("kind", "least"), [("hnsw", 0.98), ("ivf", 0.95), ("ivf-pq", 0.9), ("sq8", 0.99), ("rabitq", 0.9)]
)
def test_of_clustered_rows_most_neighbours_are_found(kind: str, least: float) -> None:
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(120, 64))
    vectors = centres[rng.integers(120, size=12_000)] + rng.normal(scale=0.8, size=(12_000, 64))
    matrix = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    ids = np.array([f"{i:032x}".encode() for i in range(12_000)], dtype="S32")
    queries = matrix[:50]
    rows, _ = faiss_index(kind=kind).over(matrix, ids).search(queries, 10, None)
    truth = np.argsort(-(queries @ matrix.T), axis=1)[:, :10].tolist()
    hits = sum(len(set(a) & set(b)) for a, b in zip(rows.tolist(), truth, strict=True))
    assert hits / 500 >= least


def test_the_engine_is_named_with_its_kind_and_version(tmp_path: Path) -> None:
    import faiss

    store = LocalStore(path=tmp_path, index={"use": "index/faiss", "kind": "hnsw"}).open(spec_of())
    engine = store.engine()
    assert engine.name == "SQLite + FAISS hnsw"
    assert engine.version.endswith(f" + {faiss.__version__}")
    store.close()


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


def test_eight_bits_of_another_kind_are_not_taken_for_sq8() -> None:
    import faiss

    from ragkit_connectors.faiss.kinds import Sq8

    kind, (matrix, _) = Sq8(candidates=4, min_rows=1), made_rows(200)
    assert kind.made(kind.build(matrix), *matrix.shape)
    for name in ("QT_8bit_uniform", "QT_8bit_direct", "QT_8bit_direct_signed"):
        quantiser = getattr(faiss.ScalarQuantizer, name)
        other = faiss.IndexScalarQuantizer(matrix.shape[1], quantiser, faiss.METRIC_INNER_PRODUCT)
        other.train(matrix)
        other.add(matrix)
        assert not kind.made(other, *matrix.shape)


def test_a_graph_over_rows_compared_by_distance_is_not_taken() -> None:
    import faiss

    from ragkit_connectors.faiss.kinds import Hnsw

    kind, (matrix, _) = Hnsw(neighbours=8, ef_construction=20, ef_search=20), made_rows(200)
    index = kind.build(matrix)
    assert kind.made(index, *matrix.shape)
    index.storage.metric_type = faiss.METRIC_L2
    assert not kind.made(index, *matrix.shape)


@pytest.mark.parametrize("name", ["Ivf", "IvfPq", "RaBitQ"])
def test_lists_by_distance_or_with_a_row_twice_are_not_taken(name: str) -> None:
    import faiss

    from ragkit_connectors.faiss import lists

    kind, (matrix, _) = getattr(lists, name)(lists=2, probes=1, min_rows=1), made_rows(400)
    index = kind.build(matrix)
    assert kind.made(index, *matrix.shape)
    index.quantizer.metric_type = faiss.METRIC_L2
    assert not kind.made(index, *matrix.shape)
    index.quantizer.metric_type = faiss.METRIC_INNER_PRODUCT
    index.reset()
    numbers = np.arange(400)
    numbers[7] = 8
    index.add_with_ids(matrix, numbers)
    assert index.ntotal == 400
    assert not kind.made(index, *matrix.shape)


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


def test_many_queries_are_ranked_on_several_threads_as_on_one() -> None:
    import faiss

    matrix, ids = made_rows(3_000, distinct=900)
    index = faiss_index(kind="ivf", train_rows=256).over(matrix, ids)
    wanted = index.search(matrix[:200], 12, None)
    faiss.omp_set_num_threads(3)
    for a, b in zip(index.search(matrix[:200], 12, None), wanted, strict=True):
        np.testing.assert_array_equal(a, b)
