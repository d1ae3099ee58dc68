"""What `embed/openai` and `rerank/http` cost beside bare httpx, and how fast a slow server is fed.

    python evals/benchmarks/model_servers.py

The server runs in a process of its own on the loopback: it parses each request and answers with vectors that
are made beforehand, after a wait. Calls alternate with bare httpx in one process, so that both see the same
machine.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import numpy as np

import ragkit
from ragkit_connectors.openai import OpenAIEmbedder
from ragkit_connectors.rerank_http import HttpReranker

D = 384


def serve(ready: Connection, wait_s: float) -> None:
    """Answers on a port that it tells, until it is ended."""
    vector = base64.b64encode(np.random.default_rng(0).normal(size=D).astype("<f4").tobytes()).decode()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            asked = json.loads(await reader.readexactly(size))
            await asyncio.sleep(wait_s)
            if "input" in asked:
                data = [{"index": i, "embedding": vector} for i in range(len(asked["input"]))]
                told: object = {"data": data, "usage": {"prompt_tokens": 1}}
            else:
                told = [{"index": i, "score": i * 0.01} for i in range(len(asked["texts"]))]
            body = json.dumps(told).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()

    async def run() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


class Server:
    """A server in a process of its own."""

    def __init__(self, wait_s: float) -> None:
        here, there = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(target=serve, args=(there, wait_s))
        self._process.start()
        self.url = f"http://127.0.0.1:{here.recv()}"

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()


def overhead(n: int) -> None:
    """Prints medians of calls that alternate with bare httpx."""
    texts = [f"passage {i}: " + "the rent is due on the first of May. " * 30 for i in range(32)]
    with Server(0.0) as server, httpx.Client() as bare:
        embedder = OpenAIEmbedder(base_url=server.url, model="m", dimension=D)
        reranker = HttpReranker(base_url=server.url, protocol="tei")

        def plain(path: str, body: dict[str, object]) -> None:
            bare.post(server.url + path, content=json.dumps(body)).json()

        def embedding(some: list[str]) -> None:
            plain("/embeddings", {"model": "m", "input": some, "encoding_format": "base64"})

        pairs: list[tuple[str, Callable[[], object], Callable[[], object]]] = [
            ("embed 1 query", lambda: embedder.embed(texts[:1], "query"), lambda: embedding(texts[:1])),
            ("embed 32 passages", lambda: embedder.embed(texts, "passage"), lambda: embedding(texts)),
            (
                "rerank 32 passages",
                lambda: reranker.score("rent", texts),
                lambda: plain("/rerank", {"query": "rent", "texts": texts}),
            ),
        ]
        print(f"Medians of {n} calls, ms")
        print(f"{'call':20} {'ragkit':>8} {'httpx':>8} {'more':>8} {'more of the processor':>22}")
        for name, ours, theirs in pairs:
            took: list[list[float]] = [[], []]
            used: list[list[float]] = [[], []]
            for call in range(n + 10):
                for i, work in enumerate((ours, theirs)):
                    start, begun = time.perf_counter(), time.process_time()
                    work()
                    if call >= 10:
                        took[i].append(1000 * (time.perf_counter() - start))
                        used[i].append(1000 * (time.process_time() - begun))
            wall, cpu = (
                statistics.median(a - b for a, b in zip(*both, strict=True)) for both in (took, used)
            )
            own, bares = map(statistics.median, took)
            print(f"{name:20} {own:8.2f} {bares:8.2f} {wall:8.2f} {cpu:22.2f}")


def throughput(n: int, wait_s: float) -> None:
    """Prints how many passages a second are embedded, alone and in an ingestion, by requests in flight."""
    print(f"\nA server that takes {1000 * wait_s:g} ms for a batch of 32; {n:,} passages")
    print(f"{'in flight':>10} {'embed /s':>10} {'ingest /s':>10} {'at most':>10}")
    documents = [
        ragkit.Document(
            id=f"d{i}",
            text="\n\n".join(f"Flat {i}, part {j}. " + "The rent is due in May. " * 40 for j in range(8)),
        )
        for i in range(n // 8)
    ]
    texts = [f"passage {i}: " + "the rent is due in May. " * 40 for i in range(n)]
    with Server(wait_s) as server:
        for at_once in (1, 4, 8, 16, 32):
            given = {"base_url": server.url, "model": "m", "dimension": D, "at_once": at_once}
            embedder = OpenAIEmbedder(**given)
            start = time.perf_counter()
            for i in range(0, n, 512):
                embedder.embed(texts[i : i + 512], "passage")
            alone = n / (time.perf_counter() - start)
            with tempfile.TemporaryDirectory() as folder:
                config = {
                    "ragkit": 1,
                    "models": {"embed": {"use": "embed/openai", **given}},
                    "stores": {"local": {"use": "store/local", "path": folder}},
                    "collection": {"store": "local", "embed": "embed"},
                    "query": {
                        "dense": {"use": "retrieve/dense"},
                        "fuse": {"use": "fuse/rrf"},
                        "generate": {"use": "generate/extractive"},
                    },
                }
                path = Path(folder) / "rag.yaml"
                path.write_text(json.dumps(config))
                with ragkit.load(path) as rag:
                    start = time.perf_counter()
                    report = rag.ingest(documents, progress=False)
                    whole = report.embedded_chunks / (time.perf_counter() - start)
            print(f"{at_once:10} {alone:10,.0f} {whole:10,.0f} {at_once * 32 / wait_s:10,.0f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=300, help="calls of each kind (300)")
    parser.add_argument("--passages", type=int, default=2048, help="passages to embed (2048)")
    parser.add_argument("--wait-ms", type=float, default=50.0, help="what the server takes for a batch (50)")
    given = parser.parse_args()
    overhead(given.calls)
    throughput(given.passages, given.wait_ms / 1000)
