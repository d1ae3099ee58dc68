"""`rerank/http` over real HTTP: strict servers of each protocol with a real model, and faulty ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ragkit
from ragkit import registry
from ragkit.errors import (
    ConfigError,
    ContextTooLongError,
    InvalidOutputError,
    ModelAuthError,
    ModelError,
    ModelRequestError,
    StageError,
)
from ragkit.protocols import BlendingReranker, Reranker
from ragkit_connectors.rerank_http import HttpReranker
from tests.connectors.chat_server import Raw, body_of, failure
from tests.connectors.model_server import ModelServer, logits, models

QUERY = "When is the rent due?"
TEXTS = [
    "It rained all day.",
    "The rent is due on the first of May.",
    "Rent",
    "",
    "Аренда: первого мая 🙂",
    "Rent",
]
ADDRESSES = {
    "cohere": "/cohere",
    "jina": "/jina/v1",
    "infinity": "/infinity",
    "tei": "/tei",
    "vllm": "/vllm",
    "vllm-score": "/vllm",
}
PROTOCOLS = list(ADDRESSES)


def reranker(server: ModelServer, protocol: str, **settings: Any) -> HttpReranker:
    given = {
        "base_url": server.root + ADDRESSES[protocol],
        "protocol": protocol,
        "timeout_s": 5.0,
        **settings,
    }
    return HttpReranker(**({} if protocol == "tei" else {"model": "m"}) | given)


def expected(texts: list[str]) -> Any:
    return logits(QUERY, [text or " " for text in texts])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_scores_are_the_model_s_logits_in_the_order_of_the_texts(protocol: str) -> None:
    texts = [text or "x" for text in TEXTS]
    with models() as server:
        model = reranker(server, protocol)
        scores = model.score(QUERY, texts)
    assert isinstance(model, Reranker)
    assert isinstance(model, BlendingReranker)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected(texts), atol=1e-3)
    assert scores[2] == scores[5], "equal passages are tied"
    assert len(server.seen) == 1


FIELDS = {
    "cohere": {"model": "m", "query": QUERY, "documents": ["a"]},
    "jina": {"model": "m", "query": QUERY, "documents": ["a"], "return_documents": False},
    "infinity": {
        "model": "m",
        "query": QUERY,
        "documents": ["a"],
        "return_documents": False,
        "raw_scores": True,
    },
    "tei": {"query": QUERY, "texts": ["a"], "raw_scores": True, "truncate": True},
    "vllm": {
        "model": "m",
        "query": QUERY,
        "documents": ["a"],
        "use_activation": False,
        "truncate_prompt_tokens": -1,
    },
    "vllm-score": {
        "model": "m",
        "text_1": QUERY,
        "text_2": ["a"],
        "use_activation": False,
        "truncate_prompt_tokens": -1,
    },
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_request_has_the_fields_that_are_documented_and_no_others(protocol: str) -> None:
    with models() as server:
        reranker(server, protocol).score(QUERY, ["a"])
        with pytest.raises(ModelRequestError, match="Extra inputs are not permitted"):
            reranker(server, protocol, extra={"surprise": 1}).score(QUERY, ["a"])
    assert server.seen[0].body == FIELDS[protocol]


def test_settings_that_a_protocol_has_a_field_for_are_sent() -> None:
    with models(key="sk-1") as server:
        reranker(server, "cohere", passage_tokens=9, api_key="sk-1").score(QUERY, ["a"])
        reranker(server, "vllm", passage_tokens=9, api_key="sk-1").score(QUERY, ["a"])
        reranker(server, "vllm-score", truncate=False, api_key="sk-1").score(QUERY, ["a"])
        reranker(server, "tei", truncate=False, scale="probability", api_key="sk-1").score(QUERY, ["a"])
    bodies = [seen.body for seen in server.seen]
    assert bodies[0]["max_tokens_per_doc"] == 9
    assert bodies[1]["truncate_prompt_tokens"] == 9
    assert "truncate_prompt_tokens" not in bodies[2]
    assert (bodies[3]["truncate"], bodies[3]["raw_scores"]) == (False, False)


@pytest.mark.parametrize("protocol", ["infinity", "tei", "vllm", "vllm-score"])
def test_probabilities_become_logits(protocol: str) -> None:
    with models() as server:
        scores = reranker(server, protocol, scale="probability").score(QUERY, TEXTS[:3])
    np.testing.assert_allclose(scores, expected(TEXTS[:3]), atol=1e-3)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_empty_texts_and_none_at_all_are_scored(protocol: str) -> None:
    with models() as server:
        model = reranker(server, protocol)
        assert model.score(QUERY, []).shape == (0,)
        assert not server.seen
        if protocol != "cohere":  # which refuses a blank text, as the service does
            assert np.isfinite(model.score(QUERY, TEXTS)).all()


def test_passages_go_out_in_batches_side_by_side() -> None:
    texts = [f"passage {i} about rent" for i in range(70)]
    with models(texts=32, seconds=0.05) as server:
        scores = reranker(server, "tei").score(QUERY, texts)
        assert server.busy.most == 3
    np.testing.assert_allclose(scores, expected(texts), atol=1e-3)
    assert sorted(len(seen.body["texts"]) for seen in server.seen) == [6, 32, 32]


def test_a_batch_that_is_too_large_is_cut_in_two_and_one_passage_is_an_error() -> None:
    with models(texts=2) as server:
        scores = reranker(server, "tei").score(QUERY, TEXTS)
        np.testing.assert_allclose(scores, expected(TEXTS), atol=1e-3)
    long = "word " * 60
    with models(tokens=50) as server:
        reranker(server, "tei").score(QUERY, ["short", long])
        with pytest.raises(ContextTooLongError, match="less than 50 tokens"):
            reranker(server, "tei", truncate=False).score(QUERY, ["short", long])


def ranked(*pairs: tuple[Any, Any], key: str = "relevance_score") -> list[dict[str, Any]]:
    return [{"index": index, key: score} for index, score in pairs]


@pytest.mark.parametrize(
    ("protocol", "told", "says"),
    [
        ("cohere", {"results": ranked((0, 0.5))}, "1 of 2 results are missing, the first .* passage 2"),
        ("cohere", {"results": ranked((0, 0.5), (0, 0.4))}, "two results have the index 0"),
        ("jina", {"results": ranked((0, 0.5), (2, 0.4))}, "index 2, expected 0 to 1"),
        ("jina", {"results": ranked((0, 0.5), (True, 0.4))}, "index True"),
        ("tei", ranked((0, 0.5), (1, None), key="score"), "score of passage 2 is None, expected a number"),
        ("tei", ranked((0, 0.5), (1, "0.5"), key="score"), "is '0.5', expected a number"),
        ("tei", ranked((0, 0.5), (1, 10**400), key="score"), "passage 2 is 1000.*, expected a number"),
        ("tei", ranked((0, 0.5), (1, float("nan")), key="score"), "passage 2 of 2 is NaN or infinite"),
        ("tei", ranked((0, 0.5), (1, 1e300), key="score"), "passage 2 of 2 is NaN or infinite"),
        ("cohere", {"message": "no key sk-abcdefghij"}, r"got {'message': 'no key \*\*\*'}"),
        ("tei", ranked((0, 0.5), (1, "sk-abcdefghij"), key="score"), r"is '\*\*\*', expected a number"),
        ("cohere", {"results": ranked((0, 0.5), (1, 3.5))}, "3.5 is no probability. Set scale: logit"),
        ("tei", {"results": []}, "expected a list of results, got .* Is `protocol` that of the server"),
        ("vllm", [], "expected a list of results under 'results'"),
        ("vllm-score", {"data": [7, 8]}, "index None"),
        ("vllm", b"<html>", "no JSON.*check base_url, which /v1/rerank is added to"),
    ],
)
def test_a_reply_that_holds_no_score_for_each_passage_is_refused(protocol: str, told: Any, says: str) -> None:
    with models(body_of(told)) as server, pytest.raises(InvalidOutputError, match=says) as caught:
        reranker(server, protocol, api_key="sk-abcdefghij").score(QUERY, ["one", "two"])
    assert server.root in str(caught.value)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("response", "error", "says"),
    [
        (failure(401, "no such key sk-abc"), ModelAuthError, "Set api_key"),
        (
            body_of({"message": "invalid api token", "id": "1"}, status=401),
            ModelAuthError,
            "invalid api token",
        ),
        (
            body_of({"detail": "Not Found"}, status=404),
            ModelRequestError,
            "Not Found. Check base_url and model",
        ),
        (
            body_of({"error": "model is not a re-ranker model", "error_type": "Backend"}, status=424),
            ModelError,
            "not a re-ranker",
        ),
    ],
)
def test_what_a_server_refuses_is_told(response: Raw, error: type[ModelError], says: str) -> None:
    with models(response, response) as server, pytest.raises(error, match=says) as caught:
        reranker(server, "cohere", api_key="sk-abc", retries=1).score(QUERY, ["one"])
    assert "sk-abc" not in str(caught.value)


def test_what_the_server_bills_is_counted() -> None:
    with models() as server:
        cohere, jina = reranker(server, "cohere", price=2000.0), reranker(server, "jina", price=0.02)
        cohere.score(QUERY, ["one", "two"])
        jina.score(QUERY, ["one", "two"])
        assert (cohere.used.tokens, jina.used.tokens) == (1, 8)
        assert cohere.used.usd == pytest.approx(0.002)
        assert jina.used.usd == pytest.approx(8 * 0.02 / 1e6)
    for units in (float("inf"), float("nan"), 10**400, 1e300):
        reply = {"results": ranked((0, 0.5)), "meta": {"billed_units": {"search_units": units}}}
        with models(body_of(reply)) as server:
            cohere = reranker(server, "cohere", price=2000.0)
            cohere.score(QUERY, ["one"])
            assert (cohere.used.tokens, cohere.used.usd) == (None, None)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"protocol": "cohere"}, "model: missing; the protocol 'cohere' wants the name"),
        ({"protocol": "voyage", "model": "m"}, "protocol"),
        ({"protocol": "tei", "passage_tokens": 5}, "'tei' has no such limit"),
        ({"protocol": "tei", "extra": {"texts": []}}, "texts: ragkit sets it itself"),
    ],
)
def test_mistakes_in_the_settings_are_told(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        registry.load("rerank/http")(base_url="http://h", **settings)


CONFIG = """\
ragkit: 1
models:
  embed: {{use: embed/bundled}}
  rerank: {{use: rerank/http, protocol: {protocol}, base_url: "{url}", model: m, retries: 0}}
stores: {{local: {{use: store/local, path: "{path}"}}}}
collection: {{store: local, embed: embed}}
query:
  dense: {{use: retrieve/dense, k: 20}}
  fuse: {{use: fuse/rrf}}
  rerank: {{use: rerank/model, model: rerank, k: 12, unknown_language: score, {more}}}
  generate: {{use: generate/extractive}}
"""
DOCUMENTS = [
    ragkit.Document(id=f"d{i:02}", text=text)
    for i, text in enumerate([f"The flat number {n} has a lift and no rent is named." for n in range(11)])
] + [ragkit.Document(id="due", text="Tenants pay on the first of May, when the rent is due.")]


def loaded(folder: Path, server: ModelServer, protocol: str, more: str = "") -> ragkit.RAG:
    path = folder / "rag.yaml"
    url = server.root + ADDRESSES[protocol]
    path.write_text(CONFIG.format(protocol=protocol, url=url, path=folder / "index", more=more))
    return ragkit.load(path)


@pytest.mark.parametrize("protocol", ["tei", "cohere"])
def test_a_graph_reranks_through_a_server_with_probabilities_as_scores(tmp_path: Path, protocol: str) -> None:
    with models() as server, loaded(tmp_path, server, protocol) as rag:
        rag.ingest(DOCUMENTS)
        hits = rag.retrieve(QUERY, k=12).hits
        assert len(server.seen) == 1, "all passages in one request, not a few at a time"
        assert hits[0].chunk.document_id == "due"
        probability = 1 / (1 + np.exp(-hits[0].scores["rerank"]))
        assert hits[0].score == pytest.approx(probability, abs=1e-4)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        alone = {hit.chunk.id: hit.score for hit in hits}
    with models() as server, loaded(tmp_path, server, protocol, "first_weight: 0.5") as rag:
        blended = {hit.chunk.id: hit.score for hit in rag.retrieve(QUERY, k=12).hits}
        assert len(server.seen) == 1
    assert blended.keys() == alone.keys()
    assert blended != alone


def test_where_the_server_fails_the_stage_s_policy_decides(tmp_path: Path) -> None:
    down = body_of({"error": "CUDA out of memory"}, status=500)
    with models(down) as server, loaded(tmp_path, server, "tei") as rag:
        rag.ingest(DOCUMENTS)
        with pytest.raises(StageError, match="CUDA out of memory"):
            rag.retrieve(QUERY, k=3)
    with models(down, down) as server, loaded(tmp_path, server, "tei", "on_error: skip") as rag:
        with pytest.raises(ModelError, match="CUDA out of memory"):
            rag.check()
        answer = rag.ask(QUERY)
        assert any("rerank" in said for said in answer.degraded)
        assert answer.citations
        assert rag.check()["models.rerank"].startswith("m, tei at http://127.0.0.1:")
