"""Finding the right section in a folder of pages, ingested as files.

    python evals/section_search.py --files DATA/raw/en --gold DATA/en

The gold folder is in BEIR layout with one corpus row per heading section, ids `page#anchor`, its
`metadata.heading` the heading. A chunk counts as a section's when one of them holds at least half of the
other. Every query has one gold section, so nDCG@10 is 1 / log2(1 + rank) of the first chunk that counts,
or 0 beyond rank 10.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

import ragkit
from ragkit.types import Hit, Span

RETRIEVERS = ("bm25", "dense", "full")
DEPTH = 10


def main() -> None:
    """Ingests the files, asks every query, prints one line per retriever."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=Path, required=True)
    parser.add_argument("--gold", type=Path, required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as index, ragkit.open(index) as rag:
        report = rag.ingest(args.files, progress=False)
        print(
            f"{args.files}: {report.committed} of {report.seen} files, {report.chunks} chunks "
            f"in {report.seconds:.1f} s"
        )
        sections = section_spans(rag, args.gold / "corpus.jsonl")
        queries = [json.loads(line) for line in (args.gold / "queries.jsonl").open(encoding="utf-8")]
        gold = dict(
            line.split("\t")[:2]
            for line in (args.gold / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]
        )
        judged = [q for q in queries if gold.get(q["_id"]) in sections]
        print(f"{len(judged)} of {len(queries)} queries have a gold section that was found in the pages")
        for retriever in RETRIEVERS:
            ranks, seconds = [], []
            for query in judged:
                start = time.perf_counter()
                hits = rag.retrieve(query["text"], k=DEPTH, retriever=retriever).hits
                seconds.append(time.perf_counter() - start)
                ranks.append(first_rank(hits, gold[query["_id"]], sections))
            hit5 = sum(rank <= 5 for rank in ranks) / len(ranks)
            ndcg = statistics.mean(1 / math.log2(1 + rank) if rank <= DEPTH else 0.0 for rank in ranks)
            print(
                f"{retriever:<8} hit@5 {hit5:.3f}   nDCG@10 {ndcg:.3f}   n {len(ranks)}   "
                f"{statistics.median(seconds) * 1e3:.1f} ms p50"
            )


def section_spans(rag: ragkit.RAG, corpus: Path) -> dict[str, Span]:
    """Where each corpus row's section stands in its page, up to the next heading of any level."""
    found: dict[str, Span] = {}
    seen: Counter[tuple[str, str]] = Counter()
    pages: dict[str, list[tuple[str, Span]]] = {}
    for line in corpus.open(encoding="utf-8"):
        row = json.loads(line)
        page = row["_id"].partition("#")[0]
        if page not in pages:
            pages[page] = own_spans(rag, page)
        title = plain(row["metadata"]["heading"])
        same = [span for heading, span in pages[page] if heading == title]
        if seen[page, title] < len(same):
            found[row["_id"]] = same[seen[page, title]]
        seen[page, title] += 1
    return found


def own_spans(rag: ragkit.RAG, page: str) -> list[tuple[str, Span]]:
    """Headings of a page and the text that is theirs alone."""
    document = rag.document(page)
    starts = [*sorted(section.span.start for section in document.sections), len(document.text)]
    return [
        (plain(s.title), Span(s.span.start, next(start for start in starts if start > s.span.start)))
        for s in sorted(document.sections, key=lambda s: s.span.start)
    ]


def first_rank(hits: tuple[Hit, ...], gold: str, sections: dict[str, Span]) -> float:
    """The rank, from 1, of the first hit that counts for the gold section; infinity if there is none."""
    page, own = gold.partition("#")[0], sections[gold]
    for rank, hit in enumerate(hits, start=1):
        span = hit.chunk.span
        shared = min(span.end, own.end) - max(span.start, own.start)
        if hit.chunk.document_id == page and shared >= 0.5 * min(len(span), len(own)):
            return rank
    return math.inf


def plain(title: str) -> str:
    """A heading without marks, to compare by."""
    return "".join(c for c in title.casefold() if c.isalnum())


if __name__ == "__main__":
    main()
