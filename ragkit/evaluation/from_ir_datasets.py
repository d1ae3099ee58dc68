"""A dataset of the package ir_datasets, through its connector."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ragkit.errors import EvalError
from ragkit.evaluation.corpus import CorpusRow, MadeCorpus
from ragkit.evaluation.dataset import Dataset, Question
from ragkit.evaluation.qrels import add_judgement
from ragkit.evaluation.rows import Problems
from ragkit.registry import load


def load_ir_dataset(source: object, *, name: str | None = None) -> Dataset:
    """Opens a collection of ir_datasets; its documents are read from it whenever they are needed.

    Args:
        source: an id, `beir/scifact/test`, or a dataset made with that package's own classes.
        name: what to call it; else the id.

    Raises:
        MissingExtraError: the package is not installed.
        EvalError: there is no such id, a part is missing, ids or judgements are malformed.

    Example:
        data = load_ir_dataset("beir/scifact/test")
    """
    name = name or str(source)
    found = load("dataset/ir-datasets")(source)
    problems, questions = Problems(), dict[str, Question]()
    qrels: dict[str, dict[str, int]] = {}
    for id_, text in found.queries():
        questions.setdefault(id_, Question(id_, text))
    for query, document, grade in found.judgements():
        with problems.gathered():
            # As everywhere: a pair that is judged twice alike, in several rounds of pooling, is one.
            if qrels.get(query, {}).get(document) != grade:
                add_judgement(qrels, query, document, str(grade), name)
    problems.settle()
    # Pools name queries that were dropped later; nothing can be asked of them.
    qrels = {query: grades for query, grades in qrels.items() if query in questions}
    if not qrels:
        raise EvalError(f"{name}: holds no judgement of its {len(questions):,} queries")

    def rows() -> Iterator[CorpusRow]:
        return (CorpusRow(id_, title=title, text=text) for id_, title, text in found.documents())

    return Dataset(
        name,
        folder=Path(),
        split="test",
        questions=questions,
        qrels=qrels,
        source=MadeCorpus(name, rows),
    )
