"""What kind of question it is, told by its words, in English and Russian."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, Literal, get_args

from ragkit.query.parts import parts_of
from ragkit.text.asking import asks_for_number

Terms = Callable[[str], Sequence[str]]
Intent = Literal["faq", "lookup", "multi_hop", "out_of_scope"]
INTENTS: Final = get_args(Intent)

_SMALL_TALK = re.compile(
    r"\W*(?:(?:hi|hello|hey|good (?:morning|afternoon|evening)|thanks?(?: you)?(?: very much)?"
    r"|thank you so much|bye"
    r"|goodbye|how are you(?: today)?|who are you|what(?:'s| is) your name|what can you do|are you (?:a )?"
    r"(?:human|robot|bot|real)|ok(?:ay)?|great|cool|nice|привет|здравствуй(?:те)?|добр(?:ый|ое|ой) "
    r"(?:день|утро|вечер)|спасибо(?: большое)?|благодарю|пока|до свидания|как дела|кто ты|как тебя зовут"
    r"|что ты умеешь|ты (?:человек|робот|бот)|хорошо|отлично|понятно)(?:[\s,!.?…]+(?:there|all"
    r"|everyone|everybody|всем))?"
    r"[\s!.,?…)]*)+",
    re.IGNORECASE,
)
_OTHER_WORK = re.compile(
    r"\W*(?:(?:please|can you|could you|пожалуйста|можешь|ты можешь) )?(?:"
    r"(?:write|compose|make up|tell)(?: me| us)? (?:an? |the |some )?(?:\w+ ){0,2}(?:poem|song|story"
    r"|joke|essay|haiku|limerick|rap)"
    r"|sing\b|tell me something funny|what(?:'s| is) the weather|what time is it|translate\b"
    r"|(?:напиши|сочини|придумай|расскажи)(?:те)?(?: мне| нам)? (?:\w+ ){0,2}(?:стих\w*|песн\w+"
    r"|сказк\w+|анекдот\w*|шутк\w+"
    r"|рассказ|эссе|истори[юи])|спой\b|какая (?:сегодня |завтра )?погода|который час|переведи\b)",
    re.IGNORECASE,
)
# Somebody or something that is named by what it is to something else, and asked about: "When was the director
# of the film … born?", "the port of the server that …".
_SOMEBODY = (
    "director|performer|author|composer|founder|writer|singer|producer|creator|inventor|owner|president|ceo"
    "|leader"
    "|manager|head|maker|developer|publisher|designer|spouse|wife|husband|father|mother|child|son|daughter"
)
_CHAIN = re.compile(
    rf"(?<!who is )(?<!who was )(?<!who were )\b(?:the |both )?(?:{_SOMEBODY})s? of (?:the )?\w"
    rf"|\b(?:of|by|to|with|from) (?:the )?(?:[\w-]+ ){{1,2}}(?:of|who|whose) (?:the )?\w"
    rf"|\w['’]s? (?:[\w-]+ )?(?:{_SOMEBODY})\b(?=.*\w['’]s|.* (?:born|die|died|from|live|lived|study"
    rf"|work|graduate))"
    r"|(?<=\w )whose\b|\w['’]s (?:[\w-]+ ){0,2}\w+['’]s\b"
    r"|\b(?:grand(?:father|mother|son|daughter|child)|\w+-in-law|stepmother|stepfather|aunt|uncle"
    r"|nephew|niece)\b"
    r"|(?:режисс[её]р|автор|директор|основател|владел|создател|исполнител|руководител|отц|матер|муж|жен)\w* "
    r"(?:(?:[\w-]+) ){0,2}?(?:фильма|книги|компании|группы|песни|города|отдела|проекта)\b"
    r"|\w+, котор(?:ый|ая|ое|ые|ого|ой|ых|ому|ым|ом|ую)\b",
    re.IGNORECASE,
)
_FACT = re.compile(
    r"\W*(?:(?:in|on|at|for|from|by|to|with|until|since) )?(?:who|whom|whose|where|when|which"
    r"|what (?:is|was|are|were) the"
    r" (?:[\w-]+ ){0,2}(?:name|number|code|address|date|version|port|price|cost|limit|size|title"
    r"|capital|e-?mail)"
    r"|кто|кого|кому|чей|чья|где|куда|когда|котор\w+|в как(?:ом|ой|их)|как(?:ой|ая|ое|ие) (?:\w+ )?"
    r"(?:номер|адрес|код|название|имя|дата|верси\w|порт|цен\w|лимит|размер))\b",
    re.IGNORECASE,
)
_PROCEDURE = re.compile(
    r"\W*(?:how (?:do|does|can|should|to|is|are)\b(?! (?:many|much|long|often))|can (?:i|we|you)\b"
    r"|may i\b|what (?:happens|if|should)"
    r"|why\b|is it (?:possible|allowed)|как\b(?! (?:долго|часто|скоро))|можно ли|что (?:будет|делать"
    r"|такое)|почему|зачем"
    r"|нужно ли|разрешено ли)",
    re.IGNORECASE,
)


def intent_of(question: str, terms: Terms) -> Intent:
    """What kind of question it is.

    `out_of_scope` is what the words alone give away: greetings, small talk, a wish for a poem. Whether the
    documents answer a question is found out by searching them.

    Args:
        question: as it is understood.
        terms: gives the analysed words of a text, as the collection indexes them.

    >>> from ragkit.text.analyze import Analyzer
    >>> terms = Analyzer().terms
    >>> [intent_of(q, terms) for q in ("How do I log in?", "Какой порт у сервера?", "Hello!")]
    ['faq', 'lookup', 'out_of_scope']
    >>> intent_of("Who is older, Ann Lee or Bo Day?", terms)
    'multi_hop'
    """
    text = " ".join(question.split())
    if _SMALL_TALK.fullmatch(text) or _OTHER_WORK.match(text):
        return "out_of_scope"
    if parts_of(text, terms).kind != "one" or _CHAIN.search(text):
        return "multi_hop"
    if not _PROCEDURE.match(text) and (asks_for_number(text) or _FACT.match(text)):
        return "lookup"
    return "faq"
