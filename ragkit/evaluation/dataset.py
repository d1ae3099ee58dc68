"""Judged collections in BEIR layout: a corpus that is streamed, questions, judgements, a checksum.

    FOLDER/corpus.jsonl[.gz]     {"_id", "title"?, "text", "metadata"?}
    FOLDER/queries.jsonl[.gz]    {"_id", "text", "answers"?, "metadata"?}
    FOLDER/qrels/SPLIT.tsv[.gz]  query-id, corpus-id, score, under a header
    FOLDER/answers.jsonl[.gz]    {"_id", "answers"?, ...}, optional: what is known of a question's answer

The layout is that of Thakur et al., "BEIR", NeurIPS 2021 (https://github.com/beir-cellar/beir).
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ragkit.errors import EvalError, did_you_mean
from ragkit.evaluation.qrels import Qrels, read_beir_qrels
from ragkit.evaluation.rows import Problems, id_of, numbered_lines, object_of, open_bytes, shortened
from ragkit.types import Document, Span, Turn

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Evidence:
    """A place in a document that proves the answer to a question, or a part of it.

    Args:
        document_id: the document.
        span: in characters of the canonical text, which is `CorpusRow.document().text`.
        hop: places of the same hop are alternatives; a question needs one place of each of its hops.

    >>> Evidence("a.md", span=Span(10, 25)).hop
    1
    """

    document_id: str
    span: Span = field(kw_only=True)
    hop: int = field(default=1, kw_only=True)


@dataclass(frozen=True, slots=True)
class Question:
    """A query of a dataset.

    Args:
        id: unique in its dataset.
        text: as it is asked.
        answers: the accepted ones, each a variant of one right answer; empty where none is known.
        evidence: the places that prove it; empty where none is known.
        is_answerable: False where the right answer is to abstain; None where the dataset does not say.
        history: earlier turns of the conversation that it belongs to.
        metadata: what else the dataset says of it, from its row and from `answers.jsonl`.

    >>> Question("q1", "How long is the warranty?", answers=("two years",)).answers
    ('two years',)
    """

    id: str
    text: str
    answers: tuple[str, ...] = field(default=(), kw_only=True)
    evidence: tuple[Evidence, ...] = field(default=(), kw_only=True)
    is_answerable: bool | None = field(default=None, kw_only=True)
    history: tuple[Turn, ...] = field(default=(), kw_only=True)
    metadata: Mapping[str, Any] = field(default_factory=lambda: _NOTHING, kw_only=True)


@dataclass(frozen=True, slots=True)
class CorpusRow:
    """A document as the corpus states it.

    >>> CorpusRow("d1", title="Warranty", text="It lasts two years.").document().text
    'Warranty\\n\\nIt lasts two years.'
    """

    id: str
    title: str = field(kw_only=True)
    text: str = field(kw_only=True)
    metadata: Mapping[str, Any] = field(default_factory=lambda: _NOTHING, kw_only=True)

    def document(self) -> Document:
        """What is ingested: title, blank line, text; the metadata stays behind."""
        text = f"{self.title}\n\n{self.text}" if self.title else self.text
        return Document(self.id, text, uri=self.id)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A judged collection, made by `load_dataset`. The corpus stays on disk.

    Args:
        name: the folder's name.
        folder: where it lies.
        split: the name of the judgements.
        questions: all queries by id, in the file's order; some may have no judgement.
        qrels: grades by query id, then document id; every query of it is one of `questions`.

    >>> asked = {"q1": Question("q1", "How long is it?"), "q2": Question("q2", "Whose is it?")}
    >>> data = Dataset("mine", folder=Path("mine"), split="test", questions=asked, qrels={"q1": {"d1": 1}})
    >>> list(data.judged)
    ['q1']
    """

    name: str
    folder: Path = field(kw_only=True)
    split: str = field(kw_only=True)
    questions: Mapping[str, Question] = field(kw_only=True, repr=False)
    qrels: Qrels = field(kw_only=True, repr=False)

    @property
    def judged(self) -> dict[str, Question]:
        """The queries that have judgements, in the file's order."""
        return {id_: question for id_, question in self.questions.items() if id_ in self.qrels}

    def sample(self, n: int) -> Dataset:
        """The same collection with about `n` of its judged queries, evenly spread; all if there are fewer."""
        judged = list(self.judged.items())
        taken = dict(judged[:: max(1, len(judged) // n)]) if n > 0 else dict(judged)
        return replace(self, questions=taken, qrels={id_: self.qrels[id_] for id_ in taken})

    def corpus(self) -> Iterator[CorpusRow]:
        """The rows of the corpus, one at a time; of the rows only the ids stay in memory.

        Raises:
            EvalError: a row is malformed or repeats an id. What was given before it was sound.
        """
        path = _present(self.folder, "corpus.jsonl")
        seen: set[str] = set()
        for number, line in numbered_lines(path):
            row = _new_row(line, f"{path}:{number}", seen)
            seen.add(row.id)
            yield row

    def documents(self) -> Iterator[Document]:
        """The corpus as `RAG.ingest` takes it.

        Raises:
            EvalError: as for `corpus`.
        """
        return (row.document() for row in self.corpus())

    def check(self) -> int:
        """Reads the whole corpus; gives the number of its documents.

        Raises:
            EvalError: every malformed row, repeated id and judgement of a document that does not exist.
        """
        path, problems = _present(self.folder, "corpus.jsonl"), Problems()
        seen: set[str] = set()
        with problems.gathered():
            for number, line in numbered_lines(path):
                with problems.gathered():
                    seen.add(_new_row(line, f"{path}:{number}", seen).id)
        problems.found += [
            f"{_qrels_path(self.folder, self.split)}: query {query!r} judges {document!r}, which is not in "
            f"{path.name}"
            for query, grades in self.qrels.items()
            for document in grades
            if document not in seen
        ]
        problems.settle()
        return len(seen)

    def checksum(self) -> str:
        """SHA-256 over the unpacked content of all files of this split: equal data has an equal sum.

        Neither the folder's name nor whether a file is packed counts.
        """
        total = hashlib.sha256()
        paths = [_find(self.folder, name) for name in ("corpus.jsonl", "queries.jsonl", "answers.jsonl")]
        for path in (*paths, _qrels_path(self.folder, self.split)):
            total.update(_digest(path) if path else bytes(32))
        return total.hexdigest()


def load_dataset(folder: str | Path, *, split: str = "test") -> Dataset:
    """Reads the questions and judgements of a folder in BEIR layout; the corpus only when asked for.

    Raises:
        EvalError: a file is missing, or rows are malformed: all of these, by file and line.
    """
    folder, problems = Path(folder), Problems()
    if not folder.is_dir():
        raise EvalError(f"{folder}: no such folder. Expected one with corpus.jsonl, queries.jsonl and qrels/")
    _present(folder, "corpus.jsonl")
    qrels_path = _qrels_path(folder, split)
    questions: dict[str, Question] = {}
    qrels: dict[str, dict[str, int]] = {}
    with problems.gathered():
        questions = _questions(_present(folder, "queries.jsonl"))
    with problems.gathered():
        qrels = read_beir_qrels(qrels_path)
    answers = _find(folder, "answers.jsonl")
    if answers is not None and questions:
        with problems.gathered():
            _add_answers(answers, questions)
    if questions:
        problems.found += [
            f"{qrels_path}: query {query!r} is judged, and queries.jsonl does not have it"
            for query in qrels
            if query not in questions
        ]
    problems.settle()
    if not qrels:
        raise EvalError(f"{qrels_path}: holds no judgement")
    return Dataset(folder.resolve().name, folder=folder, split=split, questions=questions, qrels=qrels)


def _questions(path: Path) -> dict[str, Question]:
    problems, questions = Problems(), dict[str, Question]()
    with problems.gathered():
        for number, line in numbered_lines(path):
            with problems.gathered():
                where = f"{path}:{number}"
                row = object_of(line, where)
                id_ = id_of(row.get("_id"), where, "_id")
                if id_ in questions:
                    raise EvalError(f"{where}: the id {id_!r} was there before: ids are unique")
                text = _text(row, "text", where)
                if not text.strip():
                    raise EvalError(f"{where}: text: the question is blank")
                questions[id_] = Question(
                    id_, text, answers=_answers(row, where), metadata=_metadata(row, where)
                )
    problems.settle()
    if not questions:
        raise EvalError(f"{path}: holds no question")
    return questions


def _add_answers(path: Path, questions: dict[str, Question]) -> None:
    problems, seen = Problems(), set[str]()
    with problems.gathered():
        for number, line in numbered_lines(path):
            with problems.gathered():
                where = f"{path}:{number}"
                row = object_of(line, where)
                id_ = id_of(row.get("_id"), where, "_id")
                if id_ in seen or id_ not in questions:
                    reason = "was there before" if id_ in seen else "is not in queries.jsonl"
                    raise EvalError(f"{where}: the id {id_!r} {reason}")
                seen.add(id_)
                question = questions[id_]
                rest = {key: value for key, value in row.items() if key not in ("_id", "answers")}
                questions[id_] = replace(
                    question,
                    answers=_answers(row, where) if "answers" in row else question.answers,
                    metadata={**question.metadata, **rest},
                )
    problems.settle()


def _new_row(line: bytes, where: str, seen: set[str]) -> CorpusRow:
    row = object_of(line, where)
    id_ = id_of(row.get("_id"), where, "_id")
    if id_ in seen:
        raise EvalError(f"{where}: the id {id_!r} was there before: ids are unique")
    title = "" if row.get("title") is None else _text(row, "title", where).strip()
    return CorpusRow(id_, title=title, text=_text(row, "text", where), metadata=_metadata(row, where))


def _text(row: Mapping[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        raise EvalError(f"{where}: {key}: expected a text, got {shortened(value)}")
    return value


def _answers(row: Mapping[str, Any], where: str) -> tuple[str, ...]:
    value = row.get("answers")
    answers = [] if value is None else value
    if not isinstance(answers, list) or not all(isinstance(answer, str) for answer in answers):
        raise EvalError(f"{where}: answers: expected a list of texts, got {shortened(value)}")
    return tuple(answers)


def _metadata(row: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    value = row.get("metadata")
    if value is not None and not isinstance(value, dict):
        raise EvalError(f"{where}: metadata: expected an object, got {shortened(value)}")
    return value or _NOTHING


def _find(folder: Path, name: str) -> Path | None:
    """The file, plain or packed; None if there is neither."""
    plain, packed = folder / name, folder / f"{name}.gz"
    if plain.exists() and packed.exists():
        raise EvalError(f"{folder}: holds both {name} and {name}.gz. Remove one")
    return next((path for path in (plain, packed) if path.exists()), None)


def _present(folder: Path, name: str) -> Path:
    path = _find(folder, name)
    if path is None:
        raise EvalError(f"{folder}: has no {name} (or {name}.gz). Expected the BEIR layout")
    return path


def _qrels_path(folder: Path, split: str) -> Path:
    path = _find(folder / "qrels", f"{split}.tsv")
    if path is None:
        splits = sorted({found.name.partition(".tsv")[0] for found in (folder / "qrels").glob("*.tsv*")})
        known = f"There is: {', '.join(splits)}" if splits else "There is none"
        raise EvalError(f"{folder}: has no qrels/{split}.tsv.{did_you_mean(split, splits)} {known}")
    return path


def _digest(path: Path) -> bytes:
    try:
        with open_bytes(path) as content:
            return hashlib.file_digest(content, "sha256").digest()  # type: ignore[arg-type]
    except (EOFError, OSError, zlib.error) as e:
        raise EvalError(f"{path}: cannot be read: {e}") from e
