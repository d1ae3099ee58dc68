"""What `store/weaviate` and `store/pinecone` add to the same questions, sent by hand over HTTP.

    python -m evals.benchmarks.http_store_overhead --store weaviate [--passages 1000] [--url "$WEAVIATE_URL"]
    python -m evals.benchmarks.http_store_overhead --store pinecone [--url "$PINECONE_HOST"]

Without --url the strict local server of the tests answers, in another process: it imitates the vendor's
interface, and its own time is not the vendor's. What says something is the processor time of this process,
which is the client's alone. A key is read from WEAVIATE_API_KEY or PINECONE_API_KEY.

`nearest` is a question in a held commit, as a graph asks; `words` is BM25. By hand the very requests are
sent that ragkit sends for it, by a bare httpx client that reads the JSON and makes nothing of it. `plain`
asks by hand for ids and scores of the 10 nearest of all that lies there, of whatever commit.

Ways take turns; medians, and the median of the ratios of neighbours in time.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np

from evals.benchmarks.opensearch_overhead import changes_of
from evals.benchmarks.side_by_side import take_turns
from evals.benchmarks.store_query import DIMENSION, SEED, make_passages, make_questions
from ragkit.protocols import Scope, Vectors
from ragkit.store.remote.store import RemoteStore
from ragkit.store_spec import StoreSpec
from ragkit_connectors.pinecone import PineconeStore
from ragkit_connectors.weaviate import WeaviateStore

K, NAME = 10, "Overhead"
SPEC = StoreSpec("none", embedder_fingerprint="none", dimension=DIMENSION)


@dataclass(frozen=True, slots=True)
class Vendor:
    """How one is asked: its store, the local server's service, and its nearest neighbours by hand."""

    store: Callable[..., Any]
    address: str
    key: str
    served: Callable[[], AbstractContextManager[str]]
    plain: Callable[[Vectors], tuple[str, dict[str, Any]]]


def apart(service: str, *arguments: Any, **attributes: Any) -> AbstractContextManager[str]:
    """The local server of the tests, which are there where this file is."""
    from tests.connectors.apart import served_apart

    return served_apart(service, *arguments, **attributes)


def _weaviate(vector: Vectors) -> tuple[str, dict[str, Any]]:
    query = f"{{Get{{{NAME}(nearVector:{{vector:{json.dumps(vector.tolist())}}},limit:{K})"
    return "/v1/graphql", {"query": query + "{_additional{id distance}}}}"}


def _pinecone(vector: Vectors) -> tuple[str, dict[str, Any]]:
    return "/query", {"vector": vector.tolist(), "topK": K, "namespace": f"{NAME}.chunks"}


_SERVED = "tests.connectors.{0}.server.service:{1}"
VENDORS = {
    "weaviate": Vendor(
        WeaviateStore, "url", "WEAVIATE_API_KEY",
        lambda: apart(_SERVED.format("weaviate", "Weaviate")), _weaviate,
    ),
    "pinecone": Vendor(
        PineconeStore, "host", "PINECONE_API_KEY",
        lambda: apart(_SERVED.format("pinecone", "Pinecone"), DIMENSION, is_lagging=False), _pinecone,
    ),
}  # fmt: skip


class Heard:
    """What a store's client sends, while somebody listens."""

    def __init__(self, client: httpx.Client) -> None:
        self.sent: list[httpx.Request] = []
        client.event_hooks = {"request": [self.sent.append]}

    def during(self, call: Callable[[], object]) -> list[tuple[str, str, bytes]]:
        """Method, address and body of each request of a call."""
        self.sent.clear()
        call()
        return [(one.method, str(one.url), one.content) for one in self.sent]


@contextmanager
def opened(vendor: Vendor, url: str | None) -> Iterator[tuple[RemoteStore[Any], httpx.Client]]:
    """An empty store, and a bare client with the same headers."""
    with ExitStack() as stack:
        if url is None:
            url = stack.enter_context(vendor.served())
        key = {"api_key": os.environ[vendor.key]} if vendor.key in os.environ else {}
        with vendor.store(**{vendor.address: url, "name": NAME, **key}).scratch(NAME) as made:
            store = made.open(SPEC)
            yield store, stack.enter_context(made.make_client())
            store.close()


def measured(vendor: Vendor, url: str | None, n: int, n_questions: int) -> dict[str, Any]:
    """Fills the index, then asks."""
    rng = np.random.default_rng(SEED)
    texts, vectors = make_passages(rng, n)
    questions = make_questions(rng, texts, vectors, n_questions)
    with opened(vendor, url) as (store, client):
        with store.writing():
            for batch in changes_of(texts, vectors):
                store.commit(batch)
        name = store.config.name  # type: ignore[attr-defined]
        with store.hold() as commit:
            scope = Scope(commit=commit)

            def nearest(at: int) -> object:
                return store.search(questions[at].vector[None], K, scope)

            def words(at: int) -> object:
                return store.search_terms([questions[at].text.split()], K, scope)

            def plain(at: int) -> object:
                path, body = vendor.plain(questions[at].vector)
                text = json.dumps(body).replace(NAME, name)
                return _read(client.request("POST", path, content=text, headers=_JSON))

            sent = {way: _requests(store, way, n_questions) for way in (nearest, words)}
            return {
                "server": url or "the local server of the tests: an imitation",
                "seed": SEED, "passages": n, "questions": n_questions,
                "requests_of_nearest": _mean(sent[nearest]), "requests_of_words": _mean(sent[words]),
                "plain": take_turns(n_questions, nearest, plain),
                "nearest": take_turns(n_questions, nearest, lambda at: _again(client, sent[nearest][at])),
                "words": take_turns(n_questions, words, lambda at: _again(client, sent[words][at])),
            }  # fmt: skip


_JSON = {"content-type": "application/json"}


def _requests(
    store: RemoteStore[Any], way: Callable[[int], object], n: int
) -> list[list[tuple[str, str, bytes]]]:
    """What each question sends; the client is left as it was."""
    client = store._server._client
    heard = Heard(client)
    sent = [heard.during(lambda at=at: way(at)) for at in range(n)]  # type: ignore[misc]
    client.event_hooks = {}
    return sent


def _again(client: httpx.Client, sent: list[tuple[str, str, bytes]]) -> object:
    return [_read(client.request(way, url, content=body, headers=_JSON)) for way, url, body in sent]


def _read(answer: httpx.Response) -> object:
    answer.raise_for_status()
    return answer.json()


def _mean(sent: list[list[Any]]) -> float:
    return round(sum(map(len, sent)) / len(sent), 2)


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--store", choices=sorted(VENDORS), required=True)
    parser.add_argument("--url", default=None, help="of a server; the local server of the tests if not given")
    parser.add_argument("--passages", type=int, default=1_000)
    parser.add_argument("--questions", type=int, default=40)
    given = parser.parse_args()
    found = measured(VENDORS[given.store], given.url, given.passages, given.questions)
    print({key: value for key, value in found.items() if not isinstance(value, dict)})
    for row in ("plain", "nearest", "words"):
        for clock, of in found[row].items():
            times = f"ragkit {of['ours_ms']:9.3f} ms  by hand {of['raw_ms']:9.3f} ms"
            print(f"{row:8} {clock:5} {times}  {of['ratio']}")


if __name__ == "__main__":
    main()
