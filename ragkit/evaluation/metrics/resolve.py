"""Measures by their names, and whether a dataset and a pipeline have what they need."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from ragkit.errors import EvalError, did_you_mean
from ragkit.evaluation.dataset import Dataset
from ragkit.evaluation.metrics.abstention import Abstention
from ragkit.evaluation.metrics.all_evidence import AllEvidence
from ragkit.evaluation.metrics.aurc import Aurc
from ragkit.evaluation.metrics.citation_spans import CitationSpans
from ragkit.evaluation.metrics.citation_support import CitationSupport
from ragkit.evaluation.metrics.citation_valid import CitationValid
from ragkit.evaluation.metrics.citations import AlceMetric
from ragkit.evaluation.metrics.contains import Contains
from ragkit.evaluation.metrics.documents import DocumentMetric
from ragkit.evaluation.metrics.exact_match import ExactMatch
from ragkit.evaluation.metrics.found import Found
from ragkit.evaluation.metrics.metric import Metric, Need, RankedMetric, SetMetric
from ragkit.evaluation.metrics.own import own_metrics
from ragkit.evaluation.metrics.ranking import RANKING_NAMES, parse_metric
from ragkit.evaluation.metrics.rouge_l import RougeL
from ragkit.evaluation.metrics.short import Short
from ragkit.evaluation.metrics.support import LexicalSupport, Supports
from ragkit.evaluation.metrics.token_f1 import TokenF1
from ragkit.evaluation.metrics.usage import USAGE, Usage

AnyMetric = Metric | SetMetric
# With a cutoff even an unknown kind is one: the reader of these names knows what was meant by MRR@10.
_RANKING = re.compile(rf"(?:{'|'.join(RANKING_NAMES)})(?:\(.*)?|[A-Za-z]+(?:\(.*\))?@.*")
_EVIDENCE = re.compile(r"all_evidence_R@(\d{1,9})")
_DATA: Mapping[Need, tuple[str, str]] = {
    "qrels": ("judgements", "has none with a grade of 1 or more"),
    "evidence": ("evidence, which is places in documents that prove an answer", "has none"),
    "gold": ("evidence or judgements", "has neither"),
    "answers": ("accepted answers", "has none"),
    "answerable": ("to know whether a question can be answered", "does not say"),
}
_PIPELINE: frozenset[Need] = frozenset({"reply", "context"})


def resolve_metrics(
    names: Sequence[str | Metric | SetMetric | RankedMetric], *, supports: Supports | None = None
) -> tuple[AnyMetric, ...]:
    """The measures of these names, in their order; what is a measure already stays as it is.

    Names are those of ir_measures for rankings (`nDCG@10`), `all_evidence_R@K`, `found.NODE`, `EM`, `F1`,
    `ROUGE-L`, `contains`, `citation.…`, `abstention.…`, `AURC`, `tokens.in`, `tokens.out`, `usd`, and those
    of your own that were made with `metrics.own.metric`.

    Args:
        names: each once. A measure of rankings is applied to the documents of the last ranking.
        supports: whether a premise bears out a claim, for the measures of citations; else by words, see
            `metrics.support.LexicalSupport`.

    Raises:
        EvalError: there is none, or names are unknown, malformed or there twice: all of these at once.

    >>> [metric.name for metric in resolve_metrics(["nDCG@10", "F1", "abstention.F1"])]
    ['nDCG@10', 'F1', 'abstention.F1']
    """
    named, problems = _named(supports or LexicalSupport()), list[str]()
    found: dict[str, AnyMetric] = {}
    for given in names:
        try:
            metric = _metric(given, named)
        except EvalError as e:
            problems.append(str(e))
            continue
        if metric.name in found:
            problems.append(f"measure {metric.name!r}: is there twice")
        found[metric.name] = metric
    if problems or not found:
        raise EvalError("\n".join(problems) or "there are no measures: name one, such as nDCG@10")
    return tuple(found.values())


def unmet(
    metrics: Iterable[AnyMetric],
    dataset: Dataset,
    pipeline_answers: bool,
    *,
    nodes: Collection[str] | None = None,
) -> list[str]:
    """What measures need and dataset or pipeline lack: one line for each, which says what to do.

    Args:
        metrics: from `resolve_metrics`.
        dataset: all of its questions are looked at.
        pipeline_answers: False for a pipeline that only retrieves.
        nodes: the names of the graph's nodes, of all pipelines together; None where they are not known.
    """
    has = _had(dataset)
    problems = []
    for metric in metrics:
        for need in (need for need in _DATA if need in metric.needs and need not in has):
            what, why = _DATA[need]
            problems.append(
                f"measure {metric.name!r} needs {what}: dataset {dataset.name!r} {why}. "
                "Leave the measure out, or use a dataset that has it"
            )
        if metric.needs & _PIPELINE and not pipeline_answers:
            problems.append(
                f"measure {metric.name!r} needs answers: the pipeline only retrieves. "
                "Leave the measure out, or let the pipeline answer"
            )
        if isinstance(metric, Found) and nodes is not None and metric.node not in nodes:
            problems.append(
                f"measure {metric.name!r}: no graph has a node {metric.node!r}."
                f"{did_you_mean(metric.node, nodes)} There are: {', '.join(nodes)}"
            )
    return problems


def _had(dataset: Dataset) -> set[Need]:
    questions = dataset.questions.values()
    has: set[Need] = set()
    if any(grade > 0 for grades in dataset.qrels.values() for grade in grades.values()):
        has |= {"qrels", "gold"}
    if any(question.evidence for question in questions):
        has |= {"evidence", "gold"}
    if any(question.answers for question in questions):
        has.add("answers")
    if any(question.is_answerable is not None for question in questions):
        has.add("answerable")
    return has


def _metric(given: str | Metric | SetMetric | RankedMetric, named: Mapping[str, AnyMetric]) -> AnyMetric:
    if isinstance(given, str):
        return _by_name(given.strip(), named)
    if isinstance(given, Metric | SetMetric):
        return given
    if isinstance(given, RankedMetric):
        return DocumentMetric(given)
    raise EvalError(
        f"measure {given!r}: expected a name, or an object with `name`, `needs` and `of` (a number for each "
        "question) or `parts` and `value` (one for all), or with `name` and `score` (a ranking's)"
    )


def _by_name(name: str, named: Mapping[str, AnyMetric]) -> AnyMetric:
    found = named.get(name) or _parametric(name)
    if found is not None:
        return found
    hint = _ALIASES.get(name.lower().replace("_", "").replace(" ", ""))
    known = [*named, *_EXAMPLES]
    mend = f" Did you mean {hint!r}?" if hint else did_you_mean(name, known)
    own = "" if mend else ". One of your own: import it, and call ragkit.evaluate in Python"
    raise EvalError(f"measure {name!r}: there is no such measure.{mend} There are: {', '.join(known)}{own}")


def _parametric(name: str) -> AnyMetric | None:
    """The measure of a name that has a parameter in it; None where it is no such name."""
    if name.startswith("found.") and name != "found.":
        return Found(name.removeprefix("found."))
    if (at := _EVIDENCE.fullmatch(name)) and int(at[1]) > 0:
        return AllEvidence(int(at[1]))
    return DocumentMetric(parse_metric(name)) if _RANKING.fullmatch(name) else None


def _named(supports: Supports) -> dict[str, AnyMetric]:
    """The measures without a parameter in their name.

    Raises:
        EvalError: one of the user's own has a name that is ours.
    """
    ours: list[AnyMetric] = [
        ExactMatch(), TokenF1(), Short(ExactMatch()), Short(TokenF1()), RougeL(), Contains(),
        AlceMetric("precision", supports=supports), AlceMetric("recall", supports=supports),
        CitationValid(), CitationSupport(supports=supports),
        CitationSpans("precision"), CitationSpans("recall"),
        Abstention("precision"), Abstention("recall"), Abstention("F1"), Aurc(),
        *map(Usage, USAGE),
    ]  # fmt: skip
    named = {metric.name: metric for metric in ours}
    for name, metric in own_metrics().items():
        if name in named or _parametric(name) is not None:
            raise EvalError(f"measure {name!r}: the name belongs to ragkit. Choose another for your own")
        named[name] = metric
    return named


_EXAMPLES = ("nDCG@10", "R@100", "P@5", "RR@10", "AP", "Success@1", "all_evidence_R@10", "found.NODE")
_ALIASES = {
    "exactmatch": "EM", "tokenf1": "F1", "rougel": "ROUGE-L", "rouge-l": "ROUGE-L", "rouge": "ROUGE-L",
    "ndcg": "nDCG@10", "mrr": "RR@10", "map": "AP", "recall": "R@10", "precision": "P@5", "hit": "Success@10",
    "accuracy": "contains", "cost": "usd",
}  # fmt: skip
