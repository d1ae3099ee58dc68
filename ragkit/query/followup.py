"""Whether a question leans on the turns before it, told by its words, in English and Russian.

Rules, no model. Of questions of SQuAD 1.1, which stand alone, 2 % are taken for leaning; of the later turns
of MTRAG about a third, for many of the others name their subject anew (evals/conversations.py). So what
depends on it must do no harm where it is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

Terms = Callable[[str], Sequence[str]]

# How one goes on with what was said: "And abroad?", "А за границей?"
_GOES_ON = re.compile(
    r"\W*(?:(?:and|but|so|then|or|also|plus|(?:what|how) about|what if|what else|o?kay|ok|oops|sorry"
    r"|i meant?|thanks?|thank you|got it|i see|for example|more(?! than)|are you sure|is that all"
    r"|anything else"
    r"|и|а|но|ну|или|тогда|значит|то есть|также|ещё|еще|ок|понятно|ясно|спасибо|извини(?:те)?|например"
    r"|подробнее|(?:что|как) насч[её]т|я имел[аи]? в виду)\b"
    # An answer to what was said, not "No-smoking areas" or "Нет ли скидок".
    r"|(?:no|yes|нет|да)\b(?=\s*(?:[,.;:!?…—–]|-\s|$)))",
    re.IGNORECASE,
)
_ASKS_ALONE = re.compile(
    r"\W*(?:(?:but |and |а |и |но )?(?:why|how|when|where|who|which|how (?:long|much|many|often|so|come)"
    r"|since when|why not|really|почему|зачем|как|когда|где|куда|кто|сколько|как (?:долго|часто|скоро)"
    r"|с каких пор|какие|правда|точно))\W*",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(?:it|its|it's|they|them|their|theirs|he|him|his|she|her|hers"
    r"|он|она|оно|они|его|е[её]|ей|им|их|ему|ними|ним|ней|н[её]м|них|нему|нею|нее|неё)\b",
    re.IGNORECASE,
)
_POINTS_BACK = re.compile(
    r"\bthis\b|\bthese\b|\bthose\b(?! who)"
    r"|\bthat(?=\s*(?:[?.!,]|$|(?:is|was|are|does|do|did|will|would|can|could|mean|work|happen|cost"
    r"|appl|too)))"
    r"|\b(?:of|about|for|with|from|by|like) that\b(?=\W|$)"
    r"|\b(?:any others?|the others?|others|the same|any more|more details?|which ones?"
    r"|the (?:first|second|last) one|the latter|the former)\b"
    r"|\b(?:эт(?:о|от|а|у|ого|ой|ому|им|ом|и|их|ими)|так(?:ой|ая|ое|ие|ого|их)|там|туда|оттуда"
    r"|т(?:от|а|о|е) же|остальн(?:ые|ых|ое|ого)|друг(?:ие|их))\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<=[^\s.?!…] )[A-ZА-ЯЁ][\w'-]+")
_OWN_WORD = re.compile(
    r"\b(?:who|whom|whose|what|when|where|why|how|which|is|are|was|were|do|does|did|can|could|will"
    r"|would|should|may"
    r"|must|has|have|кто|кого|кому|чей|что|когда|где|куда|откуда|почему|зачем|как|какой|какая|какое"
    r"|какие|каков[аы]?"
    r"|сколько|можно|нужно|надо|ли|есть)\b",
    re.IGNORECASE,
)


def leans(question: str, terms: Terms) -> bool:
    """Whether a question can hardly be understood without the turns before it.

    It points back to them, or has but one word of content. A pronoun counts where at most one word of content
    stands before it: further on it mostly means something that the question itself has named.

    Args:
        question: as it was asked.
        terms: gives the analysed words of a text, as the collection indexes them.

    >>> from ragkit.text.analyze import Analyzer
    >>> terms = Analyzer().terms
    >>> [leans(q, terms) for q in ("And abroad?", "Сколько он стоит?", "How long does the warranty last?")]
    [True, True, False]
    """
    return points_back(question, terms) or len(set(terms(question))) < 2


def points_back(question: str, terms: Terms) -> bool:
    """Whether a question has words that stand for something said before, or begin in the midst of a talk."""
    text = question.strip()
    if _GOES_ON.match(text) or _ASKS_ALONE.fullmatch(text) or _POINTS_BACK.search(text):
        return True
    pronoun = _PRONOUN.search(text)
    if pronoun is None or _NAME.search(text[: pronoun.start()]):
        return False
    return len(set(terms(text[: pronoun.start()])) & set(terms(text))) < 2


def has_own_word(question: str) -> bool:
    """Whether a question says what it asks for, as "When does it end?" does and "And abroad?" does not."""
    return bool(_OWN_WORD.search(_GOES_ON.sub("", question, count=1)))
