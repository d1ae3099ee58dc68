"""The crew of an ingestion on a Ray cluster: actors read, cut and embed; this process decides and writes."""

from __future__ import annotations

import builtins
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ragkit import errors
from ragkit.errors import DocumentError, ModelError
from ragkit.ingest.crew import Embeds, KnownHash, Read, ReadHere
from ragkit.ingest.embed import Embedded, Embedding, Passages, Step, embed_documents
from ragkit.ingest.feed import Source, work_of
from ragkit.ingest.load.source import SourceFile
from ragkit.ingest.making import Cut, Making
from ragkit.store.typed import type_problems
from ragkit.types import Document, Unread
from ragkit_connectors.ray.pool import TRIES, Pool, WorkerDiedError
from ragkit_connectors.ray.wire import (
    NotPlainError,
    cut_of,
    document_json,
    document_of,
    error_of,
    pack,
    passages_of,
    unpack,
)

# A task is long enough that its way there does not matter, and short enough that little is done twice.
_BUNDLE_DOCUMENTS = 32
_BUNDLE_BYTES = 512 * 1024
_BUNDLES_A_WORKER = 3
_LEAST_TEXTS, _MOST_TEXTS = 16, 512
_SLICES_A_WORKER = 3


@dataclass(slots=True)
class _Asked:
    """A source that is read elsewhere, or here where `row` is None: what of it is sent, and its size."""

    source: Source
    row: dict[str, Any] | None = None
    data: bytes = b""
    error: DocumentError | None = None

    @property
    def n_bytes(self) -> int:
        return 1_000 + (len(self.data) or work_of(self.source))


@dataclass(slots=True)
class _Bundle:
    asked: list[_Asked] = field(default_factory=list)
    n_bytes: int = 0
    answer: Future[bytes] | None = None

    def add(self, asked: _Asked) -> None:
        self.asked.append(asked)
        self.n_bytes += asked.n_bytes

    @property
    def is_full(self) -> bool:
        return len(self.asked) >= _BUNDLE_DOCUMENTS or self.n_bytes >= _BUNDLE_BYTES

    @property
    def sent(self) -> list[_Asked]:
        return [asked for asked in self.asked if asked.row is not None]


class RayCrew:
    """Reads, cuts and embeds with the actors of a pool. Made for one run; see `ragkit.ingest.crew.Crew`.

    Args:
        pool: of workers.
        making: how documents are read and cut, for those that are read here after all.
        embedding: this process's, for its name and its dimension.
        max_bytes: of documents that are under way at once.
    """

    ahead = 2

    def __init__(self, pool: Pool, making: Making, embedding: Embedding, *, max_bytes: int) -> None:
        self._pool = pool
        self._making = making
        self._texts = _RayEmbedding(pool, embedding)
        self._max_bytes = max_bytes

    def read(self, sources: Iterable[Source], known_hash: KnownHash) -> Iterator[Read]:
        """See `Crew.read`; so many bundles are under way, and so many bytes, and no more."""
        under_way: deque[_Bundle] = deque()
        held, most = 0, _BUNDLES_A_WORKER * self._pool.size + 1
        for bundle in self._bundles(sources, known_hash):
            while under_way and (len(under_way) >= most or held + bundle.n_bytes > self._max_bytes):
                held -= under_way[0].n_bytes
                yield from self._answers(under_way.popleft())
            self._send(bundle)
            under_way.append(bundle)
            held += bundle.n_bytes
            while under_way and _is_done(under_way[0]):
                held -= under_way[0].n_bytes
                yield from self._answers(under_way.popleft())
        while under_way:
            yield from self._answers(under_way.popleft())

    def embed(self, texts: Sequence[Sequence[str]], languages: Mapping[str, str]) -> Embeds:
        """See `Crew.embed`; the workers begin at once."""
        return _RayEmbeds(texts, languages, self._texts)

    def close(self) -> None:
        """Ends the workers."""
        self._pool.close()

    def _bundles(self, sources: Iterable[Source], known_hash: KnownHash) -> Iterator[_Bundle]:
        bundle = _Bundle()
        for source in sources:
            bundle.add(self._asked(source, known_hash))
            if bundle.is_full:
                yield bundle
                bundle = _Bundle()
        if bundle.asked:
            yield bundle

    def _asked(self, source: Source, known_hash: KnownHash) -> _Asked:
        """What is sent of a source. A file is read here: no other machine need have the disk it lies on."""
        if isinstance(source, Unread) or (isinstance(source, Document) and type_problems(source)):
            return _Asked(source)
        known = known_hash(source.id)
        if isinstance(source, SourceFile):
            try:
                data = source.read()
            except DocumentError as e:
                return _Asked(source, error=e)
            row = {"id": source.id, "uri": source.uri, "extension": source.extension, "known": known}
            return _Asked(source, row, data)
        try:
            return _Asked(source, {"document": document_json(source), "known": known})
        except NotPlainError:
            return _Asked(source)

    def _send(self, bundle: _Bundle) -> None:
        sent = bundle.sent
        if sent:
            tries = 1 if len(sent) > 1 else TRIES
            bundle.answer = self._pool.submit("read", _packed(sent), tries=tries)

    def _answers(self, bundle: _Bundle) -> Iterator[Read]:
        answers = iter(self._answered(bundle))
        for asked in bundle.asked:
            if asked.row is not None:
                yield _ReadThere(asked.source, self._making, next(answers))
            elif asked.error is not None:
                yield _ReadThere(asked.source, self._making, asked.error)
            else:
                yield ReadHere(asked.source, self._making)

    def _answered(self, bundle: _Bundle) -> list[dict[str, Any] | DocumentError]:
        if bundle.answer is None:
            return []
        try:
            return list(unpack(bundle.answer.result())[0])
        except WorkerDiedError as e:
            if len(bundle.sent) == 1:
                return [_poison(e)]
        # One of them may be what it died of: each is tried alone.
        alone = [self._pool.submit("read", _packed([asked])) for asked in bundle.sent]
        answers: list[dict[str, Any] | DocumentError] = []
        for answer in alone:
            try:
                answers += unpack(answer.result())[0]
            except WorkerDiedError as e:
                answers.append(_poison(e))
        return answers


class _ReadThere:
    """A source that a worker has read; what the worker did not do is done here."""

    def __init__(self, source: Source, making: Making, answer: dict[str, Any] | DocumentError) -> None:
        self.source = source
        self._here = ReadHere(source, making)
        self._making = making
        self._answer = answer

    def document(self) -> Document:
        answer = self._answer
        if isinstance(answer, DocumentError):
            raise answer
        if "error" in answer:
            raise error_of(answer["error"])
        if answer.get("document") is None:
            return self._here.document()
        return document_of(answer["document"])

    def cut(self, document: Document, tenant: str) -> Cut:
        cut = self._answer.get("cut") if isinstance(self._answer, dict) else None
        if cut is None:
            return self._here.cut(document, tenant)
        if "error" in cut:
            raise error_of(cut["error"])
        return cut_of(cut, document, tenant, self._making.fingerprint)


class _RayEmbedding:
    """Embeds texts in slices, each with whatever worker is free."""

    def __init__(self, pool: Pool, embedding: Embedding) -> None:
        self.name = embedding.name
        self._dimension = embedding.dimension
        self._pool = pool

    def embed(self, texts: Sequence[str], languages: Mapping[str, str], step: Step) -> Passages:
        """See `EmbedsTexts.embed`.

        Raises:
            WorkerDiedError: the workers died of it.
        """
        return self.collected(self.begun(texts, languages), texts, step)

    def begun(self, texts: Sequence[str], languages: Mapping[str, str]) -> list[_Slice]:
        """The slices, handed out: the longest texts first, so that little is left for the last worker."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]), reverse=True)
        share = -(-len(texts) // (_SLICES_A_WORKER * self._pool.size))
        size = max(_LEAST_TEXTS, min(_MOST_TEXTS, share))
        slices = []
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            own = [texts[i] for i in rows]
            task = pack({"texts": own, "languages": {text: languages[text] for text in own}})
            tries = 2 if len(own) > 1 else TRIES
            slices.append(_Slice(rows, self._pool.submit("embed", task, is_urgent=True, tries=tries)))
        return slices

    def collected(self, slices: Sequence[_Slice], texts: Sequence[str], step: Step) -> Passages:
        """What there is of all slices, in the order of the texts."""
        vectors = np.empty((len(texts), self._dimension), np.float32)
        readings = [b""] * len(texts)
        n = characters = 0
        n_characters = max(1, sum(map(len, texts)))
        for one in slices:
            head, blobs = unpack(one.answer.result())
            if "error" in head:
                raise raised(head["error"], head["message"])
            made = passages_of(head, blobs)
            vectors[one.rows] = made.vectors
            for i, reading in zip(one.rows, made.readings, strict=True):
                readings[i] = reading
            n += len(one.rows)
            characters += sum(len(texts[i]) for i in one.rows)
            step(n, characters / n_characters)
        return Passages(vectors, readings)


@dataclass(frozen=True, slots=True)
class _Slice:
    rows: list[int]
    answer: Future[bytes]


class _RayEmbeds:
    """The texts of a batch: begun at once, and where that fails embedded document by document."""

    def __init__(
        self, texts: Sequence[Sequence[str]], languages: Mapping[str, str], embedding: _RayEmbedding
    ) -> None:
        self.name = embedding.name
        self._texts, self._languages, self._embedding = texts, languages, embedding
        self._begun: list[_Slice] | None = embedding.begun([text for own in texts for text in own], languages)

    def result(self, step: Step) -> Embedded:
        return embed_documents(self._texts, self._languages, self, step)

    def embed(self, texts: Sequence[str], languages: Mapping[str, str], step: Step) -> Passages:
        begun, self._begun = self._begun, None
        if begun is not None:
            return self._embedding.collected(begun, texts, step)
        return self._embedding.embed(texts, languages, step)


def raised(kind: str, message: str) -> Exception:
    """The error that a model raised elsewhere, under its own name."""
    known = getattr(errors, kind, None) or getattr(builtins, kind, None)
    if not (isinstance(known, type) and issubclass(known, Exception)):
        known = type(kind, (ModelError,), {})
    try:
        error: Exception = known(message)
    except TypeError:
        error = type(kind, (ModelError,), {})(message)
    return error


def _packed(sent: Sequence[_Asked]) -> bytes:
    return pack([asked.row for asked in sent], *(asked.data for asked in sent))


def _is_done(bundle: _Bundle) -> bool:
    return bundle.answer is None or bundle.answer.done()


def _poison(error: WorkerDiedError) -> DocumentError:
    return DocumentError(
        f"each of {TRIES} workers that read it died ({error}): it is damaged, hostile, or needs more memory "
        "than a worker has. Open it and save it again, or export its text",
        stage="parse",
    )
