"""Other people's clients against our server, and our clients against other people's server.

The first shows that the server the tests ask is like the real ones. The second runs where a server is named:

    RAGKIT_INFINITY_URL=http://127.0.0.1:7997 RAGKIT_INFINITY_EMBED=NAME RAGKIT_INFINITY_RERANK=NAME
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from ragkit.errors import ModelRequestError
from ragkit_connectors.openai import OpenAIEmbedder
from ragkit_connectors.rerank_http import HttpReranker
from tests.connectors.model_server import EMBEDDER, logits, models

TEXTS = ["Rent is due in May.", "Гарантия действует два года.", "a text about a scanner " * 9, "🙂"]
QUERY = "When is the rent due?"


@pytest.mark.parametrize("encoding", [None, "float", "base64"])
def test_the_client_of_openai_reads_our_server(encoding: Any) -> None:
    openai = pytest.importorskip("openai")
    with models(key="sk-1", seed=2) as server, openai.OpenAI(base_url=server.url, api_key="sk-1") as client:
        given = {} if encoding is None else {"encoding_format": encoding}
        reply = client.embeddings.create(model="m", input=TEXTS, dimensions=64, **given)
        with pytest.raises(openai.AuthenticationError):
            client.with_options(api_key="sk-2").embeddings.create(model="m", input=TEXTS)
    assert [item.index for item in reply.data] != list(range(len(TEXTS))), "shuffled, as any server may"
    found = {item.index: item.embedding for item in reply.data}
    if encoding != "base64":
        theirs = np.array([found[i] for i in range(len(TEXTS))])
        np.testing.assert_allclose(theirs / 3.0, EMBEDDER.embed(TEXTS, "passage")[:, :64], atol=1e-6)
    assert reply.usage.prompt_tokens == sum(EMBEDDER.count_tokens(TEXTS))


def test_the_client_of_cohere_reads_our_server() -> None:
    cohere = pytest.importorskip("cohere")
    httpx = pytest.importorskip("httpx")
    with models(key="sk-1") as server, httpx.Client() as http:
        client = cohere.ClientV2(api_key="sk-1", base_url=f"{server.root}/cohere", httpx_client=http)
        reply = client.rerank(model="m", query=QUERY, documents=TEXTS, top_n=2, max_tokens_per_doc=100)
        ours = HttpReranker(
            protocol="cohere", base_url=f"{server.root}/cohere", model="m", passage_tokens=100, api_key="sk-1"
        )
        ours.score(QUERY, TEXTS)
    assert [result.index for result in reply.results] == list(np.argsort(-logits(QUERY, TEXTS))[:2])
    assert reply.meta.billed_units.search_units == 1
    theirs, own = server.seen
    assert (theirs.target, theirs.body) == (own.target, own.body | {"top_n": 2})
    assert theirs.headers["authorization"] == own.headers["authorization"]


def named(name: str) -> str:
    value = os.environ.get(f"RAGKIT_INFINITY_{name}", "")
    if not value:
        pytest.skip("needs a running Infinity: set RAGKIT_INFINITY_URL, _EMBED, _RERANK and _KEY")
    return value


def test_infinity_embeds() -> None:
    given = {"base_url": named("URL"), "model": named("EMBED"), "api_key": named("KEY")}
    with_each = [
        OpenAIEmbedder(**given, encoding=encoding, batch_size=2).embed(["", *TEXTS], "passage")
        for encoding in ("base64", "float", None)
    ]
    assert np.ptp(np.stack(with_each), axis=0).max() < 1e-3
    model = OpenAIEmbedder(**given, batch_size=4096)
    assert len(model.embed([f"text {i}" for i in range(2100)], "query")) == 2100, "it takes 2,048 at a time"
    with pytest.raises(ModelRequestError, match="not found"):
        OpenAIEmbedder(**{**given, "model": "none"}).embed(["a"], "query")


def test_infinity_reranks() -> None:
    given = {"base_url": named("URL"), "model": named("RERANK"), "api_key": named("KEY")}
    raw = HttpReranker(protocol="infinity", **given).score(QUERY, TEXTS)
    sigmoid = HttpReranker(protocol="infinity", scale="probability", **given).score(QUERY, TEXTS)
    np.testing.assert_allclose(raw, sigmoid, atol=1e-2)
