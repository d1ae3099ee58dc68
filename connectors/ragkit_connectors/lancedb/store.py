"""`store/lancedb`: a folder of LanceDB as the collection sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from ragkit.protocols import Capabilities, Change, Vectors
from ragkit.store.abilities import Compaction, Engine, Holdings
from ragkit.store.bm25.formula import Bm25
from ragkit.store.remote.bounds import PUSHED_DOWN
from ragkit.store.remote.store import RemoteStore
from ragkit.store_spec import StoreSpec
from ragkit_connectors.lancedb.opening import opened
from ragkit_connectors.lancedb.scratch import engine_of, scratch_place
from ragkit_connectors.lancedb.search import WordSearch
from ragkit_connectors.lancedb.server import LanceServer
from ragkit_connectors.lancedb.settings import LanceSettings


class LanceStore(RemoteStore[LanceServer]):
    """An index in one folder, searched by LanceDB: many readers, one writer, on one machine.

    Made with its settings, usable once opened:

        store = LanceStore(path="index")
        store.open(StoreSpec("mini", embedder_fingerprint="v1", dimension=384, fields=fields))
    """

    use = "store/lancedb"
    Config = LanceSettings

    def __init__(self, **settings: Any) -> None:
        self.config = self.Config.checked(self.use, settings)

    def make_server(self) -> LanceServer:
        """What all calls go through."""
        return LanceServer(self.config)

    def prepared(self, server: LanceServer, spec: StoreSpec | None, *, create: bool) -> StoreSpec:
        """The spec of the index in the folder; see `opened`."""
        return opened(server, spec, create=create)

    def compared_below(self, server: LanceServer) -> int | None:
        """As it is set; None without a vector index."""
        return None if self.config.index == "none" else self.config.exact_below

    def term_search(self, server: LanceServer, formula: Bm25) -> WordSearch:
        """By files of words, of which a question reads few bytes."""
        return WordSearch(server, formula)

    @property
    def capabilities(self) -> Capabilities:
        """BM25, and exact search without a vector index.

        Of the other operators of filters the engine is told a bound, and the rest is judged here.
        """
        is_exact = self.config.index == "none"
        return Capabilities(self.use, filters=PUSHED_DOWN, exact_dense=is_exact, sparse=True)

    def engine(self) -> Engine:
        """LanceDB, within this process."""
        return engine_of()

    def scratch(self, name: str) -> AbstractContextManager[LanceStore]:
        """A store with a folder of its own beside this one, which is removed when the block ends."""
        return scratch_place(self.config, name, lambda own: type(self)(**own.as_keywords()))

    # --- upkeep -----------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Joins small files and makes the indexes that the size asks for, before anybody asks a question.

        Raises:
            StoreError: another process is writing, or the folder cannot be written to.
        """
        with self._lease:
            self._server.build()

    @property
    def erases_files(self) -> bool:
        """All files are written anew without what is erased."""
        return True

    def holdings(self) -> Holdings:
        """What is kept, how much of it the current commit does not show, and what is still to be erased."""
        held = super().holdings()
        return replace(held, to_erase=held.to_erase or self._server.has_deleted)

    def compact(self, *, wait_s: float = 0.0) -> Compaction:
        """Writes all files anew without what no reader can see any more; nothing where there is nothing.

        Args:
            wait_s: how long to wait for readers of older commits.

        Raises:
            StoreError: another process is writing, or the folder cannot be written to.
        """
        with self._lease:
            return self._purged(super().compact(wait_s=wait_s))

    def erase(self, changes: Sequence[Change], *, wait_s: float = 30.0) -> Compaction:
        """Commits removals, then writes all files anew without what they removed.

        If the process dies in between, the next compaction, which the next ingestion makes, ends the work.
        """
        with self._lease:
            return self._purged(super().erase(changes, wait_s=wait_s))

    def verify(self) -> list[str]:
        """One line per problem of the current commit, with its remedy; reads all of it."""
        return [*super().verify(), *self._server.words.problems()]

    def repair(self, embed: Callable[[Sequence[str]], Vectors] | None = None) -> list[str]:
        """Settles what an unfinished commit left, and makes what is damaged anew where it can be.

        Args:
            embed: gives unit vectors for passages, shape `[n, d]`; without, damaged chunks stay as they are.

        Raises:
            StoreError: another process is writing, or the folder cannot be written to.
            ModelError: the embedder fails.
        """
        with self._lease:
            lines = super().repair(embed)
            n = self._server.words.rebuild()
        return [*lines, f"{self._server.where}: {n} files of words made anew"] if n else lines

    def _purged(self, done: Compaction) -> Compaction:
        if self._server.has_deleted:
            self._server.write_anew()
        return done
