"""How fast documents are parsed, chunked and ingested, and what share of its model's speed ingestion reaches.

    python evals/benchmarks/ingestion.py DIR [--threads N] [--limit N]

Prints one JSON object: counts, MB/s of parsing and chunking alone, passages/s of the bundled model alone on
the same passages (length-sorted, as ingestion gives them) and of a whole ingestion into an empty local store,
their ratio, the share of the ingestion that was spent inside the model (which a busy machine does not disturb
as it does the ratio), the time of writing (analysis for BM25, files, fsync, commit) as a share of the time
inside the model, and the time of a second, unchanged run. Set OMP_NUM_THREADS=1 for one core.

Writing must take at most 10 % of embedding, so that ingestion waits for the model only: exits with 1 if not.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

from ragkit.errors import DocumentError
from ragkit.ingest.chunk.chunks import make_chunks
from ragkit.ingest.chunk.recursive import RecursiveChunker
from ragkit.ingest.load.discover import discover
from ragkit.ingest.parse.formats import parse
from ragkit.ingest.pipeline import Ingestor
from ragkit.models.embedder import OnnxEmbedder
from ragkit.protocols import Change, TextKind, Vectors
from ragkit.store.collection import StoreCollection
from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec
from ragkit.text.analyze import Analyzer
from ragkit.types import Document

MAX_WRITE_SHARE = 0.10


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=1, help="of the model")
    parser.add_argument("--limit", type=int, default=None, help="ingest only the first N files")
    args = parser.parse_args()
    files = [source.path for source in islice(discover(args.folder), args.limit)]
    embedder = TimedEmbedder(OnnxEmbedder(threads=args.threads))
    embedder.embed(["warm up"], "passage")

    started = time.perf_counter()
    documents = parsed(files)
    parse_s = time.perf_counter() - started
    n_bytes = sum(path.stat().st_size for path in files)

    chunker = RecursiveChunker().measured_by(embedder)
    started = time.perf_counter()
    spans = [chunker.split(document) for document in documents]
    chunk_s = time.perf_counter() - started
    texts = [c.search_text for d, s in zip(documents, spans, strict=True) for c in make_chunks(d, s, "", "")]

    embedder.seconds = 0.0
    for at in range(0, len(texts), 2_000):
        embedder.embed(sorted(texts[at : at + 2_000], key=len), "passage")
    raw_s = embedder.seconds

    with tempfile.TemporaryDirectory() as folder:
        analyzer = Analyzer()
        spec = StoreSpec(
            embedder.name,
            embedder_fingerprint=embedder.fingerprint,
            dimension=embedder.dimension,
            analyzer_fingerprint=analyzer.fingerprint,
        )
        store = TimedStore(path=folder)
        store.open(spec, analyzer=analyzer)
        collection = StoreCollection(store, embedder=embedder, analyzer=analyzer)
        embedder.seconds = 0.0
        first = Ingestor(collection).run(files)
        in_model_s, write_s = embedder.seconds, store.seconds
        again = Ingestor(collection).run(files)
        collection.close()
    assert first.embedded_chunks == len(texts), (first.embedded_chunks, len(texts))
    assert again.embedded_chunks == 0
    print(
        json.dumps(
            {
                "files": len(files),
                "megabytes": round(n_bytes / 1e6, 3),
                "passages": len(texts),
                "parse_MB_per_s": round(n_bytes / 1e6 / parse_s, 2),
                "chunk_MB_per_s": round(sum(len(d.text.encode()) for d in documents) / 1e6 / chunk_s, 2),
                "model_passages_per_s": round(len(texts) / raw_s, 1),
                "ingest_passages_per_s": round(first.chunks / first.seconds, 1),
                "share_of_model_speed": round(raw_s / first.seconds, 3),
                "share_of_time_in_model": round(in_model_s / first.seconds, 3),
                "commits": store.n_commits,
                "write_s": round(write_s, 3),
                "write_share_of_embedding": round(write_s / in_model_s, 4),
                "unchanged_run_s": round(again.seconds, 3),
            }
        )
    )
    if write_s > MAX_WRITE_SHARE * in_model_s:
        sys.exit(f"writing took more than {MAX_WRITE_SHARE:.0%} of the time of embedding")


class TimedEmbedder:
    """The bundled model, with the time spent inside it."""

    def __init__(self, embedder: OnnxEmbedder) -> None:
        self._embedder = embedder
        self.name, self.fingerprint = embedder.name, embedder.fingerprint
        self.dimension, self.max_tokens = embedder.dimension, embedder.max_tokens
        self.languages = embedder.languages
        self.token_spans = embedder.token_spans
        self.seconds = 0.0

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        started = time.perf_counter()
        vectors = self._embedder.embed(texts, kind)
        self.seconds += time.perf_counter() - started
        return vectors


class TimedStore(LocalStore):
    """The embedded store, with the time spent on commits."""

    seconds = 0.0
    n_commits = 0

    def commit(self, changes: Iterable[Change]) -> int:
        listed = list(changes)
        started = time.perf_counter()
        number = super().commit(listed)
        self.seconds += time.perf_counter() - started
        self.n_commits += 1
        return number


def parsed(files: list[Path]) -> list[Document]:
    """The documents in the files that hold one."""
    documents = []
    for source in discover(files):
        try:
            documents.append(parse(source))
        except DocumentError as error:
            print(f"{source.uri}: {error}")
    return documents


if __name__ == "__main__":
    main()
