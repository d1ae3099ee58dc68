"""Sentences in which a model says that the passages do not answer: no evidence is asked of them."""

from __future__ import annotations

import re

from ragkit.types import AbstainReason

_SOURCE = (
    r"(?:passages?|documents?|documentation|sources?|context|text|excerpts?|materials?|provided information"
    r"|information provided|фрагмент\w*|документ\w*|источник\w*|контекст\w*|текст\w*|отрывк\w*|материал\w*)"
)
_SAYS = (
    r"(?:says?|states?|mentions?|contains?|specify|specifies|includes?|provides?|answers?|covers?|describes?"
    r"|address(?:es)?|tells?|indicates?|explains?)"
)
_NO_EVIDENCE = re.compile(
    rf"\b{_SOURCE}\b[^.,;:]{{0,25}}\b(?:do(?:es)? not|don't|doesn't|did not|never|fail to) (?:\w+ )?{_SAYS}\b"
    r"|\b(?:no|not enough|insufficient) (?:\w+ )?(?:information|mention|evidence|answer|details?)\b"
    rf"[^.]{{0,80}}\b{_SOURCE}"
    r"|\b(?:there is|i (?:have|found|find)) (?:no|not enough|insufficient) (?:\w+ )?"
    r"(?:information|evidence|answer)\b"
    r"|\bi (?:cannot|can't|am unable to|'m unable to|could not|don't know|do not know)\b"
    r"|\b(?:is|are|was|were) not (?:mentioned|stated|specified|covered|described|given|addressed|answered)\b"
    rf"[^.]{{0,40}}\b{_SOURCE}"
    rf"|\b{_SOURCE}\b[^.,;:]{{0,25}}\b(?:нет (?:ответ|информац|сведени|данн|указани|упоминани)\w*"
    r"|не (?:содерж\w+|указа\w+|сказа\w+|упомина\w+|говор\w+|сообща\w+"
    r"|отвеча\w+|описа\w+|привод\w+))"
    r"|\b(?:нет|недостаточно) (?:\w+ )?(?:информации|данных|сведений|ответа)\b"
    r"|\bне (?:могу|удалось|получится|знаю|удаётся|удается)\b"
    r"|\bв (?:предоставленных|приведённых|приведенных|этих|данных) \w+ (?:об этом )?(?:не|нет)\b",
    re.IGNORECASE,
)
_OUT_OF_SCOPE = re.compile(
    r"\b(?:outside|beyond|out of) (?:of )?(?:the )?(?:scope|topic)\b|\bunrelated to (?:the|these) \w+"
    r"|\bне относится к (?:теме|документ\w+|предмет\w+|этим)|\bвне (?:темы|рамок|области)\b",
    re.IGNORECASE,
)
_CONFLICTING = re.compile(
    rf"\b{_SOURCE}\b[^.]{{0,40}}\b(?:contradict|conflict|disagree)\w*|\b(?:contradictory|conflicting) "
    rf"(?:\w+ )?(?:{_SOURCE}|statements?|values?)\b"
    rf"|\b{_SOURCE}\b[^.]{{0,40}}\b(?:противореч\w+|расход\w+)|\bпротиворечив\w+ (?:данн|сведен|информац)\w+",
    re.IGNORECASE,
)


def refusal(sentence: str) -> AbstainReason | None:
    """Why the sentence says that there is no answer; None where it says no such thing.

    >>> refusal("The passages do not say how long it lasts."), refusal("It lasts two years.")
    ('no_evidence', None)
    >>> refusal("Эти документы противоречат друг другу.")
    'conflicting'
    """
    if _CONFLICTING.search(sentence):
        return "conflicting"
    if _OUT_OF_SCOPE.search(sentence):
        return "out_of_scope"
    return "no_evidence" if _NO_EVIDENCE.search(sentence) else None
