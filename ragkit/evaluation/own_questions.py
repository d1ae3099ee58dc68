"""A dataset of one's own: a file of questions over a folder of documents, or over a `corpus.jsonl`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ragkit.errors import EvalError
from ragkit.evaluation.corpus import Corpus, LineCorpus
from ragkit.evaluation.dataset import Dataset, unknown_queries, with_evidence
from ragkit.evaluation.folder_corpus import FolderCorpus
from ragkit.evaluation.qrels import read_beir_qrels
from ragkit.evaluation.question_rows import StatedQuestion, read_questions
from ragkit.evaluation.rows import Problems, numbered_lines, text_of
from ragkit.evaluation.topics import read_topics
from ragkit.evaluation.trec import read_qrels


def load_questions(
    questions: str | Path,
    documents: str | Path,
    *,
    qrels: str | Path | None = None,
    without: Collection[str] = (),
    name: str | None = None,
) -> Dataset:
    """Reads a file of questions over documents of one's own.

    A line is `{"text", "answers"?, "documents"?, "evidence"?, "answerable"?, "_id"?}`. A question that says
    neither which documents answer it nor where is judged by the places of its evidence; ids default to
    `line-N`.

    Args:
        questions: JSON Lines, plain or packed, or TREC topics (`.txt`, `.xml`, `.topics`, `.tsv`).
        documents: a folder of files of any format that can be ingested, or a `corpus.jsonl`.
        qrels: judgements in a file of their own, BEIR's table or TREC's; then those of the lines do not
            count.
        without: ids of documents in the folder that do not belong to the set.
        name: what to call it; else the name of the questions' file.

    Raises:
        EvalError: a file is missing, rows are malformed, quotes are not found, nothing is judged.

    Example:
        data = load_questions("questions.jsonl", "docs")
    """
    questions, documents = Path(questions), Path(documents)
    if documents.is_file() and without:
        raise EvalError(f"{documents}: documents can be left out of a folder, not of a corpus file")
    source: Corpus = (
        LineCorpus(documents) if documents.is_file() else FolderCorpus(documents, without=without)
    )
    stated = _stated(questions)
    read = with_evidence(stated, source)
    if qrels is None:
        judged = {id_: grades for id_, one in stated.items() if (grades := _grades(one))}
    else:
        judged = read_judgements(Path(qrels))
        problems = Problems()
        problems.found += unknown_queries(judged, stated, Path(qrels), questions)
        problems.settle()
    data = Dataset(
        name or questions.name.partition(".")[0],
        folder=questions.parent,
        split="test",
        questions=read,
        qrels=judged,
        source=source,
        files=(questions, Path(qrels) if qrels else None),
    )
    if not data.asked:
        raise EvalError(
            f"{questions}: says of no question which documents answer it. Add to its lines "
            '"documents": ["guide/a.md"] or "evidence": [{"document", "quote"}]'
        )
    return data


def _stated(questions: Path) -> dict[str, StatedQuestion]:
    plain = questions.name.removesuffix(".gz")
    if plain.endswith((".txt", ".xml", ".topics", ".tsv")):
        return {id_: StatedQuestion(topic) for id_, topic in read_topics(questions).items()}
    return read_questions(questions, needs_ids=False)


def read_judgements(path: Path) -> dict[str, dict[str, int]]:
    """Judgements in either form: three columns parted by tabs (BEIR), or four parted by blanks (TREC).

    Raises:
        EvalError: as `read_beir_qrels` and `read_qrels` say.
    """
    first = next((text_of(line, f"{path}:{number}") for number, line in numbered_lines(path)), "")
    return read_beir_qrels(path) if len(first.split("\t")) == 3 else read_qrels(path)


def _grades(one: StatedQuestion) -> dict[str, int]:
    """By document: as the line says; else 1 for each that holds evidence."""
    return dict(one.grades) or dict.fromkeys((place.document_id for place in one.places), 1)
