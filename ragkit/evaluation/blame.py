"""Which node lost what the answer takes: the first one that was given it and did not give it on.

The gold is followed through the graph, piece by piece: each hop of the evidence, or, where none is known, any
relevant document. A piece that no retriever found was lost by the retrievers, or by the corpus if it is not
in the index; one that a later node still has was never lost. If several pieces were lost, the node that lost
one first in the order of the graph is named. A reply that was given all pieces and neither says an accepted
answer nor cites them was lost by the generator, or by the verifier if that dropped a sentence which did.

What it can not see: why a retriever found nothing. A rewritten query or a filter that lets nothing through
shows as a loss of the retrievers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile

from ragkit.evaluation.case import Case
from ragkit.evaluation.dataset import Evidence
from ragkit.evaluation.metrics.citation_spans import agrees
from ragkit.evaluation.metrics.contains import Contains
from ragkit.evaluation.metrics.coverage import COVERED, coverage, hops
from ragkit.evaluation.metrics.found import gold_found
from ragkit.evaluation.metrics.wording import contains_words, words
from ragkit.evaluation.outcome import Found, Place, Reply
from ragkit.types import Sentence, Span

CORPUS = "corpus"
_SAME_WORDS = 0.8
# They retrieve nothing, and give what was found more of its document.
_WIDENING = frozenset({"retrieve/window", "retrieve/parent", "retrieve/auto-merge"})
_WHOLE: Mapping[str, Sequence[Span]] = {}


def blame(
    case: Case,
    graph: Sequence[tuple[str, str]],
    *,
    indexed: Mapping[str, Sequence[Span]] = _WHOLE,
) -> str | None:
    """The node that lost the gold of a question.

    Args:
        case: of a pipeline that came to its end.
        graph: its nodes in order, each with its registered name.
        indexed: of documents that are not wholly in the index, the spans that are: none for one that could
            not be ingested. What is not named here is taken to be there.

    Returns:
        None where nothing was lost, no gold is known, or the question cannot be answered; `corpus` where the
        index does not have it; the retrievers by their names with `+` between them, those alone that failed
        if any did; else the name of one node.

    >>> from ragkit.evaluation.dataset import Question
    >>> from ragkit.evaluation.outcome import Outcome
    >>> place = Place("c", "a.md", spans=(Span(0, 9),))
    >>> outcome = Outcome("q", found=(
    ...     Found("words", "retrieve/bm25", kind="arm", places=(place,)),
    ...     Found("fuse", "fuse/rrf", kind="ranking", places=()),
    ... ))
    >>> case = Case(Question("q", "Why?"), judged={"a.md": 1}, outcome=outcome, texts=None)
    >>> blame(case, [("words", "retrieve/bm25"), ("fuse", "fuse/rrf")])
    'fuse'
    """
    if case.question.is_answerable is False or not gold_found(case, ()):
        return None
    lost = _lost_on_the_way(case, graph, indexed)
    if lost is not None or case.outcome.reply is None:
        return lost
    return _lost_in_the_answer(case, graph, case.outcome.reply)


def _lost_on_the_way(
    case: Case, graph: Sequence[tuple[str, str]], indexed: Mapping[str, Sequence[Span]]
) -> str | None:
    arms = [found for found in case.outcome.found if found.kind == "arm"]
    later = [found for found in case.outcome.found if found.kind != "arm"]
    has = [gold_found(case, (place for arm in arms for place in arm.places))] if arms else []
    names = [_retrievers(case, arms, graph)] if arms else []
    has += [gold_found(case, found.places) for found in later]
    names += [found.node for found in later]
    if not has:
        return _retrievers(case, arms, graph)
    # By piece, how many nodes from the last back to the first do not have it.
    missing = [
        len(list(takewhile(lambda there: not there, reversed(piece)))) for piece in zip(*has, strict=True)
    ]
    first = len(has) - max(missing)
    if first == len(has):
        return None
    if first == 0 and not all(_is_indexed(case, indexed)):
        return CORPUS
    return names[first]


def _retrievers(case: Case, arms: Sequence[Found], graph: Sequence[tuple[str, str]]) -> str:
    """Their names; those alone that failed and were done without, if any did.

    One that found nothing is no more to blame than the others: it may be the one that is right, as BM25 is
    about a query that shares no word with the corpus.
    """
    failed = [
        n
        for n, use in graph
        if use.startswith("retrieve/") and use not in _WIDENING and n in case.outcome.degraded
    ]
    ran = list(dict.fromkeys(arm.node for arm in arms))
    return "+".join(failed or ran) or "+".join(name for name, _ in graph[:1])


def _is_indexed(case: Case, indexed: Mapping[str, Sequence[Span]]) -> list[bool]:
    """For each piece of the gold, whether the index has it."""
    whole = (
        Place("", place.document_id, spans=(place.span,))
        for place in _gold_places(case)
        if _has(place, case, indexed)
    )
    return gold_found(case, whole)


def _gold_places(case: Case) -> Iterable[Evidence]:
    if case.question.evidence:
        return case.question.evidence
    relevant = (document for document, grade in case.judged.items() if grade > 0)
    return (Evidence(document, span=Span(0, 0)) for document in relevant)


def _has(place: Evidence, case: Case, indexed: Mapping[str, Sequence[Span]]) -> bool:
    if place.document_id in indexed:
        spans = indexed[place.document_id]
        return bool(spans) if not place.span else coverage(place.span, spans) >= COVERED
    return case.texts is None or case.texts.document(place.document_id) is not None


def _lost_in_the_answer(case: Case, graph: Sequence[tuple[str, str]], reply: Reply) -> str | None:
    if _carries(case, reply):
        return None
    seen = {found.node for found in case.outcome.found}
    at = max((n for n, (name, _) in enumerate(graph) if name in seen), default=-1)
    after = graph[at + 1 :]
    generators = [name for name, use in after if use.startswith("generate/")] or [name for name, _ in after]
    verifiers = [name for name, use in after if use.startswith("verify/")]
    if verifiers and any(_states_gold(case, sentence) for sentence in reply.dropped):
        return verifiers[-1]
    return generators[0] if generators else "generate"


def _carries(case: Case, reply: Reply) -> bool:
    """Whether a reply says an accepted answer or cites all of the gold."""
    if case.question.answers and Contains().of(case) == 1.0:
        return True
    citations = [citation for sentence in reply.sentences for citation in sentence.citations]
    if case.question.evidence:
        gold = hops(case.question.evidence)
        return all(any(agrees(cited, place) for cited in citations for place in hop) for hop in gold)
    return any(case.judged.get(citation.document_id, 0) > 0 for citation in citations)


def _states_gold(case: Case, sentence: Sentence) -> bool:
    """Whether a sentence, of which verification may have taken the citations, says what was asked for."""
    said = words(sentence.text)
    if any(contains_words(said, words(answer)) for answer in case.question.answers):
        return True
    for place in case.question.evidence:
        text = case.texts.document(place.document_id)
        if text is not None and _alike(said, words(place.span.of(text))):
            return True
    return any(case.judged.get(citation.document_id, 0) > 0 for citation in sentence.citations)


def _alike(one: list[str], other: list[str]) -> bool:
    """Whether one says, in about the same words, what the other says or a part of it."""
    shared = sum((Counter(one) & Counter(other)).values())
    return shared > 0 and shared >= _SAME_WORDS * min(len(one), len(other))
