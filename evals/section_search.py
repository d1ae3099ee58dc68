"""Finding the right section in a folder of pages, ingested as files.

    python evals/section_search.py --files DATA/raw/en --gold DATA/en

The gold folder is in BEIR layout with one corpus row per heading section, ids `page#anchor`, its
`metadata.heading` the heading. A chunk counts as a section's when one of them holds at least half of the
other. Every query has one gold section, so nDCG@10 is 1 / log2(1 + rank) of the first chunk that counts,
or 0 beyond rank 10. Queries whose section was not found in the pages are counted and left out.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import ragkit
from ragkit.app import Retriever
from ragkit.evaluation.compare import compare
from ragkit.evaluation.dataset import Dataset, Question, load_dataset
from ragkit.evaluation.retrieval import Search, asked, latency
from ragkit.evaluation.scores import score
from ragkit.types import Hit, Span

# The default first: it alone is timed, and the vector of a question is remembered once one has asked it.
RETRIEVERS: tuple[Retriever, ...] = ("full", "bm25", "dense")
METRICS = ("Success@5", "nDCG@10")
DEPTH = 10


def main() -> None:
    """Ingests the files, asks every query, prints the comparison of the retrievers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=Path, required=True)
    parser.add_argument("--gold", type=Path, required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as index, ragkit.open(index) as rag:
        try:
            measure(rag, args.files, load_dataset(args.gold))
        except ragkit.RagkitError as e:
            parser.exit(2, f"{e}\n")


def measure(rag: ragkit.RAG, files: Path, data: Dataset) -> None:
    """Ingests the pages, asks with each retriever."""
    report = rag.ingest(files, progress=False)
    chunks = f"{report.chunks} chunks in {report.seconds:.1f} s"
    print(f"{files}: {report.committed} of {report.seen} files, {chunks}")
    sections = section_spans(rag, data)
    gold = {id_: next(iter(grades)) for id_, grades in data.qrels.items() if next(iter(grades)) in sections}
    print(f"{len(gold)} of {len(data.judged)} queries have a gold section that was found in the pages")
    questions = [data.questions[id_] for id_ in gold]
    systems = []
    for retriever in RETRIEVERS:
        run = asked(section_search(rag, retriever, gold, sections), questions, name=retriever)
        if retriever == "full":
            print(f"retrieval {latency(run)}")
        systems.append(score(run, {id_: {section: 1} for id_, section in gold.items()}, METRICS))
    source = f"{data.name}/{data.split}, checksum {data.checksum()[:12]}"
    print(f"\n{compare(systems, baseline='bm25', source=source).text()}")


def section_search(
    rag: ragkit.RAG, retriever: Retriever, gold: Mapping[str, str], sections: Mapping[str, Span]
) -> Search:
    """Chunks by id, save that one which counts for the question's gold section goes by the section's."""

    def search(question: Question) -> list[str]:
        section = gold[question.id]
        hits = rag.retrieve(question.text, k=DEPTH, retriever=retriever).hits
        return [section if counts(hit, section, sections) else hit.chunk.id for hit in hits]

    return search


def section_spans(rag: ragkit.RAG, data: Dataset) -> dict[str, Span]:
    """Where each corpus row's section stands in its page, up to the next heading of any level."""
    found: dict[str, Span] = {}
    seen: Counter[tuple[str, str]] = Counter()
    pages: dict[str, list[tuple[str, Span]]] = {}
    for row in data.corpus():
        page = row.id.partition("#")[0]
        if page not in pages:
            pages[page] = own_spans(rag, page)
        title = plain(row.metadata["heading"])
        same = [span for heading, span in pages[page] if heading == title]
        if seen[page, title] < len(same):
            found[row.id] = same[seen[page, title]]
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


def counts(hit: Hit, section: str, sections: Mapping[str, Span]) -> bool:
    """Whether a chunk is of the section: one of them holds at least half of the other."""
    span, own = hit.chunk.span, sections[section]
    shared = min(span.end, own.end) - max(span.start, own.start)
    return hit.chunk.document_id == section.partition("#")[0] and shared >= 0.5 * min(len(span), len(own))


def plain(title: str) -> str:
    """A heading without marks, to compare by."""
    return "".join(c for c in title.casefold() if c.isalnum())


if __name__ == "__main__":
    main()
