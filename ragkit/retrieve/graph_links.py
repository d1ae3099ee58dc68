"""From passages to the passages that are about what they name: the graph of names, walked as it is needed.

A passage leads to another one where it names the other's subject. The inverted index of the collection knows
where a name stands, so nothing is kept beside it: every step is a search with the plan's tenant, acl, filter
and commit, and what was forgotten leads nowhere.

Looking for the passage that a named thing has of its own goes back to Asai et al., "Learning to Retrieve
Reasoning Paths over Wikipedia Graph", ICLR 2020, who follow links; here names take their place.
"""

from __future__ import annotations

from collections.abc import Collection as Group
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ragkit.protocols import Collection
from ragkit.retrieve.graph_subjects import subjects_of
from ragkit.text.names import name_spans
from ragkit.types import Chunk, QueryPlan

Terms = frozenset[str]

# Fitted on 2wiki-train-500, watched on questions of SQuAD, XQuAD (ru) and SciFact that need one passage:
# `python evals/multihop.py`; see docs/decisions.
LEAST_MATCH = 0.5
UNASKED = 0.6
FADING = 0.1
_FADING_CHARS = 200
_BEFORE, _AFTER = 40, 20
_STEM = 5
# Of a longer passage no more is read for names: what comes later counts less than a tenth.
_READ_CHARS = 20_000


@dataclass(frozen=True, slots=True)
class Reached:
    """A passage with the share of the question's weight that got to it."""

    chunk: Chunk
    weight: float


@dataclass(frozen=True, slots=True)
class Link:
    """One step: `source` names what `target` is about; `strength` in (0, 1] is how surely."""

    source: Chunk
    name: str = field(kw_only=True)
    target: Chunk = field(kw_only=True)
    strength: float = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Mention:
    """A name that a passage brings up: its words as BM25 indexes them, and how much it counts."""

    source: Chunk
    name: str
    terms: Terms
    closeness: float
    weight: float


class Links:
    """The links out of passages, for one question.

    Args:
        collection: what is searched.
        plan: the question; its tenant, acl, filter and commit hold for every step.
        names: how many names are looked up in a step, the weightiest first.
        found: how many passages are looked at for each name.
    """

    def __init__(self, collection: Collection, plan: QueryPlan, *, names: int, found: int) -> None:
        self._collection, self._plan = collection, plan
        self._names, self._found = names, found
        self._asked = frozenset(collection.terms(plan.understood))
        self._looked_up: dict[Terms, str] = {}
        self._chunks: dict[str, Chunk] = {}
        self._subjects: dict[str, tuple[Terms, ...]] = {}

    @property
    def looked_up(self) -> list[str]:
        """The names that were looked up, in their order."""
        return list(self._looked_up.values())

    def out_of(self, reached: Sequence[Reached]) -> list[Link]:
        """The links of the weightiest names of these passages, of names that no step before has looked up.

        One search, one request for texts and one for the weights of words, however many names there are.
        """
        self._chunks |= {one.chunk.id: one.chunk for one in reached}
        mentions = self._mentions(reached)
        if not mentions:
            return []
        self._looked_up |= {mention.terms: mention.name for mention in mentions}
        batches = self._collection.bm25([mention.name for mention in mentions], self._found, self._plan)
        found = [batch.id_list() for batch in batches]
        self._fetch(dict.fromkeys(id_ for ids in found for id_ in ids))
        targets = [
            [self._chunks[id_] for id_ in ids if id_ in self._chunks and self._is_near(mention, id_)]
            for mention, ids in zip(mentions, found, strict=True)
        ]
        weights = self._weights(mentions, targets)
        return [
            link
            for mention, chunks in zip(mentions, targets, strict=True)
            for link in self._links(mention, chunks, weights)
        ]

    def _mentions(self, reached: Sequence[Reached]) -> list[Mention]:
        best: dict[Terms, Mention] = {}
        for one in reached:
            for mention in self._named_by(one):
                known = best.get(mention.terms)
                if known is None or mention.weight > known.weight:
                    best[mention.terms] = mention
        ordered = sorted(best.values(), key=lambda mention: (-mention.weight, mention.name))
        return ordered[: self._names]

    def _named_by(self, one: Reached) -> Iterable[Mention]:
        chunk, own = one.chunk, self._about(one.chunk)
        asked = {term[:_STEM] for term in self._asked - frozenset().union(*own) if len(term) >= _STEM - 1}
        text = chunk.text[:_READ_CHARS]
        for span in name_spans(text):
            name = span.of(text)
            terms = frozenset(self._collection.terms(name))
            if not terms or terms <= self._asked or terms in self._looked_up:
                continue
            if any(terms <= subject for subject in own):
                continue
            around = text[max(0, span.start - _BEFORE) : span.end + _AFTER].lower()
            # What the question asks for by what it is ("the director of …") stands beside its name.
            is_asked = any(stem in around for stem in asked)
            closeness = (1.0 if is_asked else UNASKED) / (1.0 + FADING * span.start / _FADING_CHARS)
            yield Mention(chunk, name, terms, closeness, one.weight * closeness)

    def _links(self, mention: Mention, chunks: Sequence[Chunk], weights: Mapping[str, float]) -> list[Link]:
        matches = [
            (chunk, match)
            for chunk in chunks
            if chunk.document_id != mention.source.document_id
            and (match := self._match(mention.terms, chunk, weights)) >= LEAST_MATCH
        ]
        # A name that many passages are about tells little of each.
        spread = max(1.0, sum(match**2 for _, match in matches)) ** 0.5
        return [
            Link(
                mention.source,
                name=mention.name,
                target=chunk,
                strength=mention.closeness * match**2 / spread,
            )
            for chunk, match in matches
        ]

    def _is_near(self, mention: Mention, id_: str) -> bool:
        """Whether a passage is about something that shares a word with the name; no others need weights."""
        return any(not mention.terms.isdisjoint(subject) for subject in self._about(self._chunks[id_]))

    def _match(self, name: Terms, chunk: Chunk, weights: Mapping[str, float]) -> float:
        """How far a name is a passage's subject: the words they share of all they have, by their rarity."""
        return max((_shared(name, subject, weights) for subject in self._about(chunk)), default=0.0)

    def _about(self, chunk: Chunk) -> tuple[Terms, ...]:
        known = self._subjects.get(chunk.id)
        if known is None:
            read = (frozenset(self._collection.terms(subject)) for subject in subjects_of(chunk))
            known = self._subjects[chunk.id] = tuple(terms for terms in read if terms)
        return known

    def _fetch(self, ids: Group[str]) -> None:
        missing = [id_ for id_ in ids if id_ not in self._chunks]
        for chunk in self._collection.fetch(missing, self._plan) if missing else ():
            if chunk is not None:
                self._chunks[chunk.id] = chunk

    def _weights(self, mentions: Sequence[Mention], targets: Sequence[Sequence[Chunk]]) -> dict[str, float]:
        terms = {term for mention in mentions for term in mention.terms}
        terms |= {
            term
            for chunks in targets
            for chunk in chunks
            for subject in self._about(chunk)
            for term in subject
        }
        return self._collection.term_weights(sorted(terms), self._plan)


def keep_heaviest(gathered: dict[str, Reached], one: Reached) -> bool:
    """Keeps the heavier of two ways to a passage; whether that is the new one."""
    known = gathered.get(one.chunk.id)
    is_heavier = known is None or one.weight > known.weight
    if is_heavier:
        gathered[one.chunk.id] = one
    return is_heavier


def _shared(a: Terms, b: Terms, weights: Mapping[str, float]) -> float:
    whole = sum(weights[term] for term in a | b)
    return sum(weights[term] for term in a & b) / whole if whole > 0 else 0.0
