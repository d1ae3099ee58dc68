"""How hard a question looks, by rules that can be read: points for what usually takes a larger model.

The rules look at the words of the question and at how many questions it was decomposed into, and understand
nothing: a short question may be hard and none of them sees it. One point or more have 40 % of the questions
of HotpotQA and 52 % of 2WikiMultihopQA, which take two documents or more; and 9 % of SQuAD, 9 % of XQuAD in
Russian, 2 % of those on the documentation of FastAPI, which take one (`evals/benchmarks/difficulty.py`).
Scores of passages are not looked at: fused by ranks, the first two differ by 2 % whatever they hold.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ragkit.chat import Message
from ragkit.types import QueryPlan

LONG_WORDS = 22
# A plan has its question and, decomposed, the parts of it.
MANY_QUERIES = 3

_COMPARES = re.compile(
    r"\b(?:compar\w+|versus|vs|differ\w*|rather than|as opposed to|(?:more|less|fewer|\w{3,}er) than"
    r"|which (?:one )?(?:is|was|has|of|came|comes|costs?|lasts?)\b.{0,80}\bor|both|same as|in common"
    r"|similar\w*|pros and cons|advantages?|trade-?offs?"
    r"|сравн\w+|отлич\w+|разниц\w+|различ\w+|по сравнению|в отличие|чем\b.{0,60}\bлучше|лучше|хуже|дешевле"
    r"|дороже|больше,? чем|меньше,? чем|раньше,? чем|позже,? чем|оба|обе|обеих|обоих|общего|похож\w*"
    r"|преимуществ\w*|недостат\w*)\b",
    re.IGNORECASE,
)
_KIN = (
    "director|author|founder|mother|father|spouse|wife|husband|owner|capital|performer|composer|creator|maker"
)
_CHAINS = re.compile(
    r"\b(?:(?:who|which|what|where|when|whose)\b.{3,80}\b(?:of|by|in|for|to|from) (?:the|a|an) "
    r"\w+(?: \w+){0,3} (?:who|that|which|where|whose|of|by)\b"
    r"|\w+'s \w+'s|the \w+ of the \w+ of"
    # "When did the director of … die?", but not "Who is the director of …?"
    rf"|(?:where|when|what|which|who)(?! (?:is|was|are|were) the (?:{_KIN}) of)\b.{{0,80}}\b(?:{_KIN}) of"
    r"|котор(?:ый|ая|ое|ые|ого|ой|ых|ому|ым|ую|ыми)|чь(?:я|ё|и|его|ей)|тот, кто|те, кто|того, кто)\b",
    re.IGNORECASE,
)
_REASONS = re.compile(
    r"\b(?:why|explain|how come|what happens (?:if|when)|what if|under (?:what|which) conditions"
    r"|in which cases|consequences?|summari[sz]e|list all|all (?:the )?\w+ (?:that|which)|step by step"
    r"|почему|зачем|объясни\w*|что (?:будет|произойдёт|произойдет),? если|при каких условиях|в каких случаях"
    r"|последстви\w+|перечисл\w+|обобщ\w+|подвед\w+ итог|все \w+,? котор\w+|по шагам)\b",
    re.IGNORECASE,
)
_JOINS = re.compile(
    r"[?;]\s*\w|\b(?:and (?:how|what|who|when|where|why|which)|and also|as well as"
    r"|а также|и (?:как|кто|что|когда|где|почему|сколько|какой|какая|какие))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Difficulty:
    """The points of a question, and what they were given for.

    >>> Difficulty(("compares", "chain")).points
    2
    """

    signs: tuple[str, ...] = ()

    @property
    def points(self) -> int:
        """One for each sign."""
        return len(self.signs)


def difficulty_of(value: object, messages: Sequence[Message] = ()) -> Difficulty:
    """How hard the question of a value looks.

    Args:
        value: what a stage works on: a plan, a context, an answer. For anything else the last message counts.
        messages: what is about to be asked.

    >>> difficulty_of(QueryPlan.of("How long is the warranty?")).signs
    ()
    >>> difficulty_of(QueryPlan.of("Чем «Про» отличается от «Старт» и сколько стоит каждый?")).signs
    ('compares', 'several')
    """
    plan = value if isinstance(value, QueryPlan) else getattr(value, "plan", None)
    if isinstance(plan, QueryPlan):
        text, n_queries = plan.question, len(plan.queries)
    else:
        text, n_queries = (messages[-1].text if messages else ""), 1
    signs = _signs(text)
    if n_queries >= MANY_QUERIES and "several" not in signs:
        signs.append("several")
    return Difficulty(tuple(signs))


def _signs(question: str) -> list[str]:
    signs = [
        name
        for name, words in (
            ("compares", _COMPARES), ("chain", _CHAINS), ("reasons", _REASONS), ("several", _JOINS),
        )
        if words.search(question)
    ]  # fmt: skip
    if len(question.split()) >= LONG_WORDS:
        signs.append("long")
    return signs
