"""Abbreviations that end in a period, by what may follow them.

Lower case, without the last period, ё as е. `LEADING` stand before what they belong to (a name, a number) and
never end a sentence; `BEFORE_NUMBER` do so only before a digit; `CLOSING` end a sentence where the next
word has a capital letter; `IN_NAMES` stand inside names and titles, whose next word has one anyway, and end a
sentence only before a word that opens one (`OPENERS`). Single capital letters are initials and need no entry.
"""

from __future__ import annotations

from typing import Final


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


LEADING: Final = _words(
    """
    mr mrs ms dr prof rev hon gen col maj capt cmdr lt sgt cpl gov sen rep pres supt insp st ste mt ft
    messrs mme mlle mgr fr sr sra srta dra dña don dott ing avv sig vs cf viz eg ie e.g i.e approx esp
    incl resp ca al-fig fig figs eq eqs sec ch chap vol vols ed eds pp para art ref refs app tab op cit
    z.b bzw vgl ggf evtl bspw sog inkl exkl zzgl d.h u.a z.t i.d.r o.g nr abs str hr hrn fa geb p.ex
    c.-à-d env av bd г гор ул просп пр-т пер наб бул бульв пл ш туп обл р-н пос дер пгт ст-ца им акад
    проф доц доктор канд чл чл.-корр инж ген подполк полк кап лейт серж ряд адм св преп о-в о-ва оз р-ка
    гр гр-н гр-ка тов госп г-н г-жа мистер см ср напр рис илл табл гл разд п пп пункт ч подп ст стр с
    тел факс моб доб кв корп стр-е д лит литер эт оф комн ком пом каб абз прим т.е т.к т.н т.наз и.о
    в.и.о врио мин-во ин-т ун-т каф ф-т спец рук зам зав нач гендир дир пред секр изд-во изд ред сост
    пер отв яз лат англ нем франц греч итал исп рус русск укр польск тур араб кит яп букв перен разг
    устар жарг мн ед буд прош наст кажд так называем дж внутр внеш макс миним ок около прибл след обр юр
    физ
    """
)

BEFORE_NUMBER: Final = _words("no nos p page art fig num n т кн вып ном № кат поз сер инв рег арт экз ном н")

CLOSING: Final = _words(
    """
    etc al a.m p.m a.d b.c b.c.e c.e min max sq oz lb yd mi hrs usw u.s.w uvm u.v.m n.chr v.chr jan feb
    mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun т.д т.п д п др пр гг вв в н.э э
    руб коп долл млн млрд трлн тыс чел шт кг см мм км м га л мл мин сек час ч сут нед мес проц р у.е куб
    янв фев февр мар апр июн июл авг сен сент окт ноя нояб дек пн вт ср чт пт сб вс
    """
)

IN_NAMES: Final = _words(
    """
    inc ltd co corp llc plc jr sr u.s u.k u.n e.u u.s.a d.c ph.d m.d b.a m.a b.sc m.sc ll.b dept univ
    assn bros est ave blvd rd st gmbh
    """
)

# After these a single capital letter is a name of a thing and no initial: "take vitamin C. It helps".
LETTERED: Final = _words(
    """
    vitamin vitamins plan type grade class hepatitis section appendix option group series point team
    model part витамин витамина витамином план плана тип типа группа группы группе класс класса вариант
    варианта варианте приложение приложения приложении категории категория гепатит гепатита корпус
    корпуса точка точки пункт
    """
)

# Words that open sentences: after "the U.S." or an initial they tell that a new one has begun.
OPENERS: Final = _words(
    """
    the a an this that these those it its he she they we i you his her their our there here in on at by
    for from with when where while if as but and or so then however also after before since because
    although what why who how is are was were do does did can could may must should will would no not
    yes both each many most some such one two other another today yesterday now в на по с к у и а но о
    об от до из за для при это этот эта эти он она оно они мы вы я его ее их ему им там тут здесь так
    также кроме если когда чтобы как какой что кто где потом затем после перед однако поэтому тогда
    теперь сейчас сегодня вчера все всего есть нет не ни да же можно нужно надо ведь вот во со под над
    между среди многие некоторые другой другие первый второй такой такая такие наш наша ваш der die das
    ein eine er sie es wir ich in im am auf und aber wenn dann diese dieser dieses le la les un une il
    elle ils nous je et mais si el los las una ella pero
    """
)

MONTHS: Final = _words(
    """
    januar februar märz april mai juni juli august september oktober november dezember jahrhundert jh
    jahrestag
    """
)

AFTER_TIME: Final = _words(
    """
    eastern central mountain pacific est edt cst cdt pst pdt gmt utc cet monday tuesday wednesday
    thursday friday saturday sunday january february march april june july august september october
    november december
    """
)

SAID: Final = _words(
    """
    said says asked replied answered cried shouted whispered added exclaimed wrote explained muttered
    thought called yelled continued told
    """
)
