"""Questions that ask in Russian for what a sentence states: a number, a date, a version, what something is.

A Russian question keeps the cases of its sentence, so it is enough to put the asking words first and the verb
before its subject. Verbs are those of a list: endings alone do not tell «пакет» from a verb.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragkit.evaluation.questions.draft import Asked

_LASTING = (
    "длится длятся действует действуют хранится хранятся живёт живет живут работает работают сохраняется"
    " сохраняются остаётся остаются держится продолжается ждёт ждут доступен доступна доступно доступны"
)
_HOLDING = (
    "содержит содержат вмещает вмещают хранит хранят держит держат имеет имеют поддерживает поддерживают"
    " обслуживает обслуживают возвращает возвращают принимает принимают показывает показывают помнит помнят"
    " выдерживает вмещается помещается"
)
_HAPPENING = (
    "появился появилась появилось появились вышел вышла вышло вышли начался началась началось начались"
    " закончился закончилась закончилось закончились прекращена прекращён прекращен прекращено"
    " прекращены удалён"
    " удалена удалено удалены добавлен добавлена добавлено добавлены изменён изменена изменено"
    " изменены выпущен"
    " выпущена выпущено выпущены поддерживается поддерживаются доступен доступна доступно доступны включён"
    " включена включено включены начинается начинаются заканчивается заканчиваются отключается отключаются"
    " вступает вступают создаётся создаются создан создана создано созданы основана основан основано истекает"
    " истекают появляется появляются обновляется обновляются выполняется выполняются проверяется проверяются"
    " запускается запускаются отправляется отправляются"
)
_OTHER = (
    "занимает занимают стоит стоят составляет составляют слушает слушают использует используют подключается"
    " подключаются весит весят удаляется удаляются закрывается закрываются"
)
_MODAL = r"(?:должен|должна|должно|должны|может|могут)"
_TO_HOLD = r"(?:содержать|иметь|вмещать|хранить|принимать|возвращать|обслуживать|поддерживать)"
_VERB = re.compile(
    rf"\b(?:{'|'.join(f'{_LASTING} {_HOLDING} {_HAPPENING} {_OTHER}'.split())}|{_MODAL} {_TO_HOLD})\b"
)
_NO_SUBJECT = re.compile(
    r"\b(?:он|она|оно|они|это|этот|эта|эти|тот|та|те|мы|вы|я|там|здесь|который|которая|которое"
    r"|которые|если|когда"
    r"|что|чтобы|как|где|и|или|а|но|не|ни|уже|ещё|еще|также|тоже|только|так|такой|такая|такое|такие"
    r"|оба|обе|всё"
    r"|все|каждый раз|остальные|другой|другая|другие|одна|один|него|неё|их|его|её|даже|обычно|потом"
    r"|затем|после"
    r"|кажд(?:ый|ая|ое|ые)|люб(?:ой|ая|ое|ые)|сейчас|единственн\w+|главн\w+|важн\w+|перв\w+|втор\w+|трет\w+"
    r"|момент|смысл|идея|цель|причина|разница|результат|\w+[ийеа]те|пример|примеры|вот|можно|нужно"
    r"|нельзя|лучше)\b",
    re.IGNORECASE,
)
_BAD_OPENING = re.compile(
    r"(?:В|Во|На|По|За|С|Со|Для|Из|От|До|У|При|Под|Над|О|Об|К|Ко|Через|Без|Перед|Между|После|Во время"
    r"|Кроме)\s",
)
_MONTH = "(?:января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря)"
_LEAD = "(?:не менее|не более|не больше|не меньше|не дольше|около|примерно|до|ровно|только|более|менее)"
TIME = (
    r"(?:секунд[аы]?|минут[аы]?|час(?:а|ов)?|(?:рабоч(?:ий|их) |календарн(?:ый|ых) )?(?:день|дня"
    r"|дней)|сут(?:ки|ок)"
    r"|недел[яиью]|недель|месяц(?:а|ев)?|год(?:а)?|лет)"
)
_NUMBER = r"\d[\d\u00a0\u202f ]*(?:,\d+)?"
_DURATION = re.compile(
    rf"^(?P<before>(?:.*?\s)??)(?P<all>(?:{_LEAD} )?(?P<answer>{_NUMBER}\s?{TIME}))(?P<after>\b.*)$"
)
_PRICE = re.compile(
    rf"^(?P<before>)(?P<all>(?:{_LEAD} )?(?P<answer>{_NUMBER}\s?(?:рубл(?:ь|я|ей)|₽|евро|€|%"
    rf"|процент(?:а|ов)?)))"
    r"(?P<after>.*)$"
)
_COUNT = re.compile(
    rf"^(?P<before>)(?P<all>(?:{_LEAD} )?(?P<answer>(?P<number>{_NUMBER})\s?(?P<noun>[а-яё]{{3,}}(?:ов"
    rf"|ев|ей|ок|ек|ий"
    r"|ц|ч|к|д|т|н|р|л|м)))\b)(?P<after>.*)$"
)
_WEIGHT = re.compile(rf"^(?P<before>)(?P<all>(?P<answer>{_NUMBER}\s?(?:кг|г|т|тонн)))\b(?P<after>.*)$")
_PORT = re.compile(r"^(?P<before>)(?P<all>порт (?P<answer>\d{2,5}))(?P<after>\b.*)$")
_VIA_PORT = re.compile(
    r"^(?P<before>(?:.*\s)?)(?P<preposition>через|на|по) (?P<all>порту? (?P<answer>\d{2,5}))(?P<after>\b.*)$"
)
_VERSION = re.compile(
    r"^(?P<before>(?:.*\s)?)(?P<preposition>с|в|до) (?P<all>верси(?:и|ей)"
    r" (?P<answer>\d+(?:\.\d+)+))(?P<after>\b.*)$"
)
_DATE = re.compile(
    rf"^(?P<before>(?:.*\s)?)(?P<preposition>с |до |)(?P<all>(?P<answer>\d{{1,2}} {_MONTH}(?:"
    rf" \d{{4}})?)(?: года)?)"
    r"(?P<after>\b.*)$"
)
_CLOCK = re.compile(r"^(?P<before>(?:.*\s)?)в (?P<all>(?P<answer>\d{1,2}:\d\d))(?P<after>\b.*)$")
_CLAUSE = re.compile(r"[,;:—–(«]|\s-\s|\b(?:а|но|и|если|когда|пока|чтобы|который|или)\b")
_WHAT_IS = re.compile(r"^(?P<subject>[^—–:;,.?!]{2,60}?)\s+[—–-]\s+это\s+(?P<answer>.{15,})$")
_MOST_SUBJECT, _MOST_REST = 7, 8  # words


def asked_of(text: str, is_name: frozenset[str] | set[str] = frozenset()) -> Iterator[Asked]:
    """The questions that a sentence answers, surest first; mostly none.

    Args:
        text: a sentence on one line.
        is_name: words that the documents write with a capital within sentences too.

    >>> [asked.text for asked in asked_of("Пробный период длится 45 дней с возможностями тарифа Beacon.")]
    ['Сколько длится пробный период с возможностями тарифа Beacon?']
    """
    text = text.rstrip(". ")
    if "?" in text or "!" in text:
        return
    yield from _what_is(text, is_name)
    found = _VERB.search(text)
    if found is None:
        return
    subject, verb, rest = text[: found.start()].strip(), found[0], text[found.end() :].strip()
    if not _is_subject(subject):
        return
    subject = _lowered(subject, is_name)
    for kind, pattern, asks in _RULES:
        match = pattern.match(rest)
        wh = asks(match, verb) if match is not None and not _CLAUSE.search(match["before"]) else None
        after = _cut(match["after"]) if match is not None else None
        if match is not None and wh and after is not None:
            text = " ".join(f"{wh} {verb} {subject} {match['before']} {after}".split()) + "?"
            if 3 <= len(text.split()) <= 22:
                yield Asked(kind, text, answers=_answers(match))
                return


def _is_subject(subject: str) -> bool:
    words = subject.split()
    return (
        1 <= len(words) <= _MOST_SUBJECT
        and subject[0].isupper()
        and not _BAD_OPENING.match(subject)
        and not _NO_SUBJECT.search(subject)
        and re.fullmatch(r"[\w ./\-]+|[\w ./\-]*«[^«»]+»[\w ./\-]*", subject) is not None
        # A participle or a verb within it would make two clauses of one.
        and not re.search(r"\b\w+(?:ет|ют|ит|ат|ят|лся|лась|лись)ся\b", subject)
    )


def _asked_duration(match: re.Match[str], verb: str) -> str | None:
    before = match["before"].strip().lower()
    if verb.startswith("занима"):
        return None if before else "Сколько времени"
    if verb in _LASTING.split():
        return None if before else "Сколько"
    return None


def _asked_price(_match: re.Match[str], verb: str) -> str | None:
    return "Сколько" if verb in {"стоит", "стоят", "составляет", "составляют"} else None


def _asked_count(match: re.Match[str], verb: str) -> str | None:
    digits = re.sub(r"\D", "", match["number"])
    # Only these numbers govern the genitive plural, which «сколько» takes too.
    is_many = digits[-1:] in "056789" or digits[-2:] in {"11", "12", "13", "14"}
    is_time = re.fullmatch(TIME, match["noun"]) is not None
    is_holding = verb in _HOLDING.split() or re.fullmatch(f"{_MODAL} {_TO_HOLD}", verb) is not None
    return f"Сколько {match['noun']}" if is_holding and is_many and not is_time else None


def _asked_weight(_match: re.Match[str], verb: str) -> str | None:
    return "Сколько" if verb in {"весит", "весят"} else None


def _asked_port(_match: re.Match[str], verb: str) -> str | None:
    return "Какой порт" if verb in {"слушает", "слушают", "использует", "используют"} else None


def _asked_via_port(match: re.Match[str], _verb: str) -> str | None:
    return {"через": "Через какой порт", "на": "На какой порт", "по": "По какому порту"}[match["preposition"]]


def _asked_version(match: re.Match[str], _verb: str) -> str | None:
    return {"с": "С какой версии", "в": "В какой версии", "до": "До какой версии"}[match["preposition"]]


def _asked_date(match: re.Match[str], _verb: str) -> str | None:
    return {"с": "С какого числа", "до": "До какого числа", "": "Когда"}[match["preposition"].strip()]


def _asked_clock(_match: re.Match[str], verb: str) -> str | None:
    return "Во сколько" if verb in _HAPPENING.split() or verb.startswith("закрыва") else None


_RULES = (
    ("date", _DATE, _asked_date),
    ("version", _VERSION, _asked_version),
    ("number", _PORT, _asked_port),
    ("number", _VIA_PORT, _asked_via_port),
    ("number", _DURATION, _asked_duration),
    ("number", _PRICE, _asked_price),
    ("number", _WEIGHT, _asked_weight),
    ("number", _COUNT, _asked_count),
    ("number", _CLOCK, _asked_clock),
)


def _what_is(text: str, is_name: frozenset[str] | set[str]) -> Iterator[Asked]:
    match = _WHAT_IS.match(text)
    if match is None or len(match["subject"].split()) > 5 or _NO_SUBJECT.search(match["subject"]):
        return
    if _BAD_OPENING.match(match["subject"]) or match["subject"].isdigit() or match["answer"].endswith(":"):
        return
    if re.match(r"(?:од(?:ин|на|но) из|то, |просто |не |как )", match["answer"]):
        return
    yield Asked("definition", f"Что такое {_lowered(match['subject'], is_name)}?", answers=(match["answer"],))


def _cut(after: str) -> str | None:
    """What of the rest of the sentence belongs to the question; None where it would be odd without more."""
    clause = _CLAUSE.search(after)
    kept = (after[: clause.start()] if clause else after).strip()
    if re.match(r"(?:и|или|до|из|×|x|/|-|–)(?:\s|$)", after.strip()) or len(kept.split()) > _MOST_REST:
        return None
    return kept


def _answers(match: re.Match[str]) -> tuple[str, ...]:
    groups = match.groupdict()
    return tuple(
        dict.fromkeys(a.strip() for a in (groups["answer"], groups["all"], groups.get("number")) if a)
    )


def _lowered(subject: str, is_name: frozenset[str] | set[str]) -> str:
    first, blank, rest = subject.partition(" ")
    is_word = re.fullmatch("[А-ЯЁ][а-яё-]*", first) is not None and first not in is_name
    return f"{first.lower()}{blank}{rest}" if is_word else subject
