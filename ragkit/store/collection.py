"""The collection: a store, the model and the analysis behind its content, and the rules for reading it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace

from ragkit.arrays import HitBatch
from ragkit.errors import StoreError
from ragkit.fields import FieldSpec
from ragkit.filter_parser import parse_filter
from ragkit.protocols import (
    Analyzer,
    Change,
    Embedder,
    Manifest,
    Scope,
    SparseIndex,
    Surroundings,
    TextKind,
    Vectors,
    VectorStore,
)
from ragkit.store.abilities import HoldingStore, LockingStore, ReadingStore
from ragkit.store.access import Access
from ragkit.store.admission import check_document, with_language
from ragkit.store.arguments import check_k, check_texts, check_vectors, checked_history
from ragkit.store.around import surroundings
from ragkit.store.documents import CollectionDocuments
from ragkit.store.followers import Followers
from ragkit.store.remembered import Remembered
from ragkit.text.language import UNDETERMINED, detect_language
from ragkit.types import Chunk, Document, QueryPlan, ReadSentence, Turn


class StoreCollection(CollectionDocuments):
    """A logical index: what the stages of a graph, ingestion and the application talk to.

    Every read goes through the declared `tenant` and `acl`; every hit that comes back is checked again.

    Args:
        store: an opened store.
        embedder: the model whose vectors it holds.
        analyzer: what turns texts into BM25 terms.
        fields: the declared metadata fields.
        manifest: the record of documents; the store itself where it keeps one.
        followers: other stores that are written to as well.
        vectors_kept: how many vectors of recent texts are remembered.

        store = LocalStore(path="index").open(spec)
        collection = StoreCollection(store, embedder=embedder, analyzer=Analyzer(), fields=fields)
        plan = collection.plan("How long is the warranty?")
        collection.bm25([plan.question], 10, plan)[0].id_list()
    """

    def __init__(
        self,
        store: VectorStore,
        *,
        embedder: Embedder,
        analyzer: Analyzer,
        fields: Mapping[str, FieldSpec] | None = None,
        manifest: Manifest | None = None,
        followers: Followers | None = None,
        vectors_kept: int = 4096,
    ) -> None:
        self.store = store
        self.followers = followers
        self.analyzer = analyzer
        self.fields: Mapping[str, FieldSpec] = fields or {}
        self._embedder = embedder
        self._access = Access(self.fields)
        # Asked once: to check a protocol at run time costs as much as a small search.
        self._sparse = store if isinstance(store, SparseIndex) else None
        self._holding = store if isinstance(store, HoldingStore) else None
        self._reading = store if isinstance(store, ReadingStore) else None
        if manifest is None:
            if not isinstance(store, Manifest):
                raise StoreError(f"{store.capabilities.name} keeps no record of documents: pass a manifest")
            manifest = store
        self._manifest = manifest
        self._vectors_kept = vectors_kept
        self._remembered = Remembered(embedder, analyzer, vectors_kept)
        self._others_drop: list[Callable[[], None]] = []

    # --- what it is -------------------------------------------------------------------------------

    @property
    def embedder(self) -> Embedder:
        """The model whose vectors the collection holds."""
        return self._embedder

    @property
    def is_fast(self) -> bool:
        """Searches take well under a millisecond, so that a thread hop would cost more than the search."""
        return self.store.capabilities.fast

    @property
    def store_name(self) -> str:
        """The registered name of the store beneath."""
        return self.store.capabilities.name

    @property
    def store_place(self) -> str:
        """Where the index lies, without secrets: a folder, or a server and what is named there.

        Empty where the store does not say.
        """
        return str(getattr(self.store, "where", ""))

    @property
    def format_version(self) -> int:
        """The version of the store's format."""
        return int(getattr(self.store, "format_version", 1))

    def knows(self, text: str) -> bool:
        """Whether the embedder covers the language of `text`; where it does not, its ranking is noise.

        A text without a language of its own (names, numbers, code) counts as known when its letters are
        Latin, as those of every model's vocabulary are.
        """
        languages = self._embedder.languages
        if not languages:
            return True
        language = detect_language(text)
        return language in languages if language != UNDETERMINED else _is_latin(text)

    def terms(self, text: str) -> list[str]:
        """The text's words as BM25 indexes them."""
        return self.analyzer.terms(text)

    def term_weights(self, terms: Sequence[str], plan: QueryPlan) -> dict[str, float]:
        """Each term's idf among the chunks that BM25 counts for this plan; highest where none holds it."""
        check_texts(terms, "terms")
        if self._sparse is None:
            return dict.fromkeys(terms, 1.0)
        scope = self._scope(plan)
        commit = self.head() if scope.commit is None else scope.commit
        return self._remembered.weights(terms, replace(scope, commit=commit), self._sparse)

    def sentences(self, chunk: Chunk) -> tuple[ReadSentence, ...]:
        """The chunk's sentences with their analysed words; those of recent chunks are remembered."""
        return self._remembered.sentences(chunk)

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """The embedder's vectors, shape `[n, d]`; those of recent texts are remembered."""
        return self._remembered.embed(texts, kind)

    # --- reading ----------------------------------------------------------------------------------

    def plan(
        self,
        question: str,
        *,
        tenant: str | None = None,
        acl: Sequence[str] | None = None,
        filter: object = None,  # noqa: A002  (the public word for it)
        history: Sequence[Turn] = (),
    ) -> QueryPlan:
        """A plan for a question that is allowed here, with the current commit pinned.

        Args:
            filter: a mapping as in `ragkit.filters`, or a `Filter`.

        Raises:
            TenantError: a tenant or acl is required and missing, malformed, or not declared.
            FilterError: the filter does not fit the declared fields.
            QueryError: the history is no list of turns.
        """
        parsed = parse_filter(filter, self.fields)
        scope = self._access.scope(tenant, acl, parsed)
        plan = QueryPlan.of(
            question,
            filter=parsed,
            tenant=scope.tenant if tenant is not None else None,
            acl=scope.acl,
            history=checked_history(history),
        )
        return replace(plan, commit=self.head())

    @contextmanager
    def held(self, plan: QueryPlan) -> Iterator[QueryPlan]:
        """The plan, pinned to the current commit, which is kept in full for the time of the block.

        A plan that is run outside such a block keeps to its commit too, but where the index is compacted
        meanwhile its next read is refused.
        """
        if self._holding is not None:
            with self._holding.hold() as commit:
                yield replace(plan, commit=commit)
        else:
            yield plan

    def dense(
        self, texts: Sequence[str], k: int, plan: QueryPlan, vectors: Vectors | None = None
    ) -> list[HitBatch]:
        """The nearest chunks for each text; `vectors` (shape `[q, d]`) spares the embedding.

        Raises:
            QueryError: `k` is no whole number of at least 1, or texts or vectors are something else.
        """
        scope = self._scope(plan)
        check_k(k)
        check_texts(texts, "texts")
        if not len(texts):
            return []
        if vectors is None:
            vectors = self.embed(texts, "query")
        else:
            check_vectors(vectors, len(texts), self._embedder.dimension)
        return self.store.search(vectors, k, scope)

    def bm25(self, texts: Sequence[str], k: int, plan: QueryPlan) -> list[HitBatch]:
        """The best chunks by BM25 for each text.

        Raises:
            QueryError: `k` is no whole number of at least 1, or texts are something else.
            StoreError: the store has no BM25 index.
        """
        scope = self._scope(plan)
        check_k(k)
        check_texts(texts, "texts")
        if self._sparse is None:
            raise StoreError(f"{self.store_name} has no BM25 index")
        return self._sparse.search_terms([self.analyzer.terms(text) for text in texts], k, scope)

    def fetch(self, ids: Sequence[str], plan: QueryPlan) -> list[Chunk | None]:
        """The chunks with these ids, in this order; None for one that the plan may not see.

        Raises:
            QueryError: the ids are no list of texts.
        """
        scope = self._scope(plan)
        check_texts(ids, "ids")
        return [self._rechecked(chunk, scope) for chunk in self.store.fetch(ids, scope)]

    def around(self, chunks: Sequence[Chunk], plan: QueryPlan) -> list[Surroundings | None]:
        """What lies around each chunk that the plan found, at its commit; None where that cannot be said.

        Raises:
            StoreError: the pinned commit is not kept any more.
        """
        scope = self._scope(plan)
        if scope.commit is None:
            scope = replace(scope, commit=self.head())
        pinned = replace(plan, commit=scope.commit)
        return surroundings(chunks, scope, self._manifest, lambda ids: self.fetch(ids, pinned))

    def vectors(self, ids: Sequence[str], plan: QueryPlan) -> Vectors:
        """The stored vectors of these chunks, shape `[n, d]`; zeros for one that the plan may not see.

        Raises:
            QueryError: the ids are no list of texts.
        """
        scope = self._scope(plan)
        check_texts(ids, "ids")
        return self.store.vectors(ids, scope)

    def readings(self, ids: Sequence[str], plan: QueryPlan) -> list[bytes | None]:
        """What a reranker read in these chunks when they were embedded, see `PassageReader`.

        None for one that the plan may not see, and where the store keeps nothing of the kind.

        Raises:
            QueryError: the ids are no list of texts.
        """
        scope = self._scope(plan)
        check_texts(ids, "ids")
        return [None] * len(ids) if self._reading is None else self._reading.readings(ids, scope)

    # --- writing ----------------------------------------------------------------------------------

    def check_groups(self, acl: Sequence[str]) -> None:
        """Checks that documents can be given these groups.

        Raises:
            TenantError: malformed, or given where the collection declares no acl.
        """
        self._access.acl(acl)

    def admit(self, document: Document, *, tenant: str | None = None) -> str:
        """Checks that a document can be written for a tenant; gives the tenant as it is stored.

        Raises:
            TenantError: the tenant is required and missing, malformed, or not declared.
            DocumentError: an id, a metadata value or an acl that the collection cannot take, or a part of
                another type than a document's.
        """
        stored = self._access.tenant(tenant) or ""
        check_document(document, self.fields, self._access)
        return stored

    def commit(self, changes: Iterable[Change]) -> int:
        """Writes all changes as one commit and returns its number.

        Where `lang` is a declared field, a chunk whose metadata lacks it gets its detected language.

        Raises:
            TenantError, DocumentError: see `admit`; nothing is written then.
            StoreError: the store refuses, for example because another process is writing.
        """
        checked = []
        for change in changes:
            # Of what is empty, only a text means no tenant: 0 and False would be stored as tenant "0".
            tenant = None if change.state.tenant == "" else change.state.tenant
            if change.document is None:
                self._access.tenant(tenant)
            else:
                self.admit(change.document, tenant=tenant)
            checked.append(with_language(change, self.fields))
        number = self.store.commit(checked)
        if self.followers is not None:
            self.followers.commit(checked)
        return number

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Holds the right to write over several commits, where the store has one writer at a time."""
        with self.store.writing() if isinstance(self.store, LockingStore) else nullcontext():
            yield

    def drop_caches(self) -> None:
        """Lets go of the texts and vectors that were remembered, here and where `also_drops` was told of."""
        self._remembered = Remembered(self._embedder, self.analyzer, self._vectors_kept)
        for drop in self._others_drop:
            drop()

    def also_drops(self, drop: Callable[[], None]) -> None:
        """Has `drop` called when something was forgotten: it lets go of texts that are kept elsewhere."""
        self._others_drop.append(drop)

    def close(self) -> None:
        """Releases the store, and those that follow it."""
        self.store.close()
        if self.followers is not None:
            self.followers.close()

    # --- inside -----------------------------------------------------------------------------------

    def _scope(self, plan: QueryPlan) -> Scope:
        return self._access.scope(plan.tenant, plan.acl, plan.filter, plan.commit)

    def _rechecked(self, chunk: Chunk | None, scope: Scope) -> Chunk | None:
        if chunk is None or chunk.tenant != (scope.tenant or ""):
            return None
        if scope.acl is not None and set(scope.acl).isdisjoint(chunk.acl):
            return None
        return chunk


def _is_latin(text: str) -> bool:
    return all(c.isascii() or "LATIN" in unicodedata.name(c, "") for c in text if c.isalpha())
