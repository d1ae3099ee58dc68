"""Does the extractive answer know when to abstain? Fitted on half of the articles, reported on the rest.

    python evals/abstention.py DATA/squad11-dev

Each question is asked twice: over the whole collection, and with its own article filtered out, where the
right thing is to abstain. Articles are split in two by their order of title; `min_support` is the value with
the best balanced accuracy on the first half, and is reported once on the second; intervals are over articles.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import ragkit
from ragkit.evaluation.dataset import load_dataset
from ragkit.evaluation.stats import mean_figure
from ragkit.generate.extractive import ExtractiveGenerate

Floats = NDArray[np.float64]


def main() -> None:
    """Prints the fitted threshold, and how often it is right on articles it was not fitted on."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--questions", type=int, default=600, help="about how many questions to ask")
    args = parser.parse_args()
    data = load_dataset(args.folder).sample(args.questions)
    corpus = list(data.corpus())
    article = {row.id: row.title for row in corpus}
    gold = {id_: next(iter(grades)) for id_, grades in data.qrels.items()}
    questions = list(data.judged.values())
    settings = {"collection.fields": {"article": "keyword"}, "query.generate.min_support": 0.0}
    with tempfile.TemporaryDirectory() as index, ragkit.open(index, set=settings) as rag:
        rag.ingest(
            [replace(row.document(), metadata={"article": row.title}) for row in corpus],
            progress=False,
        )
        titles = [article[gold[q.id]] for q in questions]
        inside = np.array([support(rag, q.text, None) for q in questions])
        outside = np.array([support(rag, q.text, t) for q, t in zip(questions, titles, strict=True)])
    articles = sorted(set(titles))
    if len(articles) < 2:
        parser.exit(
            2, f"{args.folder}: all questions are about one article: expected several, told by title\n"
        )
    fit = np.array([title in articles[::2] for title in titles])
    thresholds = np.round(np.arange(0.05, 0.95, 0.01), 2)
    accuracy = [right(inside[fit], outside[fit], t).mean() for t in thresholds]
    best = float(thresholds[int(np.argmax(accuracy))])
    print(f"{data.name}/{data.split}, checksum {data.checksum()[:12]}, seed 0")
    print(f"fitted on {fit.sum()} questions of {len(articles[::2])} articles: min_support {best:.2f}")
    others = [title for title in titles if title not in articles[::2]]
    for threshold in (best, ExtractiveGenerate().config.min_support):
        print(f"min_support {threshold:.2f} on questions about {len(set(others))} other articles:")
        for name, values in (
            ("answered of the answerable", (inside[~fit] >= threshold).astype(float)),
            ("abstained on the unanswerable", (outside[~fit] < threshold).astype(float)),
            ("balanced accuracy", right(inside[~fit], outside[~fit], threshold)),
        ):
            print(f"  {name:<30} {mean_figure(values, clusters=others)}")


def support(rag: ragkit.RAG, question: str, without: str | None) -> float:
    """The support of the best sentence, with one article out of reach."""
    answer = rag.ask(question, filter=None if without is None else {"article": {"ne": without}})
    facts = [node["facts"] for node in rag.trace(answer.trace_id)["nodes"]]
    return float(next((fact["support"] for fact in facts if "support" in fact), 0.0))


def right(inside: Floats, outside: Floats, threshold: float) -> Floats:
    """Of each question, the share of its two outcomes that is right; the mean is the balanced accuracy."""
    return ((inside >= threshold).astype(float) + (outside < threshold)) / 2


if __name__ == "__main__":
    main()
