"""What two questions want: a person, a time, a place, a way, yes or no; what must be and what may be."""

from __future__ import annotations

import re
from typing import Final

# A line: a kind, and the words that ask for it. Of those that begin at one place, the upper line's count.
_LINES: Final = r"""
span // how long|for how many (?:days|weeks|months|years|hours)|what (?:is the )?(?:duration|length of time)
span // как долго|сколько (?:времени|дней|недель|месяцев|лет|часов|минут|длится|длятся|хран\w+|действует)
span // сколько (?:действуют|идет|занимает)|(?:какой|каков|на какой) срок
often // how (?:often|frequently)|how many times|как часто|сколько раз
cost // how much (?:\w+ ){0,5}(?:costs?|pay|charge[ds]?)|what (?:is|are|'s) the (?:price|cost|fee)s?
cost // what \w+ costs?|сколько (?:\w+ ){0,3}стои\w+|как(?:ая|ова) (?:цена|стоимость)|почем
count // how (?:many|much)|what (?:is|'s) the number of|сколько|какое количество|каково количество
when // when|what time|(?:what|which) (?:date|day|year|month)|until when|since when|когда|во сколько
when // в какое время|с какого|до какого|какого числа|в каком (?:году|месяце)
where // where|whereabouts|где|куда|откуда
why // why|how come|for what reason|what (?:is|'s|are|was|would be) the reasons?|почему|зачем|отчего
why // по какой причине
who // who|whom|whose|(?:which|what) (?:person|people|groups?|population group)|кто|кого|кому|кем|у кого
who // чей|чья|чьи|чье
how // how|in (?:what|which) ways?|by what means|как|каким образом|каким способом
what // what|which|что|чего|чему|чем|какой|какая|какое|какие|каков|какова|каковы|каких|каким|какими|какую
what // какого|каком
"""
_KINDS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (kind, re.compile(rf"\b(?:{pattern})\b"))
    for kind, _, pattern in (line.partition(" // ") for line in _LINES.strip().splitlines())
)
_HELPING: Final = (
    "is|are|am|was|were|do|does|did|can|could|will|would|shall|should|may|might|must|has|have|had|needs?"
    "|isn't|aren't|don't|doesn't|didn't|can't|couldn't|won't|shouldn't|mustn't"
)
# `Can you tell me how …?` asks how.
_REQUEST: Final = (
    r"(?:you|we|i|anyone|somebody|someone) (?:please |kindly )?"
    r"(?:tell|explain|know|show|describe|say|list|give|help|find out|ask)"
)
_WHETHER: Final = re.compile(
    rf"^\W*(?:(?:and|so|but|а|и|но) )?(?:{_HELPING})\b(?! {_REQUEST})|^\W*\w+ ли\b|\bли\b"
)
# `How can one help?` and `What can one do to help?`
_WAYS: Final = re.compile(
    r"what (?:\w+ ){0,5}?(?:do|done|steps?|actions?|ways?|measures?|precautions?|act)\b"
    r"|что (?:\w+ ){0,4}?(?:дела\w+|сдела\w+)"
)
_MUST: Final = re.compile(
    r"\b(?:must|(?:have|has) to|need(?:s|ed)?|requires?|required|obliged|obligat\w+|mandatory|necessary"
    r"|should|ought|recommend\w*|нужно|надо|необходим\w*|обязан\w*|обязательн\w*|долж\w+|следует|требу\w+|прид[её]тся"
    r"|приходится)\b"
)
_MAY: Final = re.compile(
    r"\b(?:can|could|may|might|allowed|permitted|permissible|possible|able|можно|могу|могут|может|можем|можете"
    r"|возможно|разреш\w+|допуска\w+|допустим\w*|име(?:ет|ю) право|вправе)\b"
)


def other_asking(one: str, other: str) -> str | None:
    """What kind of answer one of two questions wants and the other does not.

    Args:
        one: in lower case, in its normal form.
        other: likewise.

    >>> other_asking("who approves a refund?", "when is a refund approved?")
    'who and when'
    >>> other_asking("must i restart?", "can i restart?")
    'must and may'
    """
    ours, theirs = kind_of(one), kind_of(other)
    if ours != theirs and not (
        {ours, theirs} == {"what", "how"} and _WAYS.search(one if ours == "what" else other)
    ):
        return f"{ours} and {theirs}"
    if {ours, theirs} <= {"whether", "who"}:
        mine, its = _modality(one), _modality(other)
        if mine and its and mine.isdisjoint(its):
            return f"{min(mine)} and {min(its)}"
    return None


def kind_of(question: str) -> str:
    """The kind of answer that a question wants, by its first word of asking.

    >>> kind_of("can people who had it get it again?"), kind_of("please tell me how long it takes.")
    ('whether', 'span')
    """
    if _WHETHER.search(question):
        return "whether"
    found = [
        (match.start(), rank, kind)
        for rank, (kind, pattern) in enumerate(_KINDS)
        if (match := pattern.search(question))
    ]
    return min(found)[2] if found else "whether"


def _modality(question: str) -> set[str]:
    return {name for name, pattern in (("must", _MUST), ("may", _MAY)) if pattern.search(question)}
