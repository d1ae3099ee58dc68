"""What a reranker changes, on questions that it was not trained on.

    python evals/models/reranker/table.py DATA MODEL [--questions 300] [--only FOLDER] [--indexes FOLDER]

For each set: BM25, dense, both fused, and the fused order reranked by the model of the folder MODEL; nDCG@10
with its interval, paired differences from the fused order, and the time of a question with and without it.
A model that is not the bundled one, such as a trained head, is compared with it too: `full` is the model's.
First the sets that training never saw, then questions kept apart from two sets that it did see or that the
blend was fitted on. With --indexes the indexes are kept there, and a second call does not build them again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from sets import collections

import ragkit
from ragkit.config.defaults import default_text
from ragkit.evaluation.compare import compare
from ragkit.evaluation.dataset import Dataset, load_dataset
from ragkit.evaluation.retrieval import latency, retrieved
from ragkit.evaluation.scores import score
from ragkit.models.bundled_reranker import BUNDLED_RERANKER

DEPTH = 20  # candidates
RETRIEVERS = ("hybrid", "full", "bm25", "dense")


def test_sets(data: Path) -> Iterator[Dataset]:
    """The sets that are only measured on (SQuAD and XQuAD: unseen articles), then two kept apart in part."""
    asked = [
        one
        for collection in collections(data)
        if collection.name in ("squad", "xquad", "hotpot", "tatqa")
        for one in collection.asked
    ]
    unseen = {one.id for one in asked if one.split == "test"}
    kept_apart = {one.id for one in asked if one.split == "fit"}
    yield load_dataset(data / "cranfield")
    yield load_dataset(data / "scifact")
    for folder in ("squad11-dev", "xquad-dev/en"):
        whole = load_dataset(data / folder)
        yield replace(whole, qrels={id_: grades for id_, grades in whole.qrels.items() if id_ in unseen})
    yield load_dataset(data / "mtrag-un-dev")
    yield load_dataset(data / "xquad-dev" / "ru")
    for folder in ("hotpotqa-200", "tatqa-dev"):
        whole = load_dataset(data / folder)
        yield replace(whole, qrels={id_: grades for id_, grades in whole.qrels.items() if id_ in kept_apart})


def main() -> None:
    """Command line: DATA MODEL [--questions N] [--only FOLDER]."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--questions", type=int, default=300, help="at most about so many of a set")
    parser.add_argument("--only", action="append", default=[], help="names of folders")
    parser.add_argument("--indexes", type=Path, help="folder to keep the indexes in")
    arguments = parser.parse_args()
    for data in test_sets(arguments.data):
        if not arguments.only or data.name in arguments.only:
            kept = arguments.indexes and arguments.indexes / data.folder.relative_to(arguments.data)
            with nullcontext(kept) if kept else tempfile.TemporaryDirectory() as folder:
                Path(folder).mkdir(parents=True, exist_ok=True)
                config = Path(folder) / "rag.yaml"
                config.write_text(reranking(arguments.model.resolve()), encoding="utf-8")
                is_bundled = arguments.model.resolve() == BUNDLED_RERANKER.resolve()
                with ragkit.load(config) as rag:
                    measure(
                        rag, data.sample(arguments.questions), None if is_bundled else Path(folder) / "index"
                    )


def reranking(model: Path) -> str:
    """The default configuration with the model of a folder as its reranker."""
    text, bundled = default_text(), "{use: rerank/bundled}"
    if bundled not in text:
        raise SystemExit(f"the default configuration has no {bundled!r} any more: mend this script")
    if model == BUNDLED_RERANKER.resolve():
        return text
    return text.replace(bundled, f"{{use: rerank/onnx, folder: {json.dumps(str(model))}}}", 1)


def measure(rag: ragkit.RAG, data: Dataset, index: Path | None) -> None:
    """Ingests one set and prints its table; of an `index` a second one, against the bundled model."""
    rag.ingest(data.documents(), progress=False)
    systems = []
    for name in RETRIEVERS:
        run = retrieved(rag, data.judged.values(), depth=DEPTH, retriever=name)  # type: ignore[arg-type]
        if name in ("hybrid", "full"):
            print(f"{name}: {latency(run)}")
        systems.append(score(run, data.qrels, ["nDCG@10", "RR@10"]))
    source = f"{data.folder.parent.name}/{data.name}, checksum {data.checksum()[:12]}"
    if index is not None:
        with ragkit.open(index) as other:
            run = retrieved(other, data.judged.values(), depth=DEPTH, name="bundled")
        systems.append(score(run, data.qrels, ["nDCG@10", "RR@10"]))
    print(f"\n{compare(systems, baseline='hybrid', source=source).markdown()}\n", flush=True)
    if index is not None:
        by_name = {one.name: one for one in systems}
        pair = [by_name["bundled"], by_name["full"]]
        print(f"{compare(pair, baseline='bundled', source=source).markdown()}\n", flush=True)


if __name__ == "__main__":
    main()
