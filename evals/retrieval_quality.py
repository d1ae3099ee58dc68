"""Retrieval quality of the shipped default on collections in BEIR layout.

    python evals/retrieval_quality.py DATA/scifact DATA/squad11-dev
    python evals/retrieval_quality.py DATA/scifact --metric nDCG@10 --metric R@20 --runs runs/

Every corpus row becomes one document (title and text); hits count for their document by their best chunk.
Prints, for the default graph, BM25 alone and dense alone, each measure with n and its interval, paired
differences from BM25, seconds for ingestion, and the time of a question to the default graph. `--runs` keeps
the rankings as TREC files.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import ragkit
from ragkit.evaluation.compare import compare
from ragkit.evaluation.dataset import Dataset, load_dataset
from ragkit.evaluation.retrieval import latency, retrieved
from ragkit.evaluation.scores import score
from ragkit.evaluation.trec import write_run

DEPTH = 30
# The default first: it alone is timed, and the vector of a question is remembered once one has asked it.
RETRIEVERS = ("full", "bm25", "dense")


def main() -> None:
    """Measures each folder given on the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument(
        "--queries", type=int, default=0, help="take every n-th so that about this many remain"
    )
    parser.add_argument(
        "--set", action="append", default=[], help="override of the default config, KEY=VALUE"
    )
    parser.add_argument("--metric", action="append", help="a measure, nDCG@10 if none is named")
    parser.add_argument("--runs", type=Path, help="a folder to write TREC run files to")
    args = parser.parse_args()
    overrides = dict(pair.split("=", 1) for pair in args.set)
    for folder in args.folders:
        try:
            data = load_dataset(folder, split=args.split).sample(args.queries)
            with tempfile.TemporaryDirectory() as index, ragkit.open(index, set=overrides) as rag:
                measure(rag, data, args.metric or ["nDCG@10"], args.runs)
        except ragkit.RagkitError as e:
            parser.exit(2, f"{e}\n")


def measure(rag: ragkit.RAG, data: Dataset, metrics: list[str], runs: Path | None) -> None:
    """Ingests one collection, asks its queries with each retriever, prints the comparison."""
    report = rag.ingest(data.documents(), progress=False)
    print(f"\n{label(data)}: {report.committed} of {report.seen} documents in {report.seconds:.1f} s")
    for outcome in report.documents[:3]:
        print(f"  {outcome.uri}: {outcome.state}: {outcome.reason}")
    systems = []
    for name in RETRIEVERS:
        run = retrieved(rag, data.judged.values(), depth=DEPTH, retriever=name)  # type: ignore[arg-type]
        if name == "full":
            print(f"  retrieval {latency(run)}")
        if run.degraded:
            print(f"  {name}: on {len(run.degraded):,} questions a stage failed and was done without")
        systems.append(score(run, data.qrels, metrics))
        if runs is not None:
            runs.mkdir(parents=True, exist_ok=True)
            write_run(run, runs / f"{label(data).replace('/', '-')}.{name}.txt", partial=True)
    source = f"{label(data)}/{data.split}, checksum {data.checksum()[:12]}, commit {commit()}"
    print(f"\n{compare(systems, baseline='bm25', source=source).text()}", flush=True)


def label(data: Dataset) -> str:
    """The folder's name, with its parent's where it is the code of a language."""
    return f"{data.folder.resolve().parent.name}/{data.name}" if len(data.name) == 2 else data.name


def commit() -> str:
    """The commit of this code, marked where the tree differs from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or f"ragkit {ragkit.__version__}"


if __name__ == "__main__":
    main()
