"""`embed/openai` over real HTTP: against a strict server with a real model, and one that misbehaves."""

from __future__ import annotations

import base64
import doctest
import importlib
import math
import pkgutil
import struct
import time
import traceback
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

import ragkit
from ragkit import registry
from ragkit.errors import (
    ConfigError,
    ContextTooLongError,
    ModelAuthError,
    ModelError,
    ModelRequestError,
    ModelTimeoutError,
    ModelUnavailableError,
    RateLimitError,
)
from ragkit.protocols import Embedder, Vectors
from ragkit_connectors import openai, rerank_http
from ragkit_connectors.openai import OpenAIEmbedder
from ragkit_connectors.openai.pacing import Pacing
from tests.connectors.chat_server import Cut, Hang, Raw, body_of, failure
from tests.connectors.model_server import EMBEDDER, ModelServer, models

TEXTS = [
    "Rent is due in May.",
    "Гарантия действует два года.",
    "",
    "a longer text about a scanner " * 9,
    "🙂",
]


def embedder(server: ModelServer, **settings: Any) -> OpenAIEmbedder:
    given = {"base_url": server.url, "model": "minilm", "timeout_s": 5.0, "dimension": 384, **settings}
    return OpenAIEmbedder(**given)


def expected(texts: list[str]) -> Vectors:
    return EMBEDDER.embed([text or " " for text in texts], "passage")


def told(*vectors: Any, indexes: list[Any] | None = None, **more: Any) -> Raw:
    places = list(range(len(vectors))) if indexes is None else indexes
    data = [
        {"object": "embedding", "index": i, "embedding": vector}
        for i, vector in zip(places, vectors, strict=True)
    ]
    return body_of({"object": "list", "model": "m", "data": data, **more})


@pytest.mark.parametrize("encoding", ["base64", "float", None])
def test_vectors_are_the_model_s_at_unit_length_in_the_order_of_the_texts(
    encoding: str | None,
) -> None:
    with models(seed=3) as server:
        model = embedder(server, encoding=encoding, batch_size=2)
        found = model.embed(TEXTS, "passage")
    assert isinstance(model, Embedder)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected(TEXTS), atol=1e-6)
    assert [len(seen.body["input"]) for seen in server.seen if len(seen.body["input"]) > 1] == [2, 2]
    assert {seen.body.get("encoding_format") for seen in server.seen} == {encoding}


def test_prefixes_and_further_keys_go_with_their_kind() -> None:
    with models() as server:
        model = embedder(
            server, query_prefix="query: ", passage_prefix="passage: ", extra={"user": "a"}, api_key="sk-1"
        )
        model.embed(["cats"], "query")
        model.embed(["cats"], "passage")
        with pytest.raises(ModelRequestError, match=r"input_type.*Give it under query_extra"):
            embedder(server, query_extra={"input_type": "query"}).embed(["cats"], "query")
    assert [seen.body["input"] for seen in server.seen[:2]] == [["query: cats"], ["passage: cats"]]
    assert server.seen[0].body["user"] == "a"
    assert server.seen[0].headers["authorization"] == "Bearer sk-1"
    assert server.seen[2].body["input_type"] == "query"


def test_vectors_are_shortened_by_the_endpoint_and_their_length_is_asked_for() -> None:
    with models() as server:
        short = embedder(server, dimension=None, dimensions=64)
        assert short.embed(["cats"], "query").shape == (1, 64) == (1, short.dimension)
        assert len(server.seen) == 1
        asked = embedder(server, dimension=None)
        assert (asked.dimension, asked.dimension) == (384, 384)
        assert len(server.seen) == 2
        assert asked.embed([], "query").shape == (0, 384)
    with (
        models(shortens=False) as server,
        pytest.raises(ModelRequestError, match=r"matryoshka.*Leave `dimensions` out"),
    ):
        embedder(server, dimension=None, dimensions=64).embed(["cats"], "query")


def test_a_batch_that_is_refused_as_too_long_is_cut_in_two() -> None:
    with models(texts=3) as server:
        found = embedder(server).embed(TEXTS, "passage")
    np.testing.assert_allclose(found, expected(TEXTS), atol=1e-6)
    assert [len(seen.body["input"]) for seen in server.seen] == [5, 2, 3]


def test_one_text_that_is_too_long_is_an_error_with_what_mends_it() -> None:
    texts = ["short", "word " * 100, "also short"]
    with models(tokens=50) as server:
        with pytest.raises(ContextTooLongError, match=r"maximum context length is 50 .*Lower max_tokens"):
            embedder(server).embed(texts, "passage")
        model = embedder(server, too_long="cut")
        found = model.embed(texts, "passage")
    np.testing.assert_allclose(found[[0, 2]], expected(["short", "also short"]), atol=1e-6)
    assert float(found[1] @ expected([texts[1]])[0]) > 0.9
    assert model.used.n_cut == 1


def test_a_text_that_no_cut_makes_short_enough_is_an_error() -> None:
    with models(tokens=1) as server, pytest.raises(ContextTooLongError, match="maximum context length"):
        embedder(server, too_long="cut").embed(["word " * 100], "passage")


@pytest.mark.parametrize(
    ("response", "says"),
    [
        (failure(400, "Invalid 'input': maximum request size is 300000 tokens per request."), "300000"),
        (failure(400, "Invalid 'input': array too long. Expected an array with maximum length 2"), "array"),
        (failure(413, "batch size 2 > maximum allowed batch size 1"), "batch size"),
        (failure(422, "List should have at most 1 item after validation, not 2"), "at most 1 item"),
        (failure(500, "input is too large to process. increase the physical batch size"), "physical"),
        (failure(400, "the input length exceeds the context length"), "context length"),
    ],
)
def test_servers_say_too_long_in_many_words(response: Raw, says: str) -> None:
    with models(response) as server:
        embedder(server).embed(["one", "two"], "passage")
        assert [len(seen.body["input"]) for seen in server.seen] == [2, 1, 1]
    with models(response) as server, pytest.raises(ContextTooLongError, match=says):
        embedder(server).embed(["one"], "passage")


ZEROS = base64.b64encode(struct.pack("<384f", *[0.0] * 384)).decode()
GOOD = [1.0] * 384


@pytest.mark.parametrize(
    ("response", "says"),
    [
        (told(GOOD), "1 of 2 embeddings are missing, the first of them that of text 2"),
        (told(GOOD, GOOD, indexes=[0, 0]), "two embeddings have the index 0"),
        (told(GOOD, GOOD, GOOD), "index 2, expected 0 to 1"),
        (told(GOOD, GOOD, indexes=[0, -1]), "index -1"),
        (told(GOOD, GOOD, indexes=[0, None]), "index None"),
        (told(GOOD, GOOD, indexes=[0, True]), "index True"),
        (told(GOOD, [float("nan")] * 384), "NaN or infinity for text 2 of 2"),
        (told(GOOD, [float("inf")] * 384), "NaN or infinity for text 2 of 2"),
        (told(GOOD, ZEROS), "zeros for text 2 of 2"),
        (told(GOOD, [1e300] * 384), "NaN or infinity for text 2 of 2"),
        (told(GOOD, [1.0] * 383), "dimension 383, 384: expected 384"),
        (told([1.0] * 8, [1.0] * 8), "dimension 8: expected 384"),
        (told(GOOD, []), "text 2 is no vector"),
        (told(GOOD, [None] * 384), "NaN or infinity for text 2 of 2"),
        (told(GOOD, ["1"] * 384), "text 2 is no vector"),
        (told(GOOD, [[1.0]]), "text 2 is no vector"),
        (told(GOOD, "not base64!"), "text 2 is no vector"),
        (told(GOOD, "AAAA"), "text 2 is no vector"),
        (told(GOOD, None), "text 2 is no vector"),
        (told(GOOD, 10**400), "text 2 is no vector"),
        (body_of({"data": 7}), "expected a list of embeddings"),
        (body_of([GOOD, GOOD]), "expected a list of embeddings"),
        (body_of(None), "expected a list of embeddings"),
        (body_of({"choices": []}), "Does base_url lead to"),
        (body_of(b"<html>gateway</html>"), "no JSON.*check base_url, which /embeddings is added to"),
        (body_of(b""), "no JSON"),
        (body_of(b'{"data": "\xd0"}'), "broken UTF-8"),
    ],
)
def test_a_reply_that_holds_no_vector_for_each_text_is_refused(response: Raw, says: str) -> None:
    with models(response) as server, pytest.raises(ModelError, match=says) as caught:
        embedder(server).embed(["one", "two"], "passage")
    assert len(server.seen) == 1
    assert server.url in str(caught.value)


@pytest.mark.parametrize(
    ("response", "error", "says"),
    [
        (failure(401, "Incorrect API key sk-abcdefghij"), ModelAuthError, "Set api_key"),
        (failure(403), ModelAuthError, "Set api_key"),
        (failure(404, "model m does not exist"), ModelRequestError, "exist. Check base_url and model"),
        (failure(302), ModelRequestError, "base_url"),
        (failure(429, "over", "insufficient_quota"), RateLimitError, "quota is used up"),
        (failure(400, "encoding_format is unknown"), ModelRequestError, "Set encoding: float"),
        (failure(400, "no", "content_filter"), ModelRequestError, "filter refused"),
        (body_of({"error": {"message": "bad", "code": 400}}), ModelRequestError, "bad"),
        (failure(400, "half a pair: \ud83d"), ModelRequestError, r"half a pair: \?"),
        (body_of(b"[" * 100_000, status=400), ModelRequestError, r"answered 400: \[\["),
        # The key is said again: in what is no JSON, in what is no vector, where the message is cut within it.
        (body_of(b"no key sk-abcdefghij"), ModelError, r"no key \*\*\*"),
        (body_of({"detail": "no key sk-abcdefghij"}), ModelError, r"no key \*\*\*"),
        (told("sk-abcdefghij"), ModelError, r"no vector: '\*\*\*'"),
        (failure(401, "x" * 290 + "sk-abcdefghij"), ModelAuthError, r"x\*\*\*…"),
    ],
)
def test_what_repeating_does_not_mend_is_told_at_once(
    response: Raw, error: type[ModelError], says: str
) -> None:
    with models(response) as server, pytest.raises(error, match=says) as caught:
        embedder(server, api_key="sk-abcdefghij").embed(["one"], "query")
    assert len(server.seen) == 1
    shown = "".join(traceback.format_exception(caught.value))
    assert "sk-abc" not in shown.replace('api_key="sk-abcdefghij"', "")
    shown.encode()


@pytest.mark.parametrize("status", [424, 429, 503])
def test_what_may_pass_is_tried_again(status: int) -> None:
    with models(failure(status)) as server:
        model = embedder(server)
        model.embed(["one"], "query")
        assert (len(server.seen), model.used.requests, model.used.retries) == (2, 1, 1)


def test_a_connection_that_breaks_is_tried_again_and_one_that_is_refused_is_told() -> None:
    with models(Raw([b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", Cut()])) as server:
        embedder(server).embed(["one"], "query")
        assert len(server.seen) == 2
    with pytest.raises(ModelUnavailableError, match=r"cannot be reached.*Is it running, is base_url right"):
        OpenAIEmbedder(base_url="http://127.0.0.1:9/v1", model="m", dimension=3, retries=0).embed(
            ["a"], "query"
        )


def test_time_is_up_after_timeout_s() -> None:
    started = time.monotonic()
    with (
        models(Raw([Hang(30)])) as server,
        pytest.raises(ModelTimeoutError, match=r"no answer within 0\.3 s"),
    ):
        embedder(server, timeout_s=0.3).embed(["one"], "query")
    assert time.monotonic() - started < 3.0


def test_all_requests_wait_where_the_endpoint_asks_for_a_pause() -> None:
    with models(failure(429, headers={"Retry-After": "1"}), seconds=0.1) as server:
        model = embedder(server, batch_size=1, at_once=1)
        model.embed(["one", "two", "three"], "passage")
        first, *later = [seen.at for seen in server.seen]
        assert [at - first > 1.0 for at in later] == [True] * 3
    with models(failure(429, headers={"Retry-After": "60"})) as server:
        model = embedder(server, batch_size=1, at_once=1)
        for _ in range(2):
            with pytest.raises(RateLimitError, match="429") as caught:
                model.embed(["one"], "passage")
            assert (caught.value.retry_after_s or 0) > 50
        assert len(server.seen) == 1


def test_an_endpoint_is_asked_again_after_a_minute_however_long_a_pause_it_asked_for() -> None:
    now = [0.0]
    pacing = Pacing(clock=lambda: now[0])
    pacing.note(RateLimitError("the quota is used up", retry_after_s=math.inf))
    for now[0] in (0.0, 59.0):
        with pytest.raises(RateLimitError, match="the quota is used up"):
            anyio.run(partial(pacing.turn, 0, patience_s=1000.0))
    now[0] = 60.0
    assert pacing.reserve(0) == 0.0


@pytest.mark.parametrize("count", [10**400, 2**63, -1, 1.5, True, "7"])
def test_what_is_no_count_of_tokens_is_not_counted(count: Any) -> None:
    reply = told([1.0] * 384, usage={"prompt_tokens": count})
    with models(reply) as server:
        model = embedder(server, price=1.0)
        model.embed(["one"], "query")
        assert (model.used.tokens, model.used.usd) == (None, None)


def test_requests_keep_below_the_limits_of_the_account() -> None:
    with models() as server:
        model = embedder(server, batch_size=1, requests_per_minute=600)
        started = time.monotonic()
        model.embed([f"text {i}" for i in range(16)], "passage")
        took = server.seen[-1].at - started
    # Ten at once from the second that was not used, then one in each tenth of a second.
    assert 0.5 < took < 3.0


def test_requests_go_out_side_by_side_and_no_more_than_allowed() -> None:
    texts = [f"text {i}" for i in range(12)]
    with models(seconds=0.1) as server:
        started = time.monotonic()
        embedder(server, batch_size=1, at_once=4).embed(texts, "passage")
        took = time.monotonic() - started
    assert server.busy.most == 4
    assert took < 0.9  # one after the other would take 1.2


def test_a_failure_ends_what_is_under_way() -> None:
    responses = [Raw([Hang(20)])] * 3 + [failure(401)]
    started = time.monotonic()
    with models(*responses) as server, pytest.raises(ModelAuthError):
        embedder(server, batch_size=1, timeout_s=20).embed(["one", "two", "three", "four"], "passage")
    assert time.monotonic() - started < 5.0


def test_tokens_and_money_are_counted() -> None:
    with models() as server:
        model = embedder(server, price=0.02, batch_size=1)
        model.embed(["rent is due", "in may"], "passage")
    assert (model.used.requests, model.used.tokens) == (2, 5)
    assert model.used.usd == pytest.approx(5 * 0.02 / 1e6)
    with models(told(GOOD)) as server:
        silent = embedder(server, price=0.02)
        silent.embed(["one"], "passage")
    assert (silent.used.tokens, silent.used.usd) == (None, None)


def test_it_is_awaited_in_any_event_loop() -> None:
    async def both(model: OpenAIEmbedder) -> Vectors:
        found: list[Vectors] = []

        async def one() -> None:
            found.append(await model.aembed(["cats"], "query"))

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(one)
        await model.aclose()
        return np.concatenate(found)

    with models() as server:
        model = embedder(server, dimension=None)
        found = [anyio.run(both, model), np.repeat(model.embed(["cats"], "query"), 8, axis=0)]
    np.testing.assert_allclose(found[0], found[1], atol=1e-7)


def test_a_vector_space_is_known_by_model_and_what_shapes_it_not_by_its_address() -> None:
    def space(**settings: Any) -> str:
        given = {"base_url": "http://one:1/v1", "model": "m", **settings}
        return OpenAIEmbedder(**given).fingerprint

    same = [space(), space(base_url="http://two:2/v1"), space(api_key="sk-1", encoding="float", at_once=2)]
    others = [
        space(model="n"),
        space(dimensions=8),
        space(query_prefix="q: "),
        space(passage_prefix="p: "),
        space(extra={"truncate_prompt_tokens": 9}),
        space(space="mine"),
    ]
    assert len(set(same)) == 1
    assert len({*same, *others}) == 1 + len(others)
    assert space(space="mine", model="n") == space(space="mine")
    assert "sk-1" not in space(api_key="sk-1")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"base_url": "localhost:8000"}, "expected an address"),
        ({"api_key": "ключ"}, "no header may hold"),
        ({"extra": {"input": []}}, "input: ragkit sets it itself"),
        ({"query_extra": {"dimensions": 3}}, "dimensions: ragkit sets it itself"),
        ({"batch_size": 0}, "batch_size"),
        ({"encoding": "int8"}, "encoding"),
        ({"batchsize": 3}, "batchsize: unknown setting.*Did you mean 'batch_size'"),
    ],
)
def test_mistakes_in_the_settings_are_told(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        registry.load("embed/openai")(**{"base_url": "http://h/v1", "model": "m", **settings})


CONFIG = """\
ragkit: 1
models:
  embed: {{use: embed/openai, base_url: "{url}", model: {model}, api_key: "{key}", price: 0.02}}
stores: {{local: {{use: store/local, path: "{path}"}}}}
collection: {{store: local, embed: embed}}
query:
  dense: {{use: retrieve/dense, k: 5}}
  fuse: {{use: fuse/rrf}}
  generate: {{use: generate/extractive}}
"""


def config(folder: Path, server: ModelServer, *, model: str = "minilm", key: str = "sk-1") -> Path:
    path = folder / "rag.yaml"
    path.write_text(CONFIG.format(url=server.url, model=model, key=key, path=folder / "index"))
    return path


def test_a_folder_is_ingested_and_asked_through_a_server(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "rent.md").write_text("The rent is due on the first day of May.\n")
    (docs / "срок.md").write_text("Гарантия на сканер действует два года.\n")
    with models(key="sk-1", seed=1) as server:
        with ragkit.load(config(tmp_path, server)) as rag:
            assert rag.check()["embedder"] == "minilm, 384 dimensions"
            assert rag.ingest(docs).committed == 2
            hits = rag.retrieve("When must I pay the rent?", k=2).hits
            assert hits[0].chunk.document_id.endswith("rent.md")
            n = len(server.seen)
            rag.retrieve("When must I pay the rent?", k=2)
            assert len(server.seen) == n, "the vector of a question that was asked is remembered"
            answer = rag.ask("When is the rent due?")
            assert answer.usage.input_tokens
            assert rag.ingest(docs).unchanged == 2
        other = config(tmp_path, server, model="other")
        with ragkit.load(other) as rag, pytest.raises(ConfigError, match="made with"):
            rag.retrieve("rent", k=1)
        with ragkit.load(config(tmp_path, server, key="sk-2")) as rag, pytest.raises(ModelAuthError):
            rag.check()


def test_what_no_document_is_to_blame_for_ends_a_run_and_quarantines_none(tmp_path: Path) -> None:
    documents = [ragkit.Document(id=f"d{i}", text=f"The rent of flat {i} is due in May.") for i in range(3)]
    busy = failure(429, headers={"Retry-After": "3600"})
    # The dimension is asked for, the batch and all that is tried after it are refused.
    with (
        models(None, busy, key="sk-1") as server,
        ragkit.load(config(tmp_path, server)) as rag,
        pytest.raises(RateLimitError, match="429"),
    ):
        rag.ingest(documents)
    # The batch fails, a probe goes through, the first document is refused.
    with (
        models(None, failure(400), None, busy, key="sk-1") as server,
        ragkit.load(config(tmp_path, server)) as rag,
        pytest.raises(RateLimitError, match="429"),
    ):
        rag.ingest(documents)
    with models(key="sk-1") as server, ragkit.load(config(tmp_path, server)) as rag:
        report = rag.ingest(documents)
    assert (report.committed, report.quarantined) == (3, 0)


def test_a_document_that_the_endpoint_refuses_is_quarantined_and_the_others_go_on(tmp_path: Path) -> None:
    documents = [ragkit.Document(id=f"d{i}", text=f"The rent of flat {i} is due in May.") for i in range(3)]
    with (
        models(None, failure(400), None, None, failure(400, "poison"), key="sk-1") as server,
        ragkit.load(config(tmp_path, server)) as rag,
    ):
        report = rag.ingest(documents)
    assert (report.committed, report.quarantined) == (2, 1)
    assert any("poison" in (document.reason or "") for document in report.documents)


@pytest.mark.parametrize(
    "name",
    [
        info.name
        for room in (openai, rerank_http)
        for info in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")
    ],
)
def test_examples_in_docstrings_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
