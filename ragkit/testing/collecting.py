"""What a store must do that can be rid of what was replaced: nothing that anybody reads may go."""

from __future__ import annotations

from ragkit.protocols import Scope, SparseIndex, VectorStore
from ragkit.store.abilities import CollectingStore, HoldingStore
from ragkit.testing.data import put, quarantine, remove
from ragkit.testing.stores import EAST, NORTH, OPEN, WEST, StoreChecks, refuses, texts


class CollectingStoreChecks(StoreChecks):
    """Holding, compacting and erasing, for a store that is a `HoldingStore` and a `CollectingStore`."""

    def aged(self) -> VectorStore:
        """A store in which one document was replaced and one removed."""
        store = self.filled(put("a", [("old", EAST), ("older", WEST)]), put("b", [("kept", NORTH)]))
        store.commit([put("a", [("new", EAST)]), put("c", [("short lived", WEST)])])
        store.commit([remove("c")])
        return store

    def seen(self, store: VectorStore, commit: int | None = None) -> list[str | None]:
        """The texts that a commit shows, nearest to east first."""
        scope = Scope(commit=commit)
        return texts(store, store.search(EAST[None], 10, scope)[0].id_list(), scope)

    def test_compacting_changes_nothing_that_the_current_commit_shows(self) -> None:
        """The same hits, fewer chunks kept, and nothing more to collect."""
        store = self.aged()
        assert isinstance(store, CollectingStore)
        before, commit = self.seen(store), store.head()
        assert store.holdings().n_ended == 3
        assert store.compact().n_collected > 0
        assert (self.seen(store), store.head()) == (before, commit)
        assert (store.holdings().n_ended, store.holdings().n_chunks) == (0, 2)
        assert store.compact().n_collected == 0

    def test_a_commit_that_is_held_is_not_collected(self) -> None:
        """It shows the same while it is held, and goes when it is let go."""
        store = self.aged()
        assert isinstance(store, CollectingStore)
        assert isinstance(store, HoldingStore)
        with store.hold() as commit:
            before = self.seen(store, commit)
            store.commit([remove("a"), put("b", [("changed", NORTH)])])
            assert store.compact().n_held > 0
            assert self.seen(store, commit) == before
        assert store.compact().n_held == 0
        assert self.seen(store) == ["changed"]

    def test_a_commit_that_was_collected_is_refused(self) -> None:
        """A part of it is never given."""
        store = self.aged()
        assert isinstance(store, CollectingStore)
        store.compact()
        assert refuses(lambda: store.search(EAST[None], 10, Scope(commit=1)))
        if isinstance(store, SparseIndex):
            assert refuses(lambda: store.search_terms([["old"]], 10, Scope(commit=1)))

    def test_what_is_erased_is_gone_and_the_rest_stays(self) -> None:
        """Content and states; erasing what is not there is no error."""
        store = self.aged()
        assert isinstance(store, CollectingStore)
        store.commit([quarantine("q")])
        done = store.erase([remove("a"), remove("q"), remove("never there")])
        assert (done.erased, done.n_held) == (True, 0)
        assert self.seen(store) == ["kept"]
        assert (store.counts().documents, store.counts().quarantined) == (1, 0)
        assert not store.holdings().to_erase

    def test_what_is_written_after_a_compaction_is_found(self) -> None:
        """Ids that were collected may come back."""
        store = self.aged()
        assert isinstance(store, CollectingStore)
        store.compact()
        store.commit([put("a", [("old", EAST), ("older", WEST)])])
        assert self.seen(store) == ["old", "kept", "older"]
        store.compact()
        assert texts(store, store.search(WEST[None], 1, OPEN)[0].id_list()) == ["older"]
