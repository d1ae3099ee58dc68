"""What servers that rank want to be asked, and how they answer: their fields, limits and scales.

A request has these fields and no others, for some servers refuse what they do not know:

    cohere       /v2/rerank   model query documents [max_tokens_per_doc]
    jina         /v1/rerank   model query documents return_documents: false
    infinity     /rerank      model query documents return_documents: false raw_scores
    tei          /rerank      query texts raw_scores truncate
    vllm         /v1/rerank   model query documents use_activation [truncate_prompt_tokens]
    vllm-score   /score       model text_1 text_2, else as vllm

`infinity`, `tei` and `vllm` are asked for the model's logits; `cohere` and `jina` give a score from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ragkit.errors import InvalidOutputError
from ragkit_connectors.openai.indexed import by_index
from ragkit_connectors.openai.wire import shortened
from ragkit_connectors.rerank_http.settings import RerankSettings

# More is no count: JSON knows no largest number, and infinity is one for Python.
_MOST_UNITS = 2**63

Name = Literal["cohere", "jina", "infinity", "tei", "vllm", "vllm-score"]


@dataclass(frozen=True, slots=True)
class Protocol:
    """One way to ask for scores."""

    fields: Callable[[RerankSettings, str, Sequence[str]], dict[str, Any]]
    """The request's, but for those that all have."""
    results: str | None
    """The key of the list of results; None where the reply is that list."""
    score: str
    """The key of a result's score."""
    gives_logits: bool
    """Whether it can be asked for the model's own scores, which `fields` does."""
    most_texts: int
    """In one request: what a server takes as it is shipped, or what a service bills as one."""


def _cohere(settings: RerankSettings, query: str, texts: Sequence[str]) -> dict[str, Any]:
    asked: dict[str, Any] = {"query": query, "documents": list(texts)}
    if settings.passage_tokens is not None:
        asked["max_tokens_per_doc"] = settings.passage_tokens
    return asked


def _jina(_: RerankSettings, query: str, texts: Sequence[str]) -> dict[str, Any]:
    return {"query": query, "documents": list(texts), "return_documents": False}


def _infinity(settings: RerankSettings, query: str, texts: Sequence[str]) -> dict[str, Any]:
    return _jina(settings, query, texts) | {"raw_scores": settings.scale != "probability"}


def _tei(settings: RerankSettings, query: str, texts: Sequence[str]) -> dict[str, Any]:
    raw = settings.scale != "probability"
    return {"query": query, "texts": list(texts), "raw_scores": raw, "truncate": settings.truncate}


def _vllm(settings: RerankSettings, query: str, texts: Sequence[str]) -> dict[str, Any]:
    return {"query": query, "documents": list(texts), **_of_vllm(settings)}


def _vllm_score(settings: RerankSettings, query: str, texts: Sequence[str]) -> dict[str, Any]:
    return {"text_1": query, "text_2": list(texts), **_of_vllm(settings)}


def _of_vllm(settings: RerankSettings) -> dict[str, Any]:
    asked: dict[str, Any] = {"use_activation": settings.scale == "probability"}
    if settings.passage_tokens is not None:
        asked["truncate_prompt_tokens"] = settings.passage_tokens
    elif settings.truncate:
        asked["truncate_prompt_tokens"] = -1  # as many as the model reads
    return asked


PROTOCOLS: Mapping[Name, Protocol] = {
    "cohere": Protocol(_cohere, "results", "relevance_score", gives_logits=False, most_texts=100),
    "jina": Protocol(_jina, "results", "relevance_score", gives_logits=False, most_texts=256),
    "infinity": Protocol(_infinity, "results", "relevance_score", gives_logits=True, most_texts=256),
    "tei": Protocol(_tei, None, "score", gives_logits=True, most_texts=32),
    "vllm": Protocol(_vllm, "results", "relevance_score", gives_logits=True, most_texts=128),
    "vllm-score": Protocol(_vllm_score, "data", "score", gives_logits=True, most_texts=128),
}


def scores_of(told: Any, n: int, protocol: Protocol) -> list[float]:
    """The scores of a reply, in the order of the texts.

    Raises:
        InvalidOutputError: it is no list of results, or one is missing, double or without a number.

    >>> reply = {"results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.2}]}
    >>> scores_of(reply, 2, PROTOCOLS["cohere"])
    [0.2, 0.9]
    """
    results = told
    if protocol.results is not None:
        results = told.get(protocol.results) if isinstance(told, Mapping) else None
    if not isinstance(results, list):
        where = "" if protocol.results is None else f" under {protocol.results!r}"
        raise InvalidOutputError(
            f"expected a list of results{where}, got {shortened(told)}. Is `protocol` that of the server?"
        )

    def score_of(result: Mapping[str, Any], index: int) -> float:
        score = result.get(protocol.score)
        try:
            if isinstance(score, int | float) and not isinstance(score, bool):
                return float(score)
        except OverflowError:
            pass  # JSON knows no largest whole number
        raise InvalidOutputError(
            f"the {protocol.score} of passage {index + 1} is {shortened(score)}, expected a number"
        )

    return by_index(results, n, score_of, what="result", of="passage")


def units_of(told: Any) -> int | None:
    """What the server bills, tokens or Cohere's search units; None where it does not say.

    >>> units_of({"usage": {"total_tokens": 9}}), units_of({"meta": {"billed_units": {"search_units": 1}}})
    (9, 1)
    """
    places = (("usage", "total_tokens"), ("usage", "prompt_tokens"), ("meta", "billed_units", "search_units"))
    for place in places:
        found: Any = told
        for key in place:
            found = found.get(key) if isinstance(found, Mapping) else None
        if type(found) in (int, float) and 0 <= found < _MOST_UNITS:
            return int(found)
    return None
