"""Would token-by-token comparison with every passage, and not with the best twenty alone, find more?

    python evals/models/reranker/exhaustive.py DATA [--questions 300] [--only FOLDER] [--indexes FOLDER]

For each set nDCG@10 of BM25, of the embedder, of late interaction over all passages, and of reciprocal rank
fusions of them; then the default graph. Readings are those that ingestion keeps. With --indexes the indexes
are kept there (those of `table.py` will do), and a second call does not build them again.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from table import reranking, test_sets

import ragkit
from ragkit.evaluation.compare import compare
from ragkit.evaluation.dataset import Dataset, Question
from ragkit.evaluation.retrieval import retrieved
from ragkit.evaluation.run import Run
from ragkit.evaluation.scores import score
from ragkit.models.bundled_reranker import BUNDLED_RERANKER, BundledReranker
from ragkit.types import Chunk

DEPTH = 50
RRF_K = 60
FUSED = {
    "dense + bm25": ("dense", "bm25"),
    "late + bm25": ("late", "bm25"),
    "late + dense + bm25": ("late", "dense", "bm25"),
}
SETS = ("cranfield", "scifact", "squad11-dev", "mtrag-un-dev")


def main() -> None:
    """Command line: see the module's text."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--questions", type=int, default=300, help="at most about so many of a set")
    parser.add_argument("--only", action="append", default=[], help="names of folders")
    parser.add_argument("--indexes", type=Path, help="folder to keep the indexes in")
    arguments = parser.parse_args()
    for data in test_sets(arguments.data):
        if data.name in (arguments.only or SETS):
            kept = arguments.indexes and arguments.indexes / data.folder.relative_to(arguments.data)
            with nullcontext(kept) if kept else tempfile.TemporaryDirectory() as folder:
                Path(folder).mkdir(parents=True, exist_ok=True)
                config = Path(folder) / "rag.yaml"
                config.write_text(reranking(BUNDLED_RERANKER), encoding="utf-8")
                with ragkit.load(config) as rag:
                    rag.ingest(data.documents(), progress=False)
                    measure(rag, data.sample(arguments.questions))


def measure(rag: ragkit.RAG, data: Dataset) -> None:
    """Prints the table of one set."""
    asked = list(data.judged.values())
    arms = {name: retrieved(rag, asked, depth=DEPTH, retriever=name) for name in ("bm25", "dense", "full")}
    arms["late"] = exhaustive(rag, asked)
    fused = {name: fusion(name, [arms[part] for part in parts]) for name, parts in FUSED.items()}
    systems = [score(run, data.qrels, ["nDCG@10"]) for run in (*arms.values(), *fused.values())]
    source = f"{data.folder.parent.name}/{data.name}, checksum {data.checksum()[:12]}"
    print(f"\n{compare(systems, baseline='dense + bm25', source=source).markdown()}\n", flush=True)


def exhaustive(rag: ragkit.RAG, asked: Iterable[Question]) -> Run:
    """The best passages of all for each question, by token-by-token comparison."""
    chunks, readings = everything(rag)
    reranker, scores, seconds = BundledReranker(), {}, {}
    for question in asked:
        start = time.perf_counter()
        found, _ = reranker.score_read(question.text, [chunk.search_text for chunk in chunks], readings)
        best: dict[str, float] = {}
        for i in np.argsort(-found, kind="stable").tolist():
            best.setdefault(chunks[i].document_id, float(found[i]))
            if len(best) == DEPTH:
                break
        scores[question.id], seconds[question.id] = best, time.perf_counter() - start
    middle = np.percentile(list(seconds.values()), 50)
    print(f"late, all of {len(chunks)} passages: p50 {middle * 1e3:.0f} ms")
    return Run("late", scores=scores, seconds=seconds)


def everything(rag: ragkit.RAG) -> tuple[Sequence[Chunk], Sequence[bytes | None]]:
    """All passages of an index and what was read in them."""
    collection = rag.resources.collection
    plan = collection.plan("?")
    (found,) = collection.dense([""], collection.counts().chunks, plan)
    ids = found.id_list()
    chunks = [chunk for chunk in collection.fetch(ids, plan) if chunk is not None]
    return chunks, collection.readings([chunk.id for chunk in chunks], plan)


def fusion(name: str, runs: Sequence[Run]) -> Run:
    """Reciprocal rank fusion."""
    fused: dict[str, Mapping[str, float]] = {}
    for question in runs[0].scores:
        total: dict[str, float] = {}
        for run in runs:
            for rank, document in enumerate(run.ranked(question), 1):
                total[document] = total.get(document, 0.0) + 1 / (RRF_K + rank)
        fused[question] = total
    return Run(name, scores=fused)


if __name__ == "__main__":
    main()
