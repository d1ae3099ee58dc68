"""Words of which one turns a question round: `enable` and `disable`, `купить` and `продать`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

# A line: one side, and the other. The beginnings of words; a word that ends with ! is meant as it is.
_LINES: Final = """
add append insert // remov delet drop eras subtract
import upload // export download
import! // export!
incom inbound inward // outgo outbound outward
buy purchas // sell sale! sold
lend lent // borrow
send! sends! sent! sending // receiv
first initial // last! final
old! older oldest // new! newer newest
current now! today present! // previous former past! next! upcom
cheap // expensiv costl
small littl short tini // larg big! bigger biggest long! longer longest huge tall
fast quick // slow
high! higher highest // low! lower lowest
increas rais grow extend expand // decreas reduc lower! shrink cut! shorten
enabl activat // disabl deactivat
enabl allow permit grant // block forbid prohibit deny denied revok
start begin launch // stop! stops! stopped stopping end! ends! finish terminat
open! opens opened opening reopen // clos
lock // unlock
connect attach link // disconnect detach
encrypt // decrypt
accept approv // reject declin refus
includ contain // exclud except omit
join enter enrol subscrib // leav exit! quit unsubscrib withdraw
gain win! won! profit // los
before until // after since
min! minim least // max maxim most!
always // never
inside within indoor intern // outsid outdoor extern
up! upward // down! downward
left! // right!
backup back-up // restor recover
push // pull
read! reads reading // writ
public // privat
local onlin // remot offlin
online! // offline!
manual hand! // automat
mandator oblig requir compulsor // optional voluntar
best better advantag benefit pro! pros! strength // worst worse disadvantag drawback con! cons! weakness
cause reason // effect consequenc symptom
parent mother father // child children kid
male man! men! // female woman women
arriv // depart
credit! deposit // debit! withdraw
employer manager boss // employe subordinat
seller vendor supplier // buyer customer client
teacher // student
front! // back!
even! // odd!
ascend // descend
horizontal // vertical
success pass! passed passes // fail failur unsuccess
healthy // sick ill! unhealthy
добав вставь вставить // удал убра убер стер исключ
импорт загруз // экспорт выгруз скача
входящ // исходящ
купи покуп приобре // прода
отправ посла // получ прием
перв начальн // последн конечн итогов
стар // нов
текущ нынешн сейчас // предыдущ прошл прежн следующ будущ
дешев // дорог
маленьк меньш наименьш коротк // больш наибольш крупн длинн
быстр // медлен
высок выше наивысш // низк ниже наинизш
увелич повыс повыш прибав продл // уменьш сниз сниж убав сократ
включ активир // отключ выключ деактивир
разреш позвол допус // запре запрещ нельзя блокир
нача начин запус старт // останов законч заверш прекра
откры откро // закры закро
заблокир // разблокир
подключ присоедин // отключ отсоедин
зашифр // расшифр
приня прин одобр соглас // отклон отказ
вход войти вступ подпис // выход выйти отпис покин
до! перед // после
миним // максим
всегда // никогда
внутр // внешн снаружи наруж
левы лево! // правы право!
создат создан // удал
чита проч // пис запис
публичн открыт // приватн закрыт
локальн // удаленн
вручную ручн // автомат
обязательн // необязательн добровольн
плюс! плюсы преимущ достоинств // минус! минусы недостат
причин // следств последств
родител мать отец // ребен дет
мужчин мужск // женщин женск
приезд прибы // отъезд убы
зачисл пополн // списа снят
работодател руководител начальник // работник подчинен сотрудник
продав поставщик // покупател заказчик клиент
прода // покуп
платн // бесплатн
успеш успех удачн // неуспеш неудач
"""


@cache
def _pairs() -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
    lines = (line.split(" // ") for line in _LINES.strip().splitlines())
    return tuple((_side(one), _side(other)) for one, other in lines)


def _side(listed: str) -> re.Pattern[str]:
    parts = (
        re.escape(word[:-1]) if word.endswith("!") else rf"{re.escape(word)}\w*" for word in listed.split()
    )
    return re.compile(rf"\b(?:{'|'.join(parts)})\b")


def opposites(one: str, other: str) -> tuple[str, str] | None:
    """A word of one text and its opposite in the other, where each has only the one of them.

    Args:
        one: in lower case, `е` for `ё`.
        other: likewise.

    >>> opposites("how do i add a user?", "how do i remove a user?")
    ('add', 'remove')
    >>> opposites("add or remove?", "remove or add?") is None
    True
    """
    ours, theirs = set(_WORD.findall(one)), set(_WORD.findall(other))
    # A word that both have is opposite to none.
    mine, its = " ".join(sorted(ours - theirs)), " ".join(sorted(theirs - ours))
    for first, second in _pairs():
        for said, stated in ((first, second), (second, first)):
            here, there = said.search(mine), stated.search(its)
            if here and there and not (stated.search(one) or said.search(other)):
                return here[0], there[0]
    return _prefixed(ours - theirs, theirs - ours)


# `unlock`, `disconnect`, `неполный`: the word and nothing but its contrary before it.
_CONTRARY: Final = (
    "un",
    "dis",
    "in",
    "im",
    "ir",
    "il",
    "non",
    "de",
    "mis",
    "не",
    "бес",
    "без",
    "раз",
    "рас",
    "от",
)
_FEWEST = 4


def _prefixed(ours: set[str], theirs: set[str]) -> tuple[str, str] | None:
    for mine, its in _contraries(ours, theirs):
        return mine, its
    for its, mine in _contraries(theirs, ours):
        return mine, its
    return None


_WORD = re.compile(r"[^\W\d_]+")


def _contraries(some: set[str], others: set[str]) -> Iterator[tuple[str, str]]:
    for word in sorted(some):
        for prefix in _CONTRARY:
            rest = word.removeprefix(prefix)
            if rest != word and len(rest) >= _FEWEST:
                # All but the ending: `blocked` is the contrary of `unblock` too.
                yield from (
                    (word, its) for its in sorted(others) if its[: _FEWEST + 1] == rest[: _FEWEST + 1]
                )
