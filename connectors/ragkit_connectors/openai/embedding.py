"""`embed/openai`: an embedding model behind an endpoint that speaks OpenAI's embeddings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from threading import Lock

import numpy as np

from ragkit.errors import ContextTooLongError, InvalidOutputError, ModelError, ModelRequestError
from ragkit.graph.sync import run_sync
from ragkit.protocols import TextKind, Vectors
from ragkit.text.tokens import count_tokens
from ragkit_connectors.bridge.vectors import unit_vectors
from ragkit_connectors.openai.account import Account, Used
from ragkit_connectors.openai.batches import batches_of, halves
from ragkit_connectors.openai.calls import Calls, side_by_side
from ragkit_connectors.openai.embedding_settings import EmbeddingSettings
from ragkit_connectors.openai.embedding_wire import Numbers, body_of, readable, tokens_of, vectors_of
from ragkit_connectors.openai.pacing import Pacing

_PROBE = "A short text that every model can embed."
_LEAST_CHARACTERS = 16
_KEPT = 0.75  # of a text that is too long, with each cut


class OpenAIEmbedder:
    """Any embedding model behind an OpenAI-compatible endpoint: OpenAI, Azure, vLLM, TEI, Ollama, Infinity …

    Texts go out in batches, several at once. A batch that the endpoint refuses as too long is cut in two,
    down to single texts. What may pass (429, 5xx, a connection that breaks) is tried again, after the wait
    that the endpoint asks for. Vectors come back by their index and at unit length; one that is missing,
    double, NaN or of another length than the others is an error, never a wrong vector.

    The key is in no message, no fingerprint and no log.

    Example:
        OpenAIEmbedder(base_url="http://localhost:8000/v1", model="BAAI/bge-m3", max_tokens=8192)
    """

    Config = EmbeddingSettings

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("embed/openai", settings)
        c = self.config
        pacing = Pacing(requests_per_minute=c.requests_per_minute, tokens_per_minute=c.tokens_per_minute)
        self._calls = Calls(c, at_once=c.at_once, pacing=pacing)
        self._account = Account(c.model, price=c.price)
        self._dimension = c.dimension or c.dimensions
        self._lock = Lock()

    @property
    def name(self) -> str:
        """The model's name at the endpoint."""
        return self.config.model

    @property
    def fingerprint(self) -> str:
        """`space` or the model, and what else shapes a vector; the address is not among it."""
        c = self.config
        shaping = json.dumps(
            [c.dimensions, c.query_prefix, c.passage_prefix, c.extra, c.query_extra, c.passage_extra],
            sort_keys=True,
            default=str,
        )
        return f"openai|{c.space or c.model}|{hashlib.sha256(shaping.encode()).hexdigest()[:16]}"

    @property
    def dimension(self) -> int:
        """Length of a vector, asked of the endpoint once where it is not configured."""
        with self._lock:
            if self._dimension is None:
                self._dimension = run_sync(self._all([_PROBE], "passage", None)).shape[1]
            return self._dimension

    @property
    def max_tokens(self) -> int:
        """As configured."""
        return self.config.max_tokens

    @property
    def languages(self) -> frozenset[str]:
        """As configured; empty means any."""
        return frozenset(self.config.languages)

    @property
    def used(self) -> Used:
        """Requests, tokens and money so far."""
        return self._account.used

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """Unit vectors, shape `[n, d]`, in the order of `texts`; it blocks, also inside a running event loop.

        Raises:
            ModelError: the endpoint cannot be reached, refuses, or gave what is no vector; the kind of error
                says what to do.
        """
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        return run_sync(self._all(texts, kind, self.dimension))

    async def aembed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """As `embed`, in the running event loop.

        Raises:
            ModelError: as for `embed`.
        """
        if self._dimension is None:
            self._dimension = (await self._all([_PROBE], "passage", None)).shape[1]
        if not texts:
            return np.empty((0, self._dimension), dtype=np.float32)
        return await self._all(texts, kind, self._dimension)

    async def aclose(self) -> None:
        """Closes the connections of the running event loop that are idle; the model can still be used."""
        await self._calls.close()

    async def _all(self, texts: Sequence[str], kind: TextKind, dimension: int | None) -> Vectors:
        c = self.config
        sent = [readable(text, kind, c) for text in texts]
        found: list[Numbers] = [np.empty(0, dtype=np.float32)] * len(sent)

        async def embed(batch: range) -> None:
            try:
                found[batch.start : batch.stop] = await self._batch(sent[batch.start : batch.stop], kind)
            except ContextTooLongError as error:
                if len(batch) > 1:
                    for half in halves(batch):
                        await embed(half)
                else:
                    found[batch.start] = await self._too_long(sent[batch.start], kind, error)

        await side_by_side(embed, batches_of(sent, size=c.batch_size, tokens=c.batch_tokens))
        return unit_vectors(found, n=len(sent), dimension=dimension, name=self._calls.where)

    async def _batch(self, texts: Sequence[str], kind: TextKind) -> list[Numbers]:
        n_tokens = sum(map(count_tokens, texts)) if self.config.tokens_per_minute else 0
        try:
            told, attempts = await self._calls.reply(body_of(texts, kind, self.config), n_tokens=n_tokens)
        except ModelRequestError as error:
            raise _with_remedy(error) from error.__cause__
        self._account.enter(tokens_of(told), attempts=attempts)
        try:
            return vectors_of(told, len(texts))
        except InvalidOutputError as e:
            raise InvalidOutputError(f"{self._calls.where}: {self._calls.hidden(e)}") from e

    async def _too_long(self, text: str, kind: TextKind, error: ContextTooLongError) -> Numbers:
        """The vector of a text that the endpoint refused for its length, by what is left after cutting it."""
        if self.config.too_long == "fail":
            raise ContextTooLongError(
                f"{error}. It was one text of {len(text):,} characters, about {count_tokens(text):,} "
                "tokens. Lower max_tokens of this model for shorter chunks, or have the endpoint cut "
                "(vLLM: extra: {truncate_prompt_tokens: -1}; TEI: --auto-truncate), or set too_long: cut"
            ) from error
        self._account.note_cut()
        while len(text) > _LEAST_CHARACTERS:
            text = text[: int(len(text) * _KEPT)]
            try:
                return (await self._batch([text], kind))[0]
            except ContextTooLongError as again:
                error = again
        raise error


def _with_remedy(error: ModelRequestError) -> ModelError:
    """The error with the setting of ours that mends it, where the endpoint names what it refuses."""
    if isinstance(error, ContextTooLongError):
        return error
    text = str(error)
    for words, remedy in (
        (("encoding_format", "base64"), "Set encoding: float, or null to ask for neither"),
        (("dimensions", "matryoshka"), "Leave `dimensions` out: this model gives vectors of one length"),
        (("input_type", "task"), "Give it under query_extra and passage_extra"),
    ):
        if any(word in text for word in words):
            return ModelRequestError(f"{text}. {remedy}")
    return error
