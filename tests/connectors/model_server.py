"""A real HTTP server on a loopback port that embeds and ranks, as the servers of others do.

It speaks OpenAI's embeddings and the ranking of Cohere (v2), Jina, Infinity, text-embeddings-inference and
vLLM, each with the fields that its documentation has, and refuses any other field or type, where some of the
real ones would look away. The models behind it are the bundled ones: what comes back means something. What it
cannot do by itself is said by a list of responses, which are sent first.
"""

from __future__ import annotations

import base64
import json
import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ragkit.models.bundled_reranker import BundledReranker
from ragkit.models.embedder import OnnxEmbedder
from tests.connectors.chat_server import ChatServer, Raw, Seen, body_of, failure

EMBEDDER = OnnxEmbedder()
RERANKER = BundledReranker()


def logits(query: str, texts: Sequence[str]) -> Any:
    """The bundled reranker's scores, which reach 25, on the scale of a cross-encoder's logits."""
    return np.asarray(RERANKER.score(query, texts), dtype=np.float64) / 4


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Embeddings(_Strict):
    """platform.openai.com/docs/api-reference/embeddings/create"""

    input: str | list[str]
    model: str
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(None, ge=1)
    user: str | None = None


class CohereRerank(_Strict):
    """docs.cohere.com/reference/rerank"""

    model: str
    query: str
    documents: list[str] = Field(max_length=10_000)
    top_n: int | None = Field(None, ge=1)
    max_tokens_per_doc: int | None = Field(None, ge=1)
    priority: int | None = None


class JinaRerank(_Strict):
    """api.jina.ai/redoc, rerank"""

    model: str
    query: str
    documents: list[str]
    top_n: int | None = Field(None, ge=1)
    return_documents: bool = True


class InfinityRerank(JinaRerank):
    """michaelfeil.github.io/infinity, /rerank"""

    return_documents: bool = False
    raw_scores: bool = False


class TeiRerank(_Strict):
    """huggingface.github.io/text-embeddings-inference, /rerank"""

    query: str
    texts: list[str]
    raw_scores: bool = False
    return_text: bool = False
    truncate: bool = False
    truncation_direction: Literal["left", "right"] = "right"


class VllmRerank(_Strict):
    """docs.vllm.ai, Re-rank API"""

    model: str | None = None
    query: str
    documents: list[str]
    top_n: int = 0
    truncate_prompt_tokens: int | None = Field(None, ge=-1)
    use_activation: bool | None = None


class VllmScore(_Strict):
    """docs.vllm.ai, Score API"""

    model: str | None = None
    text_1: str | list[str]
    text_2: str | list[str]
    truncate_prompt_tokens: int | None = Field(None, ge=-1)
    use_activation: bool | None = None


@dataclass
class Limits:
    """What a server takes."""

    texts: int = 2048
    tokens: int = 10**9
    seconds: float = 0.0
    key: str | None = None
    shortens: bool = True
    no_base64: bool = False
    seed: int | None = None


@dataclass
class Busy:
    """How many requests are served at this moment, and were at most."""

    now: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class ModelServer(ChatServer):
    """Serves until it is closed. `first` are sent in turn before the real answers, None for a real one."""

    def __init__(self, limits: Limits, first: Sequence[Raw | None] = ()) -> None:
        self.limits = limits
        self.busy = Busy()
        self._first = list(first)
        self._rng = random.Random(limits.seed)
        self._routes: dict[str, tuple[type[_Strict], Callable[[Any], Raw]]] = {
            "/v1/embeddings": (Embeddings, self._embeddings),
            "/cohere/v2/rerank": (CohereRerank, self._cohere),
            "/jina/v1/rerank": (JinaRerank, self._jina),
            "/infinity/rerank": (InfinityRerank, self._jina),
            "/tei/rerank": (TeiRerank, self._tei),
            "/vllm/v1/rerank": (VllmRerank, self._vllm),
            "/vllm/score": (VllmScore, self._score),
        }
        super().__init__(lambda _: failure(500))
        self.root = self.url.removesuffix("/v1")

    def answer(self, seen: Seen) -> Raw:
        with self.busy.lock:
            self.busy.now += 1
            self.busy.most = max(self.busy.most, self.busy.now)
            planned = self._first.pop(0) if self._first else None
        try:
            time.sleep(self.limits.seconds)
            return planned or self._answered(seen)
        finally:
            with self.busy.lock:
                self.busy.now -= 1

    def _answered(self, seen: Seen) -> Raw:
        if self.limits.key and seen.headers.get("authorization") != f"Bearer {self.limits.key}":
            return failure(401, f"Incorrect API key provided: {seen.headers.get('authorization')}")
        route = self._routes.get(seen.target.partition("?")[0])
        if route is None:
            return body_of({"detail": "Not Found"}, status=404)
        form, serve = route
        try:
            asked = form.model_validate(seen.body)
        except ValidationError as e:
            return body_of({"detail": json.loads(e.json(include_url=False))}, status=422)
        return serve(asked)

    def _embeddings(self, asked: Embeddings) -> Raw:
        texts = [asked.input] if isinstance(asked.input, str) else asked.input
        refused = self._refused(texts)
        if refused:
            return refused
        if asked.encoding_format == "base64" and self.limits.no_base64:
            return failure(400, "encoding_format: base64 is not supported")
        if asked.dimensions is not None and not self.limits.shortens:
            return failure(
                400, "Model does not support matryoshka representation, changing output dimensions"
            )
        vectors = EMBEDDER.embed(texts, "passage")[:, : asked.dimensions] * np.float32(3.0)
        data = [
            {"object": "embedding", "index": i, "embedding": _encoded(vector, asked.encoding_format)}
            for i, vector in enumerate(vectors)
        ]
        if self.limits.seed is not None:
            self._rng.shuffle(data)
        n = sum(EMBEDDER.count_tokens(texts))
        usage = {"prompt_tokens": n, "total_tokens": n}
        return body_of({"object": "list", "data": data, "model": asked.model, "usage": usage})

    def _cohere(self, asked: CohereRerank) -> Raw:
        if not all(text.strip() for text in (asked.query, *asked.documents)):
            return body_of({"message": "invalid request: texts must not be empty", "id": "1"}, status=400)
        ranked = self._ranked(asked.query, asked.documents, _probability, "relevance_score", asked.top_n)
        meta = {
            "api_version": {"version": "2"},
            "billed_units": {"search_units": math.ceil(len(asked.documents) / 100)},
        }
        return body_of({"id": "1", "results": ranked, "meta": meta})

    def _jina(self, asked: JinaRerank) -> Raw:
        scale = _plain if isinstance(asked, InfinityRerank) and asked.raw_scores else _probability
        ranked = self._ranked(asked.query, asked.documents, scale, "relevance_score", asked.top_n)
        if asked.return_documents:
            ranked = [{**one, "document": {"text": asked.documents[one["index"]]}} for one in ranked]
        n = sum(EMBEDDER.count_tokens([asked.query, *asked.documents]))
        return body_of({"model": asked.model, "usage": {"total_tokens": n}, "results": ranked})

    def _tei(self, asked: TeiRerank) -> Raw:
        if len(asked.texts) > self.limits.texts:
            said = f"batch size {len(asked.texts)} > maximum allowed batch size {self.limits.texts}"
            return body_of({"error": said, "error_type": "Validation"}, status=413)
        if not asked.truncate and any(n > self.limits.tokens for n in EMBEDDER.count_tokens(asked.texts)):
            said = f"Input validation error: `inputs` must have less than {self.limits.tokens} tokens"
            return body_of({"error": said, "error_type": "Validation"}, status=413)
        scale = _plain if asked.raw_scores else _probability
        return body_of(self._ranked(asked.query, asked.texts, scale, "score"))

    def _vllm(self, asked: VllmRerank) -> Raw:
        scale = _plain if asked.use_activation is False else _probability
        ranked = self._ranked(asked.query, asked.documents, scale, "relevance_score", asked.top_n or None)
        results = [
            {**one, "document": {"text": asked.documents[one["index"]], "multi_modal": None}}
            for one in ranked
        ]
        n = sum(EMBEDDER.count_tokens(asked.documents))
        usage = {"prompt_tokens": n, "total_tokens": n}
        return body_of({"id": "score-1", "model": asked.model, "usage": usage, "results": results})

    def _score(self, asked: VllmScore) -> Raw:
        texts = [asked.text_2] if isinstance(asked.text_2, str) else asked.text_2
        query = asked.text_1 if isinstance(asked.text_1, str) else asked.text_1[0]
        scale = _plain if asked.use_activation is False else _probability
        scores = scale(logits(query, texts))
        data = [{"index": i, "object": "score", "score": float(s)} for i, s in enumerate(scores)]
        usage = {"prompt_tokens": 9, "total_tokens": 9, "completion_tokens": 0, "prompt_tokens_details": None}
        return body_of(
            {"id": "s", "object": "list", "created": 1, "model": "m", "data": data, "usage": usage}
        )

    def _ranked(
        self,
        query: str,
        texts: list[str],
        scale: Callable[[Any], Any],
        key: str,
        top_n: int | None = None,
    ) -> list[dict[str, Any]]:
        scores = scale(logits(query, texts))
        order = sorted(range(len(texts)), key=lambda i: -scores[i])[:top_n]
        return [{"index": i, key: float(scores[i])} for i in order]

    def _refused(self, texts: Sequence[str]) -> Raw | None:
        if not texts or not all(texts):
            return failure(400, "'$.input' is invalid. Please check the API reference")
        if len(texts) > self.limits.texts:
            said = f"batch size {len(texts)} > maximum allowed batch size {self.limits.texts}"
            return body_of({"message": said, "code": 413, "type": "Validation"}, status=413)
        longest = max(EMBEDDER.count_tokens(texts))
        if longest > self.limits.tokens:
            return failure(
                400,
                f"This model's maximum context length is {self.limits.tokens} tokens, however you requested "
                f"{longest} tokens",
            )
        return None


def _encoded(vector: Any, encoding: str) -> Any:
    if encoding == "float":
        return [float(value) for value in vector]
    return base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode()


def _probability(scores: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-np.asarray(scores, dtype=np.float64)))


def _plain(scores: Any) -> Any:
    return scores


@contextmanager
def models(*first: Raw | None, **limits: Any) -> Iterator[ModelServer]:
    """A server with these limits, that gives these responses first."""
    server = ModelServer(Limits(**limits), first)
    try:
        yield server
    finally:
        server.close()
