"""The kinds of questions, and what drafts them.

    faq         a heading that is a question, answered by what follows it
    howto       a heading that tells what to do, asked for as how to do it
    number      how long, how many, how much, on which port: a sentence turned into a question
    date        when something is or was the case
    version     in or since which version
    definition  what something is, or what a term means
    table       what a table says of a row in a column, as one would search for it
    cloze       a sentence with its number left out
    heading     a heading with its title, as one would search for it
    llm         what a language model asked about a passage, see `by_llm`
    keywords    the most telling words of a sentence, as one would search for it

The first six are questions that people might ask; the others are search words and gaps. None of them is a
question that somebody has asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ragkit.evaluation.questions import english, russian
from ragkit.evaluation.questions.draft import Asked, Draft, Sentence
from ragkit.evaluation.questions.headings import heading_as_question
from ragkit.evaluation.questions.material import Material, is_prose
from ragkit.text.asking import asks_for_number, states_number
from ragkit.text.telling import telling_words
from ragkit.types import Document, Section, Span

KINDS: dict[str, float] = {
    "llm": 0.8, "faq": 0.2, "howto": 0.15, "number": 0.25, "date": 0.05, "version": 0.05, "definition": 0.15,
    "table": 0.1, "cloze": 0.08, "heading": 0.08, "keywords": 0.04,
}  # fmt: skip
"""Each kind with the share of the questions that it has where there are enough of all."""
MOST: dict[str, float] = {"table": 0.3, "cloze": 0.2, "heading": 0.5, "keywords": 0.1}
"""What a kind may have at most, however few there are of others."""
_RULES: dict[str, Callable[..., Iterator[Asked]]] = {"en": english.asked_of, "ru": russian.asked_of}
_GAP = "___"
_NUMBERING = re.compile(r"^(?:\d{1,3}(?:\.\d{1,3})*|[IVX]{1,4})[.)]\s+")
_FREE = r"(?<![\w.,:/-])(?<![A-Z]\w\s)(?<![A-Z]\w\w\s)(?<![A-Z]\w\w\w\s)(?<![Vv]ersion )(?<!верси[ияю] )"
_NUMBER = {
    "en": re.compile(
        rf"{_FREE}\d[\d,.]*(?:\s?%|\s(?:(?:{english.TIME})(?<=s)|[a-z]{{3,}}(?<![su])s|percent|[GMKT]B"
        rf"|kg|cm|mm|°C)\b)"
    ),
    "ru": re.compile(
        rf"{_FREE}\d[\d\u00a0 ]*(?:\s?%|\s?₽|\s?(?:{russian.TIME}|руб\w+|[гкмт]?г|см|мм|[ГМК]Б)\b)"
    ),
}
_ABOUT_ELSEWHERE = re.compile(
    r"^(?:It|They|This|That|These|Those|He|She|Here|There|Then|But|And|So|Also|Both|Он|Она|Оно|Они"
    r"|Это|Этот|Эта"
    r"|Эти|Там|Здесь|Тогда|Но|А|И|Также|Оба|Обе|Он[аои]? же|Остальн\w+|See|In (?:this|that) case|For"
    r" example|We are"
    r"|Let's|См|Смотрите|Таким образом|В (?:этом|таком) случае|Например|Согласно)\b"
)
_TERM = re.compile(
    r"^(?P<term>[^\W\d_][\w«»/ -]{1,39}): (?P<meaning>[A-ZА-ЯЁ][^|\n]{24,}?[.!])(?=\s|$)", re.MULTILINE
)
_ASIDE = re.compile(
    r"(?:tip|note|warning|info|information|danger|caution|check|important|example|hint|see also"
    r"|technical details"
    r"|совет|примечание|внимание|предупреждение|подсказка|важно|пример|информация|заметка|осторожно|проверка"
    r"|технические подробности|технические детали)$",
    re.IGNORECASE,
)
_ROW = re.compile(r"^[^|\n]+: [^|\n]+(?: \| [^|\n]+: [^|\n]+)+$", re.MULTILINE)
_PLAIN_HEADINGS = re.compile(
    r"(?:recap|more info(?:rmation)?|learn more|caveats?|больше информации|узнать больше"
    r"|пример использования|"
    r"introduction|overview|summary|notes?|examples?|details|more|other|conclusion|next"
    r" steps|references"
    r"|about|contents|итоги?|резюме|введение|обзор|подробнее|примеры?|заключение|ещё|прочее"
    r"|содержание|ссылки)\W*$",
    re.IGNORECASE,
)
_UNRESOLVED = re.compile(
    r"\b(?:it|its|they|them|their|this|that|these|those|one|он|она|оно|они|его|её|ее|их|им|ними|это"
    r"|эти|этот|эта)\b",
    re.IGNORECASE,
)
_ASKING = (
    "how long often many much time what which version port since until when within"
    " сколько времени какой какая какому какого версия порт число когда во через"
)
_FAQ = re.compile(r"(?:.*\bFAQ\b|frequent|common questions|questions|частые|вопросы)", re.IGNORECASE)
_SAYS_LITTLE = re.compile(r"(?:yes|no|none|да|нет|\W*|[^\W\d]{1,4}|\d)$", re.IGNORECASE)
_LEAST_TERMS, _MOST_KEYWORDS = 8, 6
_MOST_ANSWER, _MOST_SECTION = 600, 1500
_ITEM = re.compile(r"[-*•] |\d{1,2}[.)] ")


def drafts(document: Document, material: Material, seed: int) -> list[Draft]:
    """All that the rules make of a document, in reading order within each kind."""
    made: list[Draft] = []
    for sentence in material.sentences(document):
        asked = next(_asked(sentence, material), None)
        if asked is not None:
            made.append(_draft(asked, sentence, material))
    made += [*_faq(document, material), *_terms(document, material), *_tables(document, material)]
    made += [*_headings(document, material), *_keywords(document, material, seed)]
    return made


def _asked(sentence: Sentence, material: Material) -> Iterator[Asked]:
    if _ABOUT_ELSEWHERE.match(sentence.text) or len(sentence.text) > 300:
        return
    if sentence.lang in _RULES:
        yield from _RULES[sentence.lang](sentence.text, material.names)
        yield from _cloze(sentence, material)


def _draft(asked: Asked, sentence: Sentence, material: Material) -> Draft:
    is_question = asked.kind not in {"cloze", "definition"}
    return Draft(
        asked.kind,
        _in_context(asked.text, sentence.headings, material) if is_question else asked.text,
        document_id=sentence.document_id,
        span=sentence.span,
        lang=sentence.lang,
        answers=asked.answers,
    )


def _cloze(sentence: Sentence, material: Material) -> Iterator[Asked]:
    found = list(re.finditer(r"\d[\d,.]*", sentence.text))
    number = _NUMBER[sentence.lang].search(sentence.text)
    if not sentence.text[0].isupper():
        return
    words = sentence.text.split()
    if (
        number is None
        or "?" in sentence.text
        or len(found) != 1
        or not 8 <= len(words) <= 30
        or sentence.text.count('"') % 2
    ):
        return
    text = f"{sentence.text[: number.start()]}{_GAP}{sentence.text[number.end() :]}"
    if len(material.content(text)) >= 5:
        yield Asked("cloze", text, answers=(number[0],))


def _faq(document: Document, material: Material) -> Iterator[Draft]:
    lang = material.lang(document)
    for section in document.sections:
        asked = heading_as_question(_NUMBERING.sub("", " ".join(section.title.split())), lang)
        body = _body(section, document)
        if asked is None or body is None or _UNRESOLVED.search(asked.text):
            continue
        above = [title for title in material.headings(document, section.span) if title != section.title]
        text = _in_context(asked.text, above, material)
        if asked.kind == "howto":
            # What it takes to do it is spread over the section: no words of it are the answer.
            place = _section_text(section, body, document)
            yield Draft("howto", text, document_id=document.id, span=place, lang=lang)
            continue
        answer = _answer(section, body, document)
        said = " ".join(answer.of(document.text).split()) if answer else ""
        shared = material.content(asked.text) & material.content(said)
        is_said = states_number(said) if asks_for_number(asked.text) else shared or len(said) >= 80
        if answer and is_said:
            yield Draft("faq", text, document_id=document.id, span=answer, lang=lang, answers=(said,))


def _terms(document: Document, material: Material) -> Iterator[Draft]:
    lang = material.lang(document)
    found = [
        match
        for match in _TERM.finditer(document.text)
        if not _ASIDE.match(match["term"]) and len(match["term"].split()) <= 4 and is_prose(match["meaning"])
    ]
    # A label that comes again is no term.
    if len(found) < 4 or lang not in _RULES or len({match["term"] for match in found}) < len(found):
        return
    for match in found:
        term = match["term"].strip()
        text = f"Что означает «{term.strip('«»')}»?" if lang == "ru" else f'What does "{term}" mean?'
        answer = " ".join(match["meaning"].split())
        span = Span(match.start(), match.end())
        yield Draft("definition", text, document_id=document.id, span=span, lang=lang, answers=(answer,))


def _tables(document: Document, material: Material) -> Iterator[Draft]:
    lang = material.lang(document)
    for match in _ROW.finditer(document.text):
        cells = [cell.partition(": ")[::2] for cell in match[0].split(" | ")]
        row = cells[0][1].strip()
        headings = material.headings(document, Span(match.start(), match.end()))
        if len(row.split()) > 6 or len(cells) > 6:
            continue
        at = match.start() + len(match[0].split(" | ")[0])
        for (column, value), cell in zip(cells[1:], match[0].split(" | ")[1:], strict=True):
            start = at + 3
            at = start + len(cell)
            if _SAYS_LITTLE.match(value.strip()) or len(value) > 120 or len(column.split()) > 6:
                continue
            about = headings[-1] if headings else ""
            is_said = material.content(about) <= material.content(f"{row} {column}")
            text = f"{row}: {column}" if is_said else _under(about, f"{row}, {column}")
            yield Draft(
                "table",
                text,
                document_id=document.id,
                span=Span(match.start(), match.end()),
                lang=lang,
                answers=(value.strip(),),
            )


def _headings(document: Document, material: Material) -> Iterator[Draft]:
    for section in document.sections:
        title = _NUMBERING.sub("", " ".join(section.title.split()))
        body = _body(section, document)
        if (
            body is None
            or heading_as_question(title, material.lang(document))
            or _PLAIN_HEADINGS.match(title)
            or len(title.split()) > 10
        ):
            continue
        above = [t for t in material.headings(document, section.span) if t != section.title]
        text = title if len(material.content(title)) >= 3 or not above else _under(above[0], title)
        if len(material.content(text)) >= 3:
            lang = material.lang(document)
            yield Draft("heading", text, document_id=document.id, span=body, lang=lang)


def _keywords(document: Document, material: Material, seed: int) -> Iterator[Draft]:
    sentences = list(material.sentences(document))
    for number, sentence in enumerate(sentences[:: max(1, len(sentences) // _MOST_KEYWORDS)]):
        rng = np.random.default_rng((seed, number, len(sentence.text)))
        words = telling_words(
            sentence.text, material.terms, material.weights, rng, most=5, least_terms=_LEAST_TERMS
        )
        if len(words) >= 3 and not any("_" in word for word in words):
            words.sort(key=sentence.text.index)
            yield Draft(
                "keywords",
                " ".join(words),
                document_id=document.id,
                span=sentence.span,
                lang=sentence.lang,
            )


def _body(section: Section, document: Document) -> Span | None:
    """The first paragraph below a heading; None where another heading follows at once, or code."""
    inner = [s.span.start for s in document.sections if section.span.start < s.span.start < section.span.end]
    end = min([section.span.end, *inner])
    after = document.text.find("\n", section.span.start)
    for block in document.blocks:
        if 0 <= after <= block.start and block.end <= end:
            text = block.of(document.text)
            return block if len(text) >= 40 and is_prose(text) else None
    return None


def _answer(section: Section, body: Span, document: Document) -> Span | None:
    """All that stands below a heading, or its first paragraph where that is much."""
    whole = Span(body.start, body.start + len(document.text[body.start : section.span.end].rstrip()))
    # The first item of a list is no answer.
    able = [whole] if _ITEM.match(body.of(document.text)) else [whole, body]
    fitting = [span for span in able if len(span) <= _MOST_ANSWER and is_prose(span.of(document.text))]
    return next((span for span in fitting if not span.of(document.text).endswith(":")), None)


def _section_text(section: Section, body: Span, document: Document) -> Span:
    """What stands below a heading, up to so many characters of whole blocks."""
    ends = [
        block.end
        for block in document.blocks
        if body.start <= block.start and block.end <= min(section.span.end, body.start + _MOST_SECTION)
    ]
    return Span(body.start, max([body.end, *ends]))


def _in_context(question: str, above: Sequence[str], material: Material) -> str:
    """The question, with the title above it where it alone says too little of its subject."""
    words = material.content(question) - material.content(_ASKING)
    is_clear = len(words) >= 3 or not above or _FAQ.match(above[0]) or material.content(above[0]) <= words
    return question if is_clear else f"{above[0].rstrip('.:?')}: {question}"


def _under(title: str, words: str) -> str:
    return f"{title} {words}" if title.endswith("?") else f"{title.rstrip('.:')}: {words}"
