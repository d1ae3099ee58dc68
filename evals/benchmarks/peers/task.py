"""What every library is given, in files: passages, questions, the vectors of both, and what to do with them.

Nothing here needs more than numpy, for it is read in environments that hold no ragkit.

    TASK/task.json        name, language, depth, model (the folder of the embedding model)
    TASK/passages.jsonl   {"id", "text", "shelf"}
    TASK/questions.jsonl  {"id", "text"}
    TASK/vectors.npz      passages and questions, float32, in the order of the files
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Passage:
    """A document of the corpus, searched as a whole; `shelf` is what filters ask for."""

    id: str
    text: str = field(kw_only=True)
    shelf: str = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the dataset."""

    id: str
    text: str = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Task:
    """One dataset for every library.

    Args:
        name: the dataset's.
        language: ISO 639-1, for libraries that can be told.
        depth: how many candidates each retriever gives, and how many the fused ranking has.
        model: the folder of the embedding model.
        passages, questions: in the corpus' order.
        passage_vectors, question_vectors: what ragkit's embedder gives for them.
    """

    name: str
    language: str = field(kw_only=True)
    depth: int = field(kw_only=True)
    model: Path = field(kw_only=True)
    passages: Sequence[Passage] = field(kw_only=True, repr=False)
    questions: Sequence[Asked] = field(kw_only=True, repr=False)
    passage_vectors: Vectors = field(kw_only=True, repr=False)
    question_vectors: Vectors = field(kw_only=True, repr=False)


def write_task(task: Task, folder: Path) -> None:
    """Writes the files of a task."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {"name": task.name, "language": task.language, "depth": task.depth, "model": str(task.model)}
    (folder / "task.json").write_text(json.dumps(about), encoding="utf-8")
    _write_lines(folder / "passages.jsonl", (asdict(passage) for passage in task.passages))
    _write_lines(folder / "questions.jsonl", (asdict(question) for question in task.questions))
    np.savez(folder / "vectors.npz", passages=task.passage_vectors, questions=task.question_vectors)


def read_task(folder: Path) -> Task:
    """The task of a folder."""
    about = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    with np.load(folder / "vectors.npz", allow_pickle=False) as vectors:
        passage_vectors, question_vectors = vectors["passages"], vectors["questions"]
    return Task(
        about["name"],
        language=about["language"],
        depth=about["depth"],
        model=Path(about["model"]),
        passages=[Passage(**row) for row in _lines(folder / "passages.jsonl")],
        questions=[Asked(**row) for row in _lines(folder / "questions.jsonl")],
        passage_vectors=passage_vectors,
        question_vectors=question_vectors,
    )


def digest_of(folder: Path) -> str:
    """Changes with anything that a library is given."""
    digest = hashlib.sha256()
    for name in ("task.json", "passages.jsonl", "questions.jsonl"):
        digest.update((folder / name).read_bytes())
    with np.load(folder / "vectors.npz", allow_pickle=False) as vectors:
        for name in ("passages", "questions"):
            digest.update(vectors[name].tobytes())
    return digest.hexdigest()[:16]


def _write_lines(path: Path, rows: Iterable[object]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def _lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]
