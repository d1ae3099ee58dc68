"""The questions of a report as the page's script reads them: short keys, numbers in place of names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ragkit.evaluation.case import Texts
from ragkit.evaluation.dataset import Question
from ragkit.evaluation.direction import is_lower_better
from ragkit.evaluation.outcome import Found, Outcome, Place
from ragkit.evaluation.page.embedded import plain, rounded
from ragkit.evaluation.page.gold import MAX_DOCUMENTS, Needed, needed
from ragkit.evaluation.page.kinds import kind_of
from ragkit.evaluation.page.limits import Limits
from ragkit.evaluation.page.passages import Passages, Shown, Weight, shown_texts
from ragkit.evaluation.page.reply import reply_data
from ragkit.evaluation.report import Result
from ragkit.types import Span


@dataclass(frozen=True, slots=True)
class Drill:
    """What the script gets, and what was left out of it.

    >>> Drill([], hits=20, hits_cut=0, passages=0, passages_cut=0, documents_missing=0).hits
    20
    """

    datasets: list[dict[str, Any]]
    hits: int = field(kw_only=True)
    hits_cut: int = field(kw_only=True)
    passages: int = field(kw_only=True)
    passages_cut: int = field(kw_only=True)
    documents_missing: int = field(kw_only=True)


def drill(
    results: Sequence[Result],
    texts: Mapping[str, Texts],
    baselines: Mapping[str, str],
    limits: Limits,
) -> Drill:
    """Every question of every dataset, with what each pipeline made of it."""
    hits = limits.hits_shown(results)
    names = list(dict.fromkeys(result.dataset for result in results))
    tables = {name: Passages(texts.get(name)) for name in names}
    datasets = [
        _dataset([r for r in results if r.dataset == name], tables[name], baselines.get(name), hits)
        for name in names
    ]
    shown = shown_texts(tables, limits)
    for dataset in datasets:
        _add_texts(dataset, shown[dataset["name"]])
    parts = [part for one in shown.values() for part in one]
    return Drill(
        datasets,
        hits=hits,
        hits_cut=sum(
            max(0, len(found.places) - hits)
            for result in results
            for outcome in result.outcomes.values()
            for found in outcome.found
        ),
        passages=len(parts),
        passages_cut=sum(part.is_cut for part in parts),
        documents_missing=len({part.document_id for part in parts if part.text is None}),
    )


def _dataset(
    results: Sequence[Result], passages: Passages, baseline: str | None, hits: int
) -> dict[str, Any]:
    questions = {id_: question for result in results for id_, question in result.questions.items()}
    judged = {id_: grades for result in results for id_, grades in result.qrels.items()}
    needs = {id_: needed(question, judged.get(id_, {})) for id_, question in questions.items()}
    measures = list(dict.fromkeys(measure for result in results for measure in result.values))
    for result in results:
        passages.see(result.outcomes.values(), hits)
    return {
        "name": results[0].dataset,
        "baseline": baseline,
        "measures": measures,
        "lower": [is_lower_better(measure) for measure in measures],
        "questions": [
            _question(question, judged.get(id_, {}), needs[id_], passages)
            for id_, question in questions.items()
        ],
        "results": [_Pipeline(result, needs, measures, passages, hits).data() for result in results],
    }


def _question(
    question: Question, judged: Mapping[str, int], needs: Sequence[Needed], passages: Passages
) -> dict[str, Any]:
    evidence = [
        [e.hop, e.document_id, e.span.start, e.span.end, _around(passages, e.document_id, e.span)]
        for e in question.evidence
    ]
    data = {
        "id": question.id,
        "text": question.text,
        "answers": list(question.answers),
        "judged": _judged(judged, passages, has_evidence=bool(evidence)),
        "evidence": evidence,
        "needs": [need.label for need in needs],
        "history": [[turn.role, turn.text] for turn in question.history],
        "metadata": plain(dict(question.metadata)),
        "answerable": question.is_answerable,
    }
    return {key: value for key, value in data.items() if value not in (None, [], {})}


def _judged(judged: Mapping[str, int], passages: Passages, *, has_evidence: bool) -> list[list[Any]]:
    """Document and grade, and the passage at the beginning of each that nothing else of is shown."""
    relevant = [document for document, grade in judged.items() if grade >= 1][:MAX_DOCUMENTS]
    begin = {} if has_evidence else {id_: _around(passages, id_, Span(0, 0)) for id_ in relevant}
    return [
        [document, grade, begin[document]] if document in begin else [document, grade]
        for document, grade in judged.items()
    ]


def _around(passages: Passages, document_id: str, span: Span) -> int:
    return passages.around(document_id, span, Weight.EVIDENCE)


@dataclass(frozen=True, slots=True)
class _Pipeline:
    """One pipeline's outcomes, in the order of the dataset's questions."""

    result: Result
    needs: Mapping[str, tuple[Needed, ...]]
    measures: Sequence[str]
    passages: Passages
    hits: int

    def data(self) -> dict[str, Any]:
        stages = list(dict.fromkeys(s for o in self.result.outcomes.values() for s in map(_stage, o.found)))
        numbers = {stage: number for number, stage in enumerate(stages)}
        blamed = dict.fromkeys(self.result.blame.values())
        return {
            "name": self.result.pipeline,
            "stages": [[*stage, kind_of(stage[0], [(stage[0], stage[1])])] for stage in stages],
            "kinds": {node: kind_of(node, self.result.graph) for node in blamed},
            "unscored": {name: dict(why) for name, why in self.result.unscored.items() if why},
            "outcomes": [self._outcome(id_, numbers) for id_ in self.needs],
        }

    def _outcome(self, id_: str, numbers: Mapping[tuple[str, str, str], int]) -> dict[str, Any] | None:
        outcome = self.result.outcomes.get(id_)
        if outcome is None:
            return None
        values = [rounded(self.result.values.get(measure, {}).get(id_)) for measure in self.measures]
        data = {
            "values": values if any(value is not None for value in values) else None,
            "blame": self.result.blame.get(id_),
            "error": outcome.error,
            "reply": reply_data(outcome, self.passages),
            "found": [self._found(found, numbers, self.needs[id_]) for found in outcome.found],
            "degraded": list(outcome.degraded),
            "usage": _usage(outcome),
        }
        return {key: value for key, value in data.items() if value not in (None, [])}

    def _found(
        self, found: Found, numbers: Mapping[tuple[str, str, str], int], needs: Sequence[Needed]
    ) -> dict[str, Any]:
        shown = found.places[: self.hits]
        weight = Weight.READ if found.kind == "context" else Weight.HIT
        data = {
            "stage": numbers[_stage(found)],
            "query": found.query or None,
            "n": len(found.places),
            "passages": [self.passages.of_place(p, weight + rank) for rank, p in enumerate(shown)],
            "scores": [rounded(place.score) for place in shown],
            "kept": [_spans(place) for place in shown] if found.kind == "context" else None,
            "ranks": [need.rank(found.places) for need in needs],
        }
        return {key: value for key, value in data.items() if value is not None}


def _stage(found: Found) -> tuple[str, str, str]:
    return found.node, found.use, found.kind


def _spans(place: Place) -> list[int]:
    return [position for span in place.spans for position in (span.start, span.end)]


def _usage(outcome: Outcome) -> list[float | int | None] | None:
    usage = [outcome.input_tokens, outcome.output_tokens, rounded(outcome.usd)]
    return usage if any(value is not None for value in usage) else None


def _add_texts(dataset: dict[str, Any], shown: Sequence[Shown]) -> None:
    """Puts the passages in, and numbers in place of the ids of documents."""
    ids = dict.fromkeys(part.document_id for part in shown)
    numbers = {id_: number for number, id_ in enumerate(ids)}
    dataset["documents"] = list(ids)
    dataset["passages"] = [
        [numbers[part.document_id], part.span.start, len(part.span), part.text] for part in shown
    ]
