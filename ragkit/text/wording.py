"""What ragkit says in its own voice when it cannot answer, in the language of the question."""

from __future__ import annotations

from ragkit.types import AbstainReason, QueryPlan

_ABSTENTIONS: dict[str, dict[str, str]] = {
    "en": {
        "no_documents": "There are no documents to answer from.",
        "no_evidence": "The documents do not answer this question.",
        "unsupported": "An answer was written, but the documents do not bear it out, so it is not shown.",
        "conflicting": "The documents contradict one another on this question.",
        "out_of_scope": "This question is not one that the documents are about.",
    },
    "ru": {
        "no_documents": "Нет документов, по которым можно ответить.",
        "no_evidence": "В документах нет ответа на этот вопрос.",
        "unsupported": "Ответ был составлен, но документы его не подтверждают, поэтому он не показан.",
        "conflicting": "Документы противоречат друг другу в этом вопросе.",
        "out_of_scope": "Этот вопрос не относится к тому, о чём говорят документы.",
    },
}


def abstention(reason: AbstainReason, language: str) -> str:
    """The sentence that states an abstention. Languages without a wording of their own get English."""
    wording = _ABSTENTIONS.get(language, _ABSTENTIONS["en"])
    return wording.get(reason, wording["no_evidence"])


def why_nothing(plan: QueryPlan) -> AbstainReason:
    """The reason of an abstention where no passage was found at all.

    >>> why_nothing(QueryPlan.of("How long?"))
    'no_evidence'
    """
    if plan.commit == 0:
        # Nothing was ever ingested, so there is nothing that could have answered.
        return "no_documents"
    return "out_of_scope" if plan.intent == "out_of_scope" else "no_evidence"


def is_abstention(text: str) -> bool:
    """Whether a text is one of these sentences.

    >>> is_abstention("В документах нет ответа на этот вопрос."), is_abstention("It lasts two years.")
    (True, False)
    """
    return any(text.strip() in wording.values() for wording in _ABSTENTIONS.values())
