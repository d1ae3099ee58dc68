"""What every store must do, whatever lies beneath it. The oracle passes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from ragkit.errors import RagkitError, StoreError
from ragkit.fields import parse_fields
from ragkit.filters import Eq, Not
from ragkit.protocols import Change, Manifest, Scope, SparseIndex, VectorStore
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import FIELDS, put, quarantine, remove, unit

OPEN = Scope()
EAST, NORTH, WEST = unit([1, 0]), unit([0, 1]), unit([-1, 0])


def spec_of(**declared: Any) -> StoreSpec:
    """A spec of two dimensions with the test fields and those declared."""
    return StoreSpec(
        "test",
        embedder_fingerprint="test",
        dimension=2,
        analyzer_fingerprint="test",
        fields={**FIELDS, **parse_fields(declared)},
    )


class StoreChecks:
    """What the checks of stores share."""

    @abstractmethod
    def make_store(self, spec: StoreSpec) -> VectorStore:
        """An empty store for this spec."""

    def filled(self, *changes: Change, **declared: Any) -> VectorStore:
        """A store with one commit."""
        store = self.make_store(spec_of(**declared))
        store.commit(changes)
        return store


def texts(store: VectorStore, ids: list[str], scope: Scope = OPEN) -> list[str | None]:
    """The texts behind ids."""
    return [None if chunk is None else chunk.text for chunk in store.fetch(ids, scope)]


def refuses(call: Callable[[], object], error: type[RagkitError] = StoreError) -> bool:
    """Whether a call ends in this error."""
    try:
        call()
    except error:
        return True
    return False


class VectorStoreChecks(StoreChecks):
    """Search, commits, scopes. Subclass it and say how an empty store is made."""

    def nearest(self, store: VectorStore, scope: Scope = OPEN, k: int = 10) -> list[str | None]:
        """Texts of the chunks nearest to east."""
        return texts(store, store.search(EAST[None], k, scope)[0].id_list(), scope)

    def test_an_empty_store_finds_nothing(self) -> None:
        """Commit 0, no hits, no error."""
        store = self.make_store(spec_of())
        assert store.head() == 0
        assert len(store.search(EAST[None], 5, OPEN)[0]) == 0
        assert store.fetch(["0" * 32], OPEN) == [None]

    def test_nearest_first_with_cosine_scores(self) -> None:
        """Scores are cosine similarities, highest first."""
        store = self.filled(put("a", [("west", WEST), ("north", NORTH), ("east", EAST)]))
        assert self.nearest(store) == ["east", "north", "west"]
        scores = store.search(EAST[None], 3, OPEN)[0].scores
        assert np.allclose(scores, [1, 0, -1], atol=1e-6)

    def test_ties_break_by_id(self) -> None:
        """Equal scores stand in order of chunk id, at the cut too."""
        store = self.filled(*(put(name, [(name, EAST), (name, NORTH)]) for name in "abcdefgh"))
        everything = store.search(EAST[None], 8, OPEN)[0].id_list()
        assert everything == sorted(everything)
        for k in range(1, 8):
            assert store.search(EAST[None], k, OPEN)[0].id_list() == everything[:k]

    def test_fewer_than_k_only_where_fewer_are_visible(self) -> None:
        """k above the number of chunks gives them all; a filter that leaves k gives k."""
        store = self.filled(
            *(put(f"d{i}", [(f"t{i}", unit([1, i]))], metadata={"year": i % 2}) for i in range(40))
        )
        assert len(store.search(EAST[None], 100, OPEN)[0]) == 40
        assert len(store.search(EAST[None], 20, Scope(filter=Eq("year", 1)))[0]) == 20

    def test_several_queries_at_once_answer_as_each_alone(self) -> None:
        """A batch is no more than its queries."""
        store = self.filled(*(put(f"d{i}", [(f"t{i}", unit([1, i - 5]))]) for i in range(10)))
        queries = np.stack([EAST, NORTH, WEST])
        together = [batch.id_list() for batch in store.search(queries, 4, OPEN)]
        alone = [store.search(query[None], 4, OPEN)[0].id_list() for query in queries]
        assert together == alone

    def test_a_filter_is_applied_before_the_cut(self) -> None:
        """The nearest chunks that satisfy it, not those of the nearest that do."""
        near = [put(f"n{i}", [(f"near{i}", EAST)], metadata={"lang": "en"}) for i in range(30)]
        store = self.filled(*near, put("far", [("far", WEST)], metadata={"lang": "ru"}))
        assert self.nearest(store, Scope(filter=Eq("lang", "ru")), k=3) == ["far"]
        assert "far" not in self.nearest(store, Scope(filter=Not(Eq("lang", "ru"))), k=31)

    def test_fetch_keeps_order_and_says_none_for_the_hidden(self) -> None:
        """One answer per id asked for, in that order, repeats included."""
        store = self.filled(put("a", [("one", EAST), ("two", NORTH)], metadata={"lang": "en"}))
        one, two = store.search(EAST[None], 2, OPEN)[0].id_list()
        assert texts(store, [two, "f" * 32, one, two]) == ["two", None, "one", "two"]
        assert store.fetch([one], Scope(filter=Eq("lang", "ru"))) == [None]

    def test_a_chunk_comes_back_as_it_went_in(self) -> None:
        """Identity, span, metadata, uri and groups survive."""
        change = put(
            "документ/1",
            [("раз", EAST), ("два", NORTH)],
            metadata={"year": 2024, "tags": ["é"], "price": 1.5},
        )
        store = self.filled(change)
        for record in change.records:
            (chunk,) = store.fetch([record.chunk.id], OPEN)
            assert chunk is not None
            assert dict(chunk.metadata) == dict(record.chunk.metadata)
            assert (chunk.span, chunk.uri, chunk.ordinal) == (
                record.chunk.span, record.chunk.uri, record.chunk.ordinal)  # fmt: skip

    def test_vectors_are_those_that_were_stored(self) -> None:
        """float32 for float32; zeros for what is hidden."""
        store = self.filled(put("a", [("one", EAST)]))
        ids = store.search(EAST[None], 1, OPEN)[0].id_list()
        assert np.allclose(store.vectors([*ids, "f" * 32], OPEN), np.stack([EAST, np.zeros(2)]), atol=1e-6)

    def test_a_document_replaces_its_former_self(self) -> None:
        """After the commit the new content is there once and the old is gone."""
        store = self.filled(put("a", [("old", EAST), ("older", EAST)]), put("b", [("other", WEST)]))
        store.commit([put("a", [("new", EAST)])])
        assert self.nearest(store) == ["new", "other"]
        assert store.counts().chunks == 2

    def test_writing_the_same_again_changes_nothing(self) -> None:
        """A repeated write is the same write."""
        store = self.filled(put("a", [("text", EAST)]))
        before = store.search(EAST[None], 5, OPEN)[0].id_list()
        store.commit([put("a", [("text", EAST)])])
        assert store.search(EAST[None], 5, OPEN)[0].id_list() == before
        assert store.counts().chunks == 1

    def test_content_that_comes_back_is_found_again(self) -> None:
        """A → B → A: the ids are those of the first A, and it is there once."""
        store = self.filled(put("a", [("first", EAST)]))
        for words in ("second", "first"):
            store.commit([put("a", [(words, EAST)])])
            assert self.nearest(store) == [words]

    def test_a_removed_document_is_gone(self) -> None:
        """Removing what is not there is no error."""
        store = self.filled(put("a", [("text", EAST)]), put("b", [("other", WEST)]))
        store.commit([remove("a"), remove("never there")])
        assert self.nearest(store) == ["other"]
        assert store.counts().documents == 1

    def test_a_pinned_reader_sees_its_commit(self) -> None:
        """Neither additions, nor replacements, nor removals after it."""
        store = self.filled(put("a", [("old", EAST)]))
        pinned = Scope(commit=store.head())
        store.commit([put("a", [("new", EAST)]), put("b", [("added", EAST)])])
        store.commit([remove("a")])
        assert self.nearest(store, pinned) == ["old"]
        assert self.nearest(store) == ["added"]

    def test_a_document_is_read_as_it_stood_at_a_commit(self) -> None:
        """All of it, from before it was replaced or removed; none from before it was there."""
        store = self.filled(put("b", [("other", EAST)]))
        if not isinstance(store, Manifest):
            return
        changes = [put("a", [("old", EAST)], metadata={"year": 1}), put("a", [("new", WEST)]), remove("a")]
        commits = [store.commit([change]) for change in changes]
        read = [store.source("", "a", commit) for commit in (commits[0] - 1, *commits)]
        assert read == [None, changes[0].document, changes[1].document, None]
        assert store.source("", "a") is None

    def test_a_commit_is_all_or_nothing(self) -> None:
        """A commit with one bad document leaves everything as it was."""
        store = self.filled(put("a", [("old", EAST)]))
        too_long = put("b", [("bad", unit([1, 0, 0]))])
        assert refuses(lambda: store.commit([put("a", [("new", EAST)]), too_long]))
        assert refuses(lambda: store.commit([put("c", [("bad", np.array([np.nan, 1], dtype=np.float32))])]))
        assert self.nearest(store) == ["old"]

    def test_a_quarantined_document_keeps_its_content(self) -> None:
        """A document is old or new, never absent: a broken update leaves the old one."""
        store = self.filled(put("a", [("old", EAST)]))
        store.commit([quarantine("a"), quarantine("b")])
        assert self.nearest(store) == ["old"]
        assert store.counts().quarantined == 2

    def test_tenants_never_meet(self) -> None:
        """Neither in search, nor by id, nor in vectors, nor by a name that differs in case."""
        store = self.filled(
            put("a", [("ours", EAST)], tenant="acme"),
            put("a", [("theirs", EAST)], tenant="Acme"),
            tenant="keyword!",
        )
        ours, theirs = Scope("acme"), Scope("Acme")
        assert self.nearest(store, ours) == ["ours"]
        assert self.nearest(store, theirs) == ["theirs"]
        ids = store.search(EAST[None], 1, theirs)[0].id_list()
        assert store.fetch(ids, ours) == [None]
        assert not store.vectors(ids, ours).any()
        store.commit([remove("a", tenant="acme")])
        assert self.nearest(store, theirs) == ["theirs"]
        assert self.nearest(store, Scope("nobody")) == []

    def test_groups_see_what_is_theirs(self) -> None:
        """One common group is enough; a document without groups is for nobody."""
        store = self.filled(
            put("a", [("staff", EAST)], acl=["staff", "legal"]),
            put("b", [("legal", NORTH)], acl=["legal"]),
            put("c", [("nobody", EAST)]),
            acl=["keyword"],
        )
        assert self.nearest(store, Scope(acl=("legal",))) == ["staff", "legal"]
        assert self.nearest(store, Scope(acl=("staff", "other"))) == ["staff"]
        assert self.nearest(store, Scope(acl=())) == []

    def test_counts_are_of_the_current_commit(self) -> None:
        """Documents, chunks and tenants that stand now."""
        store = self.filled(
            put("a", [("x", EAST), ("y", EAST)], tenant="t"),
            put("b", [("z", EAST)], tenant="u"),
            tenant="keyword!",
        )
        store.commit([remove("b", tenant="u")])
        counts = store.counts()
        assert (counts.documents, counts.chunks, counts.tenants) == (1, 2, 1)


class SparseIndexChecks(StoreChecks):
    """BM25 of a store that is a `SparseIndex` too."""

    def found(
        self, store: VectorStore, terms: list[str], scope: Scope = OPEN, k: int = 10
    ) -> list[str | None]:
        """Texts of the best chunks for these terms."""
        assert isinstance(store, SparseIndex), "the store has no search_terms"
        return texts(store, store.search_terms([terms], k, scope)[0].id_list(), scope)

    def test_only_chunks_that_share_a_term_are_found(self) -> None:
        """No term, no hit."""
        store = self.filled(put("a", [("cat dog", EAST), ("fish", EAST)]))
        assert self.found(store, ["dog", "bird"]) == ["cat dog"]
        assert self.found(store, ["bird"]) == []
        assert self.found(store, []) == []

    def test_rare_terms_short_texts_and_repeats_win(self) -> None:
        """The three parts of the formula, each alone."""
        store = self.filled(
            put("a", [("cat", EAST), ("cat dog", EAST), ("cat cat x y", EAST), ("cat w x y", EAST)])
        )
        assert self.found(store, ["cat", "dog"])[0] == "cat dog"
        order = self.found(store, ["cat"])
        assert order.index("cat") < order.index("cat dog") < order.index("cat w x y")
        assert order.index("cat cat x y") < order.index("cat w x y")

    def test_scores_are_lucenes(self) -> None:
        """Worked by hand: N = 2, df = 1, tf = 2, length 3 of 2 on average."""
        store = self.filled(put("a", [("cat cat dog", EAST), ("dog", EAST)]))
        assert isinstance(store, SparseIndex)
        batch = store.search_terms([["cat"]], 5, OPEN)[0]
        idf = np.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
        assert np.allclose(batch.scores, [idf * 2 / (2 + 0.9 * (1 - 0.4 + 0.4 * 3 / 2))], rtol=1e-5)
        assert np.isclose(batch.ceiling, idf)

    def test_a_repeated_query_term_counts_each_time(self) -> None:
        """Twice the term, twice its part of the score."""
        store = self.filled(put("a", [("cat dog", EAST), ("dog", EAST)]))
        assert isinstance(store, SparseIndex)
        once, twice = store.search_terms([["cat"], ["cat", "cat"]], 5, OPEN)
        assert np.allclose(twice.scores, 2 * once.scores, rtol=1e-6)

    def test_statistics_are_the_tenants_own(self) -> None:
        """Another tenant's documents change neither order nor score."""
        mine = [put("a", [("cat", EAST)], tenant="t"), put("b", [("cat dog", EAST)], tenant="t")]
        alone = self.filled(*mine, tenant="keyword!")
        others = [put(f"o{i}", [("cat cat bird", EAST)], tenant="u") for i in range(20)]
        crowded = self.filled(*mine, *others, tenant="keyword!")
        assert isinstance(alone, SparseIndex)
        assert isinstance(crowded, SparseIndex)
        a, b = (s.search_terms([["cat", "dog"]], 5, Scope("t"))[0] for s in (alone, crowded))
        assert a.id_list() == b.id_list()
        assert np.allclose(a.scores, b.scores, rtol=1e-5)

    def test_removed_chunks_do_not_count(self) -> None:
        """Statistics are those of what stands at the reader's commit."""
        store = self.filled(
            put("a", [("cat", EAST)]), put("b", [("cat dog", EAST)]), put("c", [("fish", EAST)])
        )
        assert isinstance(store, SparseIndex)
        pinned = Scope(commit=store.head())
        before = store.search_terms([["cat"]], 5, pinned)[0]
        store.commit([remove("b")])
        fresh = self.filled(put("a", [("cat", EAST)]), put("c", [("fish", EAST)]))
        assert isinstance(fresh, SparseIndex)
        after, expected = (s.search_terms([["cat"]], 5, OPEN)[0] for s in (store, fresh))
        assert np.allclose(after.scores, expected.scores, rtol=1e-5)
        assert store.search_terms([["cat"]], 5, pinned)[0].id_list() == before.id_list()

    def test_a_filter_hides_chunks_and_leaves_statistics_alone(self) -> None:
        """The score of a chunk is the same with and without a filter."""
        store = self.filled(
            put("a", [("cat", EAST)], metadata={"lang": "en"}),
            put("b", [("cat dog", EAST)], metadata={"lang": "ru"}),
        )
        assert isinstance(store, SparseIndex)
        everything = store.search_terms([["cat"]], 5, OPEN)[0]
        filtered = store.search_terms([["cat"]], 5, Scope(filter=Eq("lang", "ru")))[0]
        assert texts(store, filtered.id_list()) == ["cat dog"]
        assert filtered.scores[0] == everything.scores[everything.id_list().index(filtered.id_list()[0])]
