"""TREC topics: the queries of a collection, in the forms that they are handed out in.

    <top> <num> Number: 301 <title> … <desc> Description: … </top>      the classic form, tags left open
    <topics><topic number="1"><query>…</query></topic></topics>         XML, as of TREC-COVID and later tracks
    301<tab>international organized crime                               one a line

Of a topic the title is asked, or what stands for it (`query`, `question`); the rest goes to its metadata.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

from ragkit.errors import EvalError
from ragkit.evaluation.question import Question
from ragkit.evaluation.rows import Problems, id_of, numbered_lines, shortened, text_of

_TOPIC = re.compile(
    r"<top(?:ic)?\b(?P<attributes>[^>]*)>(?P<body>.*?)</top(?:ic)?>", re.IGNORECASE | re.DOTALL
)
_FIELD = re.compile(r"<(?P<name>[a-z]\w*)\b[^>]*>(?P<text>[^<]*)", re.IGNORECASE)
_NUMBER = re.compile(r"""\b(?:number|num|id|qid)\s*=\s*["'](?P<id>[^"']+)["']""", re.IGNORECASE)
_LABEL = re.compile(r"^\s*(?:Number|Topic|Description|Narrative|Title)\s*:\s*", re.IGNORECASE)
_ASKED = ("title", "query", "question", "text")


def read_topics(path: str | Path) -> dict[str, Question]:
    """The topics of a file by id, in its order.

    Raises:
        EvalError: the file is missing, or holds no topic, or topics without an id or a text: all of these.

    Example:
        topics = read_topics("topics.robust04.txt")
        topics["301"].text
    """
    path = Path(path)
    lines = [(number, text_of(line, f"{path}:{number}")) for number, line in numbered_lines(path)]
    text = "\n".join(line for _, line in lines)
    problems, found = Problems(), dict[str, Question]()
    if _TOPIC.search(text):
        marked = [(f"{path}: topic {n}", _fields(match)) for n, match in enumerate(_TOPIC.finditer(text), 1)]
    else:
        marked = [(f"{path}:{number}", _row(line)) for number, line in lines]
    for where, fields in marked:
        with problems.gathered():
            topic = _topic(fields, where)
            if topic.id in found:
                raise EvalError(f"{where}: the id {topic.id!r} was there before: ids are unique")
            found[topic.id] = topic
    problems.settle()
    if not found:
        raise EvalError(f"{path}: holds no topic")
    return found


def _fields(match: re.Match[str]) -> dict[str, str]:
    fields = {"num": number["id"]} if (number := _NUMBER.search(match["attributes"])) else {}
    for field in _FIELD.finditer(match["body"]):
        text = " ".join(html.unescape(_LABEL.sub("", field["text"])).split())
        if text:
            fields.setdefault(field["name"].lower(), text)
    return fields


def _row(line: str) -> dict[str, str]:
    id_, tab, text = line.partition("\t")
    return {"num": id_.strip(), "title": text.strip()} if tab else {"line": line}


def _topic(fields: dict[str, str], where: str) -> Question:
    text = next((fields[name] for name in _ASKED if fields.get(name)), "")
    number = fields.get("num", fields.get("number", fields.get("id", "")))
    if not text or not number:
        raise EvalError(
            f"{where}: expected <top> with <num> and <title>, <topic number> with <query>, or an id, a tab "
            f"and a text; got {shortened(fields.get('line', dict(fields)))}"
        )
    rest = {key: value for key, value in fields.items() if value not in (text, number)}
    return Question(id_of(number, where, "num"), text, metadata=rest)
