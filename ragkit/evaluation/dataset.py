"""Judged collections: questions, judgements, evidence, a checksum, and a corpus that is streamed.

    FOLDER/corpus.jsonl[.gz]     {"_id", "title"?, "text", "metadata"?}
    FOLDER/queries.jsonl[.gz]    {"_id", "text", "answers"?, "evidence"?, "answerable"?, "history"?, ...}
    FOLDER/qrels/SPLIT.tsv[.gz]  query-id, corpus-id, score, under a header
    FOLDER/answers.jsonl[.gz]    {"_id", "answers"?, "evidence"?, ...}, optional: what is known of the answers

The layout is that of Thakur et al., "BEIR", NeurIPS 2021 (https://github.com/beir-cellar/beir). `evidence` is
a list of `{"document", "quote"}` or `{"document", "start", "end"}`, with a `hop` where several are needed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ragkit.errors import EvalError, did_you_mean
from ragkit.evaluation.corpus import Corpus, CorpusRow, LineCorpus, file_digest
from ragkit.evaluation.evidence import misplaced
from ragkit.evaluation.qrels import Qrels, read_beir_qrels
from ragkit.evaluation.question import Evidence, Question
from ragkit.evaluation.question_rows import StatedQuestion, add_answers, read_questions
from ragkit.evaluation.rows import Problems
from ragkit.evaluation.texts import CorpusTexts
from ragkit.types import Document

__all__ = ["CorpusRow", "Dataset", "Evidence", "Question", "load_dataset"]

# The nearest of so many documents is looked for, for so many unknown ones.
_NEAREST_OF, _NEAREST_FOR = 10_000, 20


@dataclass(frozen=True, slots=True)
class Dataset:
    """A judged collection, made by `load_dataset`, `load_questions` or a manifest. The corpus stays on disk.

    Args:
        name: the folder's name, or the manifest's.
        folder: where it lies.
        split: the name of the judgements.
        questions: all queries by id, in the file's order; some may have no judgement.
        qrels: grades by query id, then document id; every query of it is one of `questions`.
        source: the documents; by default `corpus.jsonl` of the folder.
        files: what beside the documents counts for the checksum; None for an optional one that is not there.
            Without any, questions and judgements themselves do.
        subset: what was chosen of the files' questions; it counts for the checksum too.

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
    source: Corpus | None = field(default=None, kw_only=True, repr=False)
    files: tuple[Path | None, ...] = field(default=(), kw_only=True, repr=False)
    subset: str = field(default="", kw_only=True)

    @property
    def judged(self) -> dict[str, Question]:
        """The queries that have judgements, in the file's order."""
        return {id_: question for id_, question in self.questions.items() if id_ in self.qrels}

    @property
    def asked(self) -> dict[str, Question]:
        """The queries to ask, in the file's order: those that are judged and those that cannot be answered,
        which no document can be judged for."""
        return {
            id_: question
            for id_, question in self.questions.items()
            if id_ in self.qrels or question.is_answerable is False
        }

    def sample(self, n: int) -> Dataset:
        """The same collection with `n` of the queries that are `asked`, evenly spread; all if there are
        fewer, or if `n` is 0."""
        asked = list(self.asked.items())
        if 0 < n < len(asked):
            asked = [asked[len(asked) * i // n] for i in range(n)]
        return self._of(dict(asked))

    def where(self, holds: Callable[[Question], bool], *, subset: str) -> Dataset:
        """The same collection with the questions for which `holds` is true; `subset` says which these are.

        Raises:
            EvalError: there is none.
        """
        chosen = {id_: question for id_, question in self.questions.items() if holds(question)}
        if not chosen:
            raise EvalError(f"dataset {self.name!r}: no question is {subset}")
        parts = [part for part in (self.subset, subset) if part]
        return replace(self._of(chosen), subset="; ".join(parts))

    def corpus(self) -> Iterator[CorpusRow]:
        """The rows of the corpus, one at a time; of the rows only the ids stay in memory.

        Raises:
            EvalError: a row is malformed or repeats an id. What was given before it was sound.
        """
        yield from self.corpus_source.rows()

    def documents(self) -> Iterator[Document]:
        """The corpus as `RAG.ingest` takes it.

        Raises:
            EvalError: as for `corpus`.
        """
        yield from self.corpus_source.documents()

    def texts(self) -> CorpusTexts:
        """The documents' canonical texts by id, which spans count in.

        Raises:
            EvalError: as for `corpus`.
        """
        return self.corpus_source.texts()

    def check(self) -> int:
        """Reads the whole corpus; gives the number of its documents.

        Raises:
            EvalError: every malformed row, repeated id, judgement of a document that does not exist, and
                evidence that does not stand where it is said to.
        """
        source, problems = self.corpus_source, Problems()
        seen = {row.id for row in source.rows(problems)}
        unknown = [(query, id_) for query, grades in self.qrels.items() for id_ in grades if id_ not in seen]
        # To look for the nearest takes a while in a large corpus, and tells nothing new of the hundredth.
        is_short = len(seen) <= _NEAREST_OF and len(unknown) <= _NEAREST_FOR
        for query, id_ in unknown:
            mend = did_you_mean(id_, seen).replace(" Did", ". Did", 1) if is_short else ""
            problems.found.append(
                f"{self._judgements}: query {query!r} judges {id_!r}, which is not in {source.name}{mend}"
            )
        problems.settle()
        # The texts are made only where something is looked up: for a large corpus that is another reading.
        problems.found += [
            f"{self.name}: query {question.id!r}: {problem}"
            for question in self.questions.values()
            if question.evidence
            for problem in misplaced(question.evidence, source.texts())
        ]
        problems.settle()
        return len(seen)

    def checksum(self) -> str:
        """SHA-256 over the unpacked content of all files of this split: equal data has an equal sum.

        Neither the folder's name nor whether a file is packed counts.
        """
        total = hashlib.sha256(self.corpus_source.digest())
        for path in self.files:
            total.update(file_digest(path) if path else bytes(32))
        if not self.files:
            total.update(self._stated().encode("utf-8", "surrogatepass"))
        if self.subset:
            total.update(self.subset.encode())
        return total.hexdigest()

    @property
    def corpus_source(self) -> Corpus:
        """Where the documents come from.

        Raises:
            EvalError: the folder has no corpus.
        """
        return self.source or LineCorpus(present(self.folder, "corpus.jsonl"))

    def _of(self, chosen: dict[str, Question]) -> Dataset:
        qrels = {id_: grades for id_, grades in self.qrels.items() if id_ in chosen}
        return replace(self, questions=chosen, qrels=qrels)

    @property
    def _judgements(self) -> str:
        return str(next((path for path in self.files if path and path.suffixes[:1] == [".tsv"]), self.name))

    def _stated(self) -> str:
        questions = [
            [
                q.id,
                q.text,
                q.answers,
                q.is_answerable,
                [[e.document_id, str(e.span), e.hop] for e in q.evidence],
            ]
            for q in self.questions.values()
        ]
        stated = [questions, {query: dict(grades) for query, grades in self.qrels.items()}]
        beside = {
            q.id: [[[turn.role, turn.text] for turn in q.history], dict(q.metadata)]
            for q in self.questions.values()
            if q.history or q.metadata
        }
        return json.dumps([*stated, beside] if beside else stated, sort_keys=bool(beside), default=repr)


def _place(one: Evidence) -> list[str | int]:
    return [one.document_id, one.span.start, one.span.end, one.hop]


def load_dataset(
    folder: str | Path, *, split: str = "test", corpus: str | Path | None = None, name: str | None = None
) -> Dataset:
    """Reads the questions and judgements of a folder in BEIR layout; the corpus only when asked for.

    Args:
        folder: with `corpus.jsonl`, `queries.jsonl` and `qrels/`.
        split: which judgements.
        corpus: another folder to take `corpus.jsonl` from, such as that of another language.
        name: what to call it; else the folder's name.

    Raises:
        EvalError: a file is missing, rows are malformed: all of these, by file and line; or a quote does not
            stand in its document.
    """
    folder = Path(folder)
    corpus_path = present(folder if corpus is None else Path(corpus), "corpus.jsonl")
    queries, qrels_path = present(folder, "queries.jsonl"), _qrels_path(folder, split)
    answers = find(folder, "answers.jsonl")
    problems, stated, qrels = Problems(), dict[str, StatedQuestion](), dict[str, dict[str, int]]()
    with problems.gathered():
        stated = read_questions(queries)
    with problems.gathered():
        qrels = read_beir_qrels(qrels_path)
    if answers is not None and stated:
        with problems.gathered():
            add_answers(answers, stated)
    if stated:
        problems.found += unknown_queries(qrels, stated, qrels_path, queries)
    problems.settle()
    if not qrels:
        raise EvalError(f"{qrels_path}: holds no judgement")
    source = LineCorpus(corpus_path)
    return Dataset(
        name or folder.resolve().name,
        folder=folder,
        split=split,
        questions=with_evidence(stated, source),
        qrels=qrels,
        source=source,
        files=(queries, answers, qrels_path),
    )


def with_evidence(stated: Mapping[str, StatedQuestion], source: Corpus) -> dict[str, Question]:
    """The questions with their evidence, for which quotes are looked up in the documents.

    Raises:
        EvalError: quotes that are not there, or more than once: all of them; or the corpus is malformed.
    """
    problems, questions = Problems(), dict[str, Question]()
    for id_, one in stated.items():
        evidence = list[Evidence]()
        for place in one.places:
            with problems.gathered():
                evidence.append(place.found(lambda document: source.texts().document(document)))
        questions[id_] = replace(one.question, evidence=tuple(evidence)) if evidence else one.question
    problems.settle()
    return questions


def unknown_queries(qrels: Qrels, known: Mapping[str, object], path: Path, queries: Path) -> list[str]:
    """What to say of judgements of queries that do not exist."""
    return [
        f"{path}: query {query!r} is judged, and {queries.name.removesuffix('.gz')} does not have it"
        for query in qrels
        if query not in known
    ]


def find(folder: Path, name: str) -> Path | None:
    """The file, plain or packed; None if there is neither.

    Raises:
        EvalError: there are both.
    """
    plain, packed = folder / name, folder / f"{name}.gz"
    if plain.exists() and packed.exists():
        raise EvalError(f"{folder}: holds both {name} and {name}.gz. Remove one")
    return next((path for path in (plain, packed) if path.exists()), None)


def present(folder: Path, name: str) -> Path:
    """The file, plain or packed.

    Raises:
        EvalError: there is none.
    """
    if not folder.is_dir():
        raise EvalError(f"{folder}: no such folder. Expected one with corpus.jsonl, queries.jsonl and qrels/")
    path = find(folder, name)
    if path is None:
        raise EvalError(f"{folder}: has no {name} (or {name}.gz). Expected the BEIR layout")
    return path


def _qrels_path(folder: Path, split: str) -> Path:
    path = find(folder / "qrels", f"{split}.tsv")
    if path is None:
        splits = sorted({found.name.partition(".tsv")[0] for found in (folder / "qrels").glob("*.tsv*")})
        known = f"There is: {', '.join(splits)}" if splits else "There is none"
        raise EvalError(f"{folder}: has no qrels/{split}.tsv.{did_you_mean(split, splits)} {known}")
    return path
