"""BM25 through the store beside the ranker alone on the same segments, in turns; other engines for a sense
of scale.

    OMP_NUM_THREADS=1 python evals/benchmarks/bm25_search.py [--passages 100000] [--data DIR]

`DIR` holds corpus.jsonl or corpus.jsonl.gz and queries.jsonl, as BEIR has them; without it the passages are
words drawn after Zipf's law. bm25s, rank-bm25 and tantivy take part where they are installed, on the same
terms. Prints one JSON line: milliseconds per query at k = 10, and ours divided by the ranker alone.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from interleaved import Way, in_turns
from store_query import make_passages

from ragkit.protocols import Scope
from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put
from ragkit.text.analyze import Analyzer

K, SEED = 10, 7
SPEC = StoreSpec("none", embedder_fingerprint="none", dimension=2)


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a file of JSON lines."""
    with path.open("rb") as file:
        yield from map(json.loads, gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file)


def real_terms(folder: Path, n: int, n_queries: int) -> tuple[list[list[str]], list[list[str]]]:
    """Analysed passages and questions of a retrieval set."""
    corpus = next(p for p in (folder / "corpus.jsonl.gz", folder / "corpus.jsonl") if p.exists())
    analyzer, texts = Analyzer(), []
    for record in lines_of(corpus):
        texts.append(analyzer.terms(record["text"]))
        if len(texts) == n:
            break
    queries = [analyzer.terms(record["text"]) for record in lines_of(folder / "queries.jsonl")]
    return texts, [terms for terms in queries if terms][:n_queries]


def made_terms(n: int, n_queries: int) -> tuple[list[list[str]], list[list[str]]]:
    """Passages of words after Zipf's law; queries of eight words of one."""
    rng = np.random.default_rng(SEED)
    texts = [text.split() for text in make_passages(rng, n)[0]]
    chosen = rng.integers(n, size=n_queries)
    return texts, [rng.permutation(texts[at])[:8].tolist() for at in chosen]


def filled(folder: Path, texts: Sequence[Sequence[str]]) -> LocalStore:
    """A store of the passages, in commits of 10,000."""
    store = LocalStore(path=folder).open(SPEC)
    vector = np.array([1, 0], dtype=np.float32)
    for start in range(0, len(texts), 10_000):
        some = enumerate(texts[start : start + 10_000], start)
        store.commit([put(f"d{i}", [(" ".join(terms), vector)]) for i, terms in some])
    return store


def others(texts: Sequence[Sequence[str]]) -> dict[str, Way]:
    """The other engines that are installed."""
    ways: dict[str, Way] = {}
    if importlib.util.find_spec("bm25s"):
        import bm25s

        engine = bm25s.BM25(k1=0.9, b=0.4, method="lucene")
        engine.index([list(terms) for terms in texts], show_progress=False)
        ways["bm25s"] = lambda terms: engine.retrieve([terms], k=K, show_progress=False)
    if importlib.util.find_spec("rank_bm25"):
        import rank_bm25

        okapi = rank_bm25.BM25Okapi(texts)
        ways["rank_bm25"] = lambda terms: np.argpartition(okapi.get_scores(terms), -K)[-K:]
    if importlib.util.find_spec("tantivy"):
        ways["tantivy"] = tantivy_way(texts)
    return ways


def tantivy_way(texts: Sequence[Sequence[str]]) -> Way:
    """tantivy in memory, split at blanks."""
    import tantivy

    analyzer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    schema = tantivy.SchemaBuilder().add_text_field("body", tokenizer_name="words").build()
    index = tantivy.Index(schema)
    index.register_tokenizer("words", analyzer)
    writer = index.writer()
    for terms in texts:
        writer.add_document(tantivy.Document(body=" ".join(terms)))
    writer.commit()
    index.reload()
    searcher = index.searcher()

    def ask(terms: Sequence[str]) -> object:
        parts = [(tantivy.Occur.Should, tantivy.Query.term_query(schema, "body", t)) for t in terms]
        return searcher.search(tantivy.Query.boolean_query(parts), K).hits

    return ask


def main() -> None:
    """Measures and prints one JSON line."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    arguments.add_argument("--passages", type=int, default=100_000)
    arguments.add_argument("--queries", type=int, default=200)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--data", type=Path, default=None)
    given = arguments.parse_args()
    if given.data is None:
        texts, queries = made_terms(given.passages, given.queries)
    else:
        texts, queries = real_terms(given.data, given.passages, given.queries)
    with tempfile.TemporaryDirectory() as folder:
        store = filled(Path(folder) / "index", texts)
        pinned = Scope(commit=store.head())
        view = store._reader.view(pinned)
        ranker = store._reader.ranker(view, None)
        ways: dict[str, Way] = {
            "ours": lambda terms: store.search_terms([terms], K, pinned),
            "ours_unpinned": lambda terms: store.search_terms([terms], K, Scope()),
            "ranker": lambda terms: ranker.search(terms, K, None),
        }
        times = in_turns(ways, queries, given.rounds)
        engines = others(texts)
        orientation = in_turns(engines, queries[:40], 2) if engines else None
        store.close()
    report = {
        "passages": len(texts),
        "data": given.data.name if given.data else f"Zipf, seed {SEED}",
        "ms": {name: times.ms(name) for name in ways},
        "ratio": times.ratio("ours", "ranker"),
        "ratio_unpinned": times.ratio("ours_unpinned", "ranker"),
        "others_ms": {name: orientation.ms(name) for name in engines} if orientation else {},
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
