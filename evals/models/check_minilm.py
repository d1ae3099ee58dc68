"""What the int8 conversion of all-MiniLM-L6-v2 costs in retrieval quality, against its fp32 form.

    python evals/models/convert_minilm.py SOURCE build/minilm-fp32 --precision fp32
    python evals/models/check_minilm.py --fp32 build/minilm-fp32 --data DATASET [--data DATASET ...]

A data set is a folder in BEIR layout: corpus.jsonl, queries.jsonl, qrels/test.tsv. Prints, per data set,
nDCG@10 of exact cosine search with each form, the number of queries, a 95% interval of the difference
(paired, over queries), and the cosine between the two forms' vectors. Exits 3 if a data set
loses more than `--allow`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import RagkitError
from ragkit.evaluation.dataset import Dataset, load_dataset
from ragkit.evaluation.run import Run
from ragkit.evaluation.scores import score
from ragkit.evaluation.stats import paired
from ragkit.models.embedder import BUNDLED, OnnxEmbedder

METRIC = "nDCG@10"
DEPTH = 10


def ndcg(data: Dataset, ids: list[str], similarity: NDArray[np.float32]) -> list[float]:
    """nDCG@10 of each judged query, in their order.

    Args:
        data: the queries and their judgements.
        ids: of the documents.
        similarity: shape `[queries, documents]`, in the order of `data.judged` and of `ids`.
    """
    # From the highest id on, so that a stable sort breaks ties as the measure does.
    order = np.argsort(np.array(ids))[::-1]
    rankings = {}
    for query, row in zip(data.judged, similarity[:, order], strict=True):
        top = np.argsort(-row, kind="stable")[:DEPTH]
        rankings[query] = {ids[order[i]]: float(row[i]) for i in top}
    return list(score(Run("exact", scores=rankings), data.qrels, [METRIC]).of(METRIC).values())


def compare(folder: Path, fp32: OnnxEmbedder, int8: OnnxEmbedder) -> float:
    """Prints the comparison on one data set and returns the loss of nDCG@10."""
    data = load_dataset(folder)
    texts = {row.id: f"{row.title} {row.text}".strip() for row in data.corpus()}
    questions = [question.text for question in data.judged.values()]
    exact, quantised = (model.embed(list(texts.values()), "passage") for model in (fp32, int8))
    before = ndcg(data, list(texts), fp32.embed(questions, "query") @ exact.T)
    after = ndcg(data, list(texts), int8.embed(questions, "query") @ quantised.T)
    change = paired(before, after)
    cosine = np.einsum("ij,ij->i", exact, quantised)
    print(
        f"{folder.name}: documents={len(texts)} {METRIC} fp32={np.mean(before):.4f} "
        f"int8={np.mean(after):.4f} change={change.mean:+.4f} ({change}) seed=0 "
        f"cosine mean={cosine.mean():.4f} min={cosine.min():.4f} checksum={data.checksum()[:12]}",
        flush=True,
    )
    return -change.mean


def main() -> None:
    """Command line: --fp32 FOLDER --data FOLDER... [--int8 FOLDER] [--allow LOSS]."""
    parser = argparse.ArgumentParser(description="Compare the int8 model with fp32 on retrieval.")
    parser.add_argument("--fp32", type=Path, required=True)
    parser.add_argument("--int8", type=Path, default=BUNDLED)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--allow", type=float, default=0.005)
    arguments = parser.parse_args()
    fp32, int8 = OnnxEmbedder(arguments.fp32), OnnxEmbedder(arguments.int8)
    print(f"{fp32.fingerprint} against {int8.fingerprint}")
    try:
        losses = [compare(folder, fp32, int8) for folder in arguments.data]
    except RagkitError as e:
        parser.exit(2, f"{e}\n")
    if max(losses) > arguments.allow:
        sys.exit(3)


if __name__ == "__main__":
    main()
