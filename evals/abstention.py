"""Does the extractive answer know when to abstain? Fitted on half of the articles, reported on the rest.

    python evals/abstention.py DATA/squad11-dev

Each question is asked twice: over the whole collection, and with its own article filtered out, where the
right thing is to abstain. Articles are split in two by their order of title; `min_support` is the value with
the best balanced accuracy on the first half, and is reported once on the second.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

import ragkit
from ragkit.evaluation.dataset import load_dataset
from ragkit.generate.extractive import ExtractiveGenerate


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
    fitted_on = set(sorted(set(titles))[::2])
    fit = np.array([title in fitted_on for title in titles])
    thresholds = np.round(np.arange(0.05, 0.95, 0.01), 2)
    accuracy = [balanced(inside[fit], outside[fit], t) for t in thresholds]
    best = float(thresholds[int(np.argmax(accuracy))])
    print(f"fitted on {fit.sum()} questions of {len(fitted_on)} articles: min_support {best:.2f}")
    for threshold in (best, ExtractiveGenerate().config.min_support):
        answered = (inside[~fit] >= threshold).mean()
        abstained = (outside[~fit] < threshold).mean()
        print(
            f"min_support {threshold:.2f} on {(~fit).sum()} questions of others: answered {answered:.3f} "
            f"of the answerable, abstained on {abstained:.3f} of the unanswerable, "
            f"balanced accuracy {balanced(inside[~fit], outside[~fit], threshold):.3f}"
        )


def support(rag: ragkit.RAG, question: str, without: str | None) -> float:
    """The support of the best sentence, with one article out of reach."""
    answer = rag.ask(question, filter=None if without is None else {"article": {"ne": without}})
    facts = [node["facts"] for node in rag.trace(answer.trace_id)["nodes"]]
    return float(next((fact["support"] for fact in facts if "support" in fact), 0.0))


def balanced(inside: np.ndarray, outside: np.ndarray, threshold: float) -> float:
    """Mean of the share answered where there is an answer and the share abstained where there is none."""
    return float(((inside >= threshold).mean() + (outside < threshold).mean()) / 2)


if __name__ == "__main__":
    main()
