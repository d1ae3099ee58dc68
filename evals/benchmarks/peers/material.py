"""Tasks from the datasets that ragkit is evaluated on, and two small ones for start and order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evals.benchmarks.peers.task import Asked, Passage, Task, Vectors
from evals.benchmarks.peers.worker import RARE
from ragkit.evaluation.dataset import Dataset
from ragkit.evaluation.manifest import load_manifest, read_manifest
from ragkit.models.embedder import BUNDLED, OnnxEmbedder
from ragkit.protocols import TextKind

MANIFESTS = Path(__file__).parents[2] / "datasets"
SETS = ("scifact", "cranfield", "tatqa-dev", "hotpotqa-200", "mtrag-un-dev", "xquad-dev-en", "xquad-dev-ru")
DEPTH = 100
_EVERY = 10
"""One passage in so many stands on the rare shelf."""


@dataclass(frozen=True, slots=True)
class Set:
    """A dataset and its task."""

    data: Dataset
    task: Task


def load_set(name: str, data: Path, *, n_questions: int, vectors: Path) -> Set:
    """The dataset of a manifest; vectors are kept in `vectors` for the next time.

    Args:
        name: of the manifest.
        data: the folder that holds the datasets.
        n_questions: how many of the judged questions to ask, evenly spread; 0 for all.
        vectors: a folder.
    """
    manifest = MANIFESTS / f"{name}.yaml"
    dataset = load_manifest(manifest, data=data)
    judged = replace(dataset, questions=dataset.judged).sample(n_questions)
    (language, *_) = read_manifest(manifest).languages or ("en",)
    return Set(judged, task_of(judged, language, vectors))


def task_of(data: Dataset, language: str, vectors: Path) -> Task:
    """The task of a dataset: every document is a passage, every judged question is asked."""
    documents = [row.document() for row in data.corpus()]
    # Without blanks around them, which no library's chunks have.
    texts = [document.text.strip() for document in documents]
    questions = [Asked(id_, text=question.text) for id_, question in data.judged.items()]
    embedder = OnnxEmbedder(threads=1)
    return Task(
        data.name,
        language=language,
        depth=min(DEPTH, len(documents)),
        model=BUNDLED,
        passages=[
            Passage(document.id, text=text, shelf=shelf_of(document.id))
            for document, text in zip(documents, texts, strict=True)
        ],
        questions=questions,
        passage_vectors=_kept(embedder, texts, "passage", vectors),
        question_vectors=_kept(embedder, [question.text for question in questions], "query", vectors),
    )


def start_task() -> Task:
    """A few short passages: what is timed is the start of a program, not the work."""
    texts = [f"Shelf {n} holds the yearly reports of the department number {n * 7}." for n in range(20)]
    return _small("start", texts, "Where are the yearly reports of department 49?")


def order_task(*, is_reversed: bool) -> Task:
    """Forty passages of one text among others: their order is that of a tie."""
    texts = ["The pump is serviced every six months."] * 40
    task = _small(
        "order", [*texts, *(f"Page {n} is about something else." for n in range(20))], "pump serviced"
    )
    if not is_reversed:
        return task
    return replace(task, passages=task.passages[::-1], passage_vectors=task.passage_vectors[::-1].copy())


def shelf_of(id_: str) -> str:
    """The shelf of a passage, by its id alone."""
    return RARE if int(hashlib.sha256(id_.encode()).hexdigest(), 16) % _EVERY == 0 else "common"


def _small(name: str, texts: Sequence[str], question: str) -> Task:
    embedder = OnnxEmbedder(threads=1)
    passages = [Passage(f"p{n:02}", text=text, shelf=shelf_of(f"p{n:02}")) for n, text in enumerate(texts)]
    return Task(
        name,
        language="en",
        depth=10,
        model=BUNDLED,
        passages=passages,
        questions=[Asked("q", text=question)],
        passage_vectors=embedder.embed(texts, "passage"),
        question_vectors=embedder.embed([question], "query"),
    )


def _kept(embedder: OnnxEmbedder, texts: Sequence[str], kind: TextKind, folder: Path) -> Vectors:
    digest = hashlib.sha256("\0".join([embedder.fingerprint, kind, *texts]).encode("utf-8", "surrogatepass"))
    path = folder / f"{digest.hexdigest()[:16]}.npy"
    if path.exists():
        kept: Vectors = np.load(path, allow_pickle=False)
        return kept
    vectors = embedder.embed(texts, kind)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(path, vectors)
    return vectors
