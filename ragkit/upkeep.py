"""`Upkeep`: what whoever runs an index does with it beside ingesting and asking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ragkit.assembly import Assembly
from ragkit.cache.answers import CacheCounts
from ragkit.config.spec import Config
from ragkit.errors import CorruptIndexError, RagkitError
from ragkit.graph.runner import Graph
from ragkit.protocols import PassageReader
from ragkit.status import Status, status_of
from ragkit.store import forgetting, mending, migrate
from ragkit.store.abilities import Compaction
from ragkit.store.collection import StoreCollection
from ragkit.store.forgetting import Forgotten
from ragkit.store.mending import Repair
from ragkit.store.migrate import Migration
from ragkit.types import Document


def settled(collection: StoreCollection) -> tuple[str, ...]:
    """Ends an ingestion: compacts where it pays, brings other stores level; what could not be done."""
    note = forgetting.tidy(collection)
    behind = collection.followers.level(collection) if collection.followers is not None else ()
    return (*(() if note is None else (note,)), *behind)


class Upkeep:
    """The part of a `RAG` that looks into its index and after it: source, check, repair, forget, migrate."""

    config: Config
    _parts: Assembly
    _graph: Graph

    def source(self, document_id: str, *, tenant: str | None = None, acl: Sequence[str] | None = None) -> str:
        """A document's canonical text, the one that `start` and `end` of a citation count in.

        Raises:
            QueryError: no such document is visible to this tenant and acl.
        """
        return self.document(document_id, tenant=tenant, acl=acl).text

    def document(
        self, document_id: str, *, tenant: str | None = None, acl: Sequence[str] | None = None
    ) -> Document:
        """A document as it was committed: its canonical text with sections, blocks, pages and metadata.

        Raises:
            QueryError: no such document is visible to this tenant and acl.
        """
        return self._parts.collection.source(document_id, tenant=tenant, acl=acl)

    def check(self) -> dict[str, Any]:
        """Loads every model the graph needs, opens the store, embeds a text; facts found on the way.

        Models behind a server that rank are asked, too.
        """
        collection = self._parts.collection
        collection.embedder.embed(["check"], "query")
        self._graph.setup()
        probed = {f"models.{name}": told for name, told in self._parts.probe().items()}
        counts = collection.counts()
        return {
            "config": str(self.config.path or "embedded default"),
            "embedder": f"{collection.embedder.name}, {collection.embedder.dimension} dimensions",
            "store": collection.store_name,
            "place": collection.store_place or "the store does not say",
            "documents": counts.documents,
            "chunks": counts.chunks,
            "graph": " → ".join(node.name for node in self.config.graph.nodes),
            **probed,
        }

    def status(self) -> Status:
        """What the index holds, what it was made with, and what could not be ingested."""
        return status_of(self._parts.collection, self._reader())

    def _reader(self) -> PassageReader | None:
        """The graph's reranker where it reads passages at ingestion; None too where it cannot be loaded."""
        try:
            return self._parts.reader()
        except RagkitError:
            return None

    def cache_counts(self) -> CacheCounts:
        """What the caches of answers hold, and how they were used since this was opened."""
        return self._parts.answers.counts()

    def verify(self) -> list[str]:
        """Proves the index sound: every file, row, vector and text is compared with what was written.

        Returns:
            One line per problem, each with the file and what mends it; none if all is well.

        Raises:
            StoreError: there is no index, or its store has no means to tell.
            ConfigError: it was made with another model or analyzer.
        """
        try:
            return mending.verify(self._parts.collection)
        except CorruptIndexError as e:
            return [str(e)]

    def repair(self) -> Repair:
        """Makes damaged BM25 files and vectors anew from the texts, then verifies.

        Passages of which nothing is kept that the graph's reranker read in them are read, as at ingestion.

        A damaged manifest is left as it is: the texts are in it, and nothing can be derived from others.

        Raises:
            StoreError: there is no index, another process is writing, or the folder cannot be written to.
            ConfigError: it was made with another model or analyzer.
        """
        try:
            return mending.repair(self._parts.collection, self._reader())
        except CorruptIndexError as e:
            return Repair((), (str(e),))
        finally:
            # Answers may have been made of what was damaged.
            self._parts.answers.clear()

    def forget(
        self,
        documents: str | Sequence[str] | None = None,
        *,
        tenant: str | None = None,
        wait_s: float = 30.0,
    ) -> Forgotten:
        """Removes documents, or all of a tenant's, from every answer at once and from every file.

        A document whose file is still there comes back with the next ingestion of its folder.

        Args:
            documents: ids, or uris as citations show them; None for all documents of `tenant`.
            tenant: whose they are, where the collection declares `tenant`.
            wait_s: how long to wait for readers of older commits; what they hold is left to a later
                compaction, and `erased` is False.

        Raises:
            QueryError: neither documents nor a tenant are named.
            TenantError: a tenant is required and missing, malformed, or not declared.
            StoreError: another process is writing, or the store cannot forget.
        """
        return forgetting.forget(self._parts.collection, documents, tenant=tenant, wait_s=wait_s)

    def compact(self, *, wait_s: float = 0.0) -> Compaction:
        """Takes out of all files what was replaced or removed and no reader sees any more.

        Ingestion does so by itself once half of an index is of that kind.

        Args:
            wait_s: how long to wait for readers of older commits.

        Raises:
            StoreError: another process is writing, or the store has no means to do so.
            CorruptIndexError: a file is not what was written; nothing is changed then.
        """
        return forgetting.compact(self._parts.collection, wait_s=wait_s)

    def migrate(
        self, to: str, *, remove_others: bool = False, progress: migrate.Progress | None = None
    ) -> Migration:
        """Copies the collection into another declared store, without embedding, and compares both.

        Killed at any moment, it goes on where it was when it is run again. The source is not changed; to use
        the other store is to change the word `store:` of the collection, and to go back is to change it back.

        Args:
            to: a name under `stores:`; what it names is made if it is not there.
            remove_others: whether documents that only the other store holds are removed there.
            progress: is told how many documents are copied, then compared.

        Raises:
            ConfigError: no such store, the one in use, or one that was made with another embedder or analyzer
                or holds other documents.
            StoreError: another process is writing to one of them, or a store cannot be reached.
        """
        source = self._parts.collection
        target = self._parts.collection_in(to)
        try:
            return migrate.migrate(source, target, remove_others=remove_others, progress=progress)
        finally:
            target.close()
