"""An evaluation set from documents: drafts, sifted, chosen evenly, divided by document into dev and test."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from ragkit.errors import EvalError
from ragkit.evaluation.questions.draft import Draft
from ragkit.evaluation.questions.kinds import KINDS, MOST, drafts
from ragkit.evaluation.questions.material import Material
from ragkit.evaluation.questions.sift import Sifted, sifted, without_twins
from ragkit.types import Document

LEAST_DOCUMENTS = 4
_HOLD_OUT_FROM = 10  # documents; of fewer none can be spared
_HELD_OUT = 0.1  # of the documents at most
# Of a question's words by idf. How to do something is told in other words as well: less is enough.
_NEARLY_ALL = {"howto": 0.6, "faq": 0.65}
# What something is shows in how others use it, and what needs its title before it is asked of others too.
_ANYWHERE = re.compile(r"(?:What (?:is|are|does)|Что (?:такое|означает|значит))\b|.+: ")
_NUMBERS = frozenset({"number", "date", "version"})
_NOTHING: Mapping[str, Sequence[Draft]] = MappingProxyType({})
_REFUSABLE = _NUMBERS | {"llm", "faq", "howto"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to make.

    Args:
        n: how many questions, those that cannot be answered included.
        seed: of every choice.
        unanswerable: the share of questions whose document is left out of the set; 0 for none.
        dev: the share of documents whose questions are for development.
        kinds: which of `KINDS` to make.

    >>> Wanted(n=50).unanswerable
    0.1
    """

    n: int = 200
    seed: int = field(default=0, kw_only=True)
    unanswerable: float = field(default=0.1, kw_only=True)
    dev: float = field(default=0.5, kw_only=True)
    kinds: tuple[str, ...] = field(default=tuple(KINDS), kw_only=True)

    def __post_init__(self) -> None:
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown:
            raise EvalError(f"kinds: {', '.join(unknown)}: no such kind. There are: {', '.join(KINDS)}")
        if self.n < 1:
            raise EvalError(f"n={self.n}: expected 1 question or more")
        if self.seed < 0:
            raise EvalError(f"seed={self.seed}: expected 0 or more")
        if not 0 <= self.unanswerable <= 0.5:
            raise EvalError(f"unanswerable={self.unanswerable}: expected a share from 0 to 0.5")
        if not 0 < self.dev < 1:
            raise EvalError(f"dev={self.dev}: expected a share between 0 and 1")


@dataclass(frozen=True, slots=True)
class MadeQuestion:
    """A question of the set."""

    id: str
    draft: Draft = field(kw_only=True)
    split: str = field(kw_only=True)
    is_answerable: bool = field(kw_only=True)
    bm25_rank: int = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class MadeSet:
    """The questions with the documents that they are asked of.

    Args:
        questions: dev before test, in the order they were chosen.
        held_out: ids of documents that do not belong to the set's corpus, so that nothing answers the
            questions that were made of them.
        drafted: how many drafts there were of each kind.
        languages: how many documents there are in each language.
    """

    questions: tuple[MadeQuestion, ...]
    held_out: tuple[str, ...] = field(kw_only=True)
    drafted: Mapping[str, int] = field(kw_only=True)
    languages: Mapping[str, int] = field(kw_only=True)

    @property
    def kinds(self) -> dict[str, int]:
        """How many answerable questions there are of each kind."""
        counts = Counter(one.draft.kind for one in self.questions if one.is_answerable)
        return {kind: counts[kind] for kind in KINDS if counts[kind]}

    @property
    def bm25_first(self) -> float:
        """The share of answerable questions whose document BM25 finds first: how easy the set is."""
        ranks = [one.bm25_rank for one in self.questions if one.is_answerable]
        return sum(rank == 1 for rank in ranks) / len(ranks) if ranks else 0.0


def make_questions(
    documents: Sequence[Document],
    wanted: Wanted,
    *,
    written: Mapping[str, Sequence[Draft]] = _NOTHING,
    step: Callable[[], None] = lambda: None,
) -> MadeSet:
    """Makes an evaluation set of documents. Equal input gives an equal set.

    Args:
        documents: parsed; their ids are unique.
        wanted: how many of what.
        written: by document id, what a language model has written of it; it is sifted with the rest.
        step: told of each document, twice.

    Raises:
        EvalError: there are too few documents, or no rule finds a question in them.
    """
    documents = sorted(documents, key=lambda document: document.id)
    if len(documents) < LEAST_DOCUMENTS:
        raise EvalError(
            f"{len(documents)} documents: expected {LEAST_DOCUMENTS} or more, so that one can be told from "
            "others"
        )
    material = Material(documents, step)
    by_document: dict[str, list[Draft]] = {}
    for document in documents:
        ruled = drafts(document, material, wanted.seed)
        made = [one for one in [*written.get(document.id, ()), *ruled] if one.kind in wanted.kinds]
        by_document[document.id] = made
        step()
    refusable = _refused(by_document, material, wanted)
    kept = Material([d for d in documents if d.id not in refusable]) if refusable else material
    answerable = [
        one
        for id_ in by_document
        if id_ not in refusable
        for one in without_twins(sifted(by_document[id_], kept))
    ]
    without = [one for some in refusable.values() for one in some]
    refused = _chosen(without, round(wanted.n * wanted.unanswerable), wanted.seed)
    chosen = _chosen(answerable, wanted.n - len(refused), wanted.seed)
    if not chosen:
        raise EvalError(
            f"no question could be made of {len(documents)} documents. The rules know English and Russian "
            "headings, sentences with numbers, definitions and tables; a language model can do more: --llm"
        )
    # Each by itself: both parts shall ask what cannot be answered, whatever its few documents weigh.
    splits = {
        id_: split
        for some in (chosen, refused)
        for id_, split in _splits([one.draft.document_id for one in some], wanted).items()
    }
    questions = [*_numbered(chosen, splits, True), *_numbered(refused, splits, False)]
    return MadeSet(
        tuple(sorted(questions, key=lambda one: one.split)),
        held_out=tuple(sorted(refusable)),
        drafted=dict(Counter(one.kind for made in by_document.values() for one in made)),
        languages=dict(Counter(material.lang(document) for document in documents).most_common()),
    )


def _refused(
    by_document: Mapping[str, list[Draft]], material: Material, wanted: Wanted
) -> dict[str, list[Sifted]]:
    """Documents to leave out of the set, with the questions that then nothing answers.

    They are questions of which no other document holds the answer or nearly all words, though some passage
    holds a part of them: the hard kind, which a search finds something for.
    """
    n = round(wanted.n * wanted.unanswerable)
    if n == 0 or len(by_document) < _HOLD_OUT_FROM:
        return {}
    rng = np.random.default_rng((wanted.seed, 1))
    order = [sorted(by_document)[i] for i in rng.permutation(len(by_document)).tolist()]
    most = max(2, round(_HELD_OUT * len(by_document)))
    found: dict[str, list[Sifted]] = {}
    for id_ in order:
        if len(found) == most or sum(map(len, found.values())) >= n:
            break
        able = [draft for draft in by_document[id_] if draft.kind in _REFUSABLE]
        refused = [one for one in sifted(able, material) if not _is_answered_elsewhere(one.draft, material)]
        if refused:
            found[id_] = without_twins(refused)
    return found


def _is_answered_elsewhere(draft: Draft, material: Material) -> bool:
    _, rivals = material.rivals(draft.text, draft.document_id)
    answers = [answer.lower() for answer in draft.answers]
    return (
        not rivals
        or _ANYWHERE.match(draft.text) is not None
        or any(
            rival.coverage >= _NEARLY_ALL.get(draft.kind, 0.8)
            or any(answer in rival.chunk.text.lower() for answer in answers)
            for rival in rivals
        )
        or _may_be_translated(draft, material)
    )


def _may_be_translated(draft: Draft, material: Material) -> bool:
    """Whether a document in another language may say the same: words do not tell, numbers do."""
    others = [d for d in material.documents if material.lang(d) != draft.lang]
    numbers = re.findall(r"\d[\d.:]*", draft.answers[0]) if draft.kind in _NUMBERS | {"llm"} else []
    return bool(others) and (not numbers or any(all(n in d.text for n in numbers) for d in others))


def _chosen(able: Sequence[Sifted], n: int, seed: int) -> list[Sifted]:
    """Up to `n`, by the shares of the kinds, each kind evenly over the documents.

    What a kind leaves is divided among those that have more, by their shares again.
    """
    queues = {
        kind: _spread([s for s in able if s.draft.kind == kind], n, seed)[: round(MOST.get(kind, 1) * n)]
        for kind in KINDS
    }
    taken: list[Sifted] = []
    while len(taken) < n and any(queues.values()):
        left, total = n - len(taken), sum(KINDS[kind] for kind, queue in queues.items() if queue)
        for kind, queue in queues.items():
            share = min(max(1, int(left * KINDS[kind] / total)), n - len(taken)) if queue else 0
            taken += queue[:share]
            queues[kind] = queue[share:]
    return taken


def _spread(able: Sequence[Sifted], n: int, seed: int) -> list[Sifted]:
    """One of each document, then a second of each and so on, documents and questions shuffled; of no
    document so many that it decides the figures."""
    by_document: dict[str, list[Sifted]] = {}
    for one in able:
        by_document.setdefault(one.draft.document_id, []).append(one)
    documents = sorted(by_document, key=lambda id_: _number(f"{seed} {id_}"))
    order = [
        sorted(by_document[id_], key=lambda one: _number(f"{seed} {one.draft.text}")) for id_ in documents
    ]
    longest = min(max(map(len, order), default=0), max(3, n // 25))
    return [some[turn] for turn in range(longest) for some in order if turn < len(some)]


def _splits(documents: Iterable[str], wanted: Wanted) -> dict[str, str]:
    """Which part the questions of each document go to, so that the parts have about the wanted sizes."""
    counts = Counter(documents)
    order = sorted(counts, key=lambda id_: (-counts[id_], _number(f"{wanted.seed} split {id_}")))
    sizes, splits = {"dev": 0, "test": 0}, dict[str, str]()
    shares = {"dev": wanted.dev, "test": 1 - wanted.dev}
    for id_ in order:
        split = min(sizes, key=lambda name: (sizes[name] + counts[id_]) / shares[name])
        splits[id_] = split
        sizes[split] += counts[id_]
    return splits


def _numbered(chosen: Iterable[Sifted], splits: Mapping[str, str], is_answerable: bool) -> list[MadeQuestion]:
    return [
        MadeQuestion(
            f"{one.draft.kind}-{_number(f'{one.draft.document_id} {one.draft.text}'):012x}",
            draft=one.draft,
            split=splits[one.draft.document_id],
            is_answerable=is_answerable,
            bm25_rank=one.bm25_rank if is_answerable else 0,
        )
        for one in chosen
    ]


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:6], "big")
