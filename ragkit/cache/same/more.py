"""The words that only one of two questions has: it may say more, or the same in other words."""

from __future__ import annotations

from typing import Final

from ragkit.text.stem import stem
from ragkit.verify.words import Word, words

# They ask, or lead over to what is asked, and narrow nothing.
_LIGHT_EN: Final = """
please tell say know explain describe show understand mean meaning means give list find out help need needs
want like way ways possible possibility allow allowed permitted able get got gets take takes make use do
does done act happen happens thing things people person someone somebody anyone one ones time last lasts
there exist exists have has had may might can could should would must will shall also really actually
exactly just now currently generally usually normally typically best right order case through between among
within per via about regarding concerning question wondering recommended necessary required consider go
going come comes set keep kept number amount hello hi thanks thank dear
"""
_LIGHT_RU: Final = """
пожалуйста подскажите скажите расскажите объясните знать понять значит означает дать помогите помощь нужно
надо хочу хотел хотелось способ способом образом возможно возможность можно разрешено получить взять сделать
делать делают делается происходит вещь люди человек кто-то кто-нибудь время длится есть имеется может могу
могут должен должна должны следует также действительно именно просто сейчас обычно правильно порядке случае
через между среди внутри вопрос необходимо требуется это этот здравствуйте привет спасибо добрый день
интересует количество какова
"""
# What is never said in place of something else.
_EMPTY_WORDS: Final = """
please tell say know explain describe show list give can could should would must will shall may might also
really actually exactly just currently hello hi thanks thank dear question wondering пожалуйста подскажите
скажите расскажите объясните также действительно именно просто здравствуйте привет спасибо добрый день
вопрос интересует
"""


def _stems(*listed: str) -> frozenset[str]:
    return frozenset(
        stem(word, "ru" if word[0] > "z" else "en") for words_ in listed for word in words_.split()
    )


_EMPTY: Final = _stems(_EMPTY_WORDS)
_LIGHT: Final = _stems(_LIGHT_EN + _LIGHT_RU)


def says_more(one: str, other: str) -> str | None:
    """What one of two questions narrows the other by, where it says all that the other says.

    >>> says_more("Who approves expenses?", "Who approves expenses abroad?")
    'abroad'
    >>> says_more("How do backups work?", "Can you explain how backups work?") is None
    True
    """
    ours, theirs = _content(one), _content(other)
    for mine, its in ((ours, theirs), (theirs, ours)):
        extra = [word for stemmed, word in its.items() if stemmed not in mine]
        heavy = [word for word in extra if word.stem not in _LIGHT]
        # Where both have words of their own, one may stand for the other: `stored` and `kept`.
        if heavy and mine.keys() <= its.keys():
            return heavy[0].lower
    return None


def is_reworded(one: str, other: str) -> bool:
    """Whether one of two questions has words of its own, which may be other words for the same or not.

    >>> is_reworded("Where are logs stored?", "Where are logs kept?")
    True
    >>> is_reworded("How do I reset it?", "How can I reset it?")
    False
    """
    return _heavy(one) != _heavy(other)


def _heavy(question: str) -> frozenset[str]:
    return frozenset(_content(question).keys() - _LIGHT)


def _content(question: str) -> dict[str, Word]:
    return {word.stem: word for word in words(question) if word.is_content and word.stem not in _EMPTY}
