"""Questions that ask in English for what a sentence states: a number, a date, a version, what something is.

A rule turns a sentence over only where it is sure of its subject and its verb, and gives nothing elsewhere:
a question in bad English costs more trust than ten that are missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragkit.evaluation.questions.draft import Asked

_AUX = ["is", "are", "was", "were", "can", "may", "must", "will", "should"]
# Third person → base form; the base form itself goes with a plural subject.
_BASE = {
    base + ("es" if base.endswith(("ch", "sh", "ss", "x")) else "s"): base
    for base in [
        "last",
        "take",
        "run",
        "wait",
        "live",
        "work",
        "hold",
        "contain",
        "include",
        "support",
        "keep",
        "store",
        "serve",
        "return",
        "need",
        "require",
        "allow",
        "use",
        "cost",
        "lend",
        "offer",
        "read",
        "print",
        "send",
        "listen",
        "connect",
        "open",
        "close",
        "start",
        "end",
        "stop",
        "begin",
        "expire",
        "accept",
        "weigh",
        "answer",
        "move",
        "receive",
        "produce",
        "serve",
        "change",
        "handle",
        "process",
        "provide",
        "draw",
        "charge",
        "remember",
    ]
} | {"has": "have", "carries": "carry", "copies": "copy", "retries": "retry", "does": "do"}
_PAST = {
    "started": "start", "ended": "end", "stopped": "stop", "began": "begin", "appeared": "appear",
    "changed": "change", "came": "come", "became": "become", "opened": "open", "closed": "close",
    "joined": "join", "moved": "move", "expired": "expire", "introduced": "introduce", "left": "leave",
    "received": "receive", "used": "use", "had": "have", "supported": "support", "published": "publish",
    "sold": "sell", "signed": "sign", "founded": "found", "replaced": "replace", "gained": "gain",
}  # fmt: skip
_VERB = re.compile(r"\b(?:" + "|".join([*_AUX, *_BASE, *_BASE.values(), *_PAST]) + r")\b")
_NO_SUBJECT = re.compile(
    r"\b(?:it|they|this|that|these|those|we|you|he|she|i|there|here|which|who|whose|where|when|if"
    r"|because|while"
    r"|whether|what|how|why|and|or|but|nor|not|no|never|one|other|others|another|both|same|such|following"
    r"|above|below|example|examples|case|thing|things|way|ways|result|reason|problem|idea|point|difference"
    r"|primary|key|main|major|rest|former|latter|option|options|most|least|first|second|last|next|let|make|be|do|see|note|go"
    r"|set|put|get|please|every time|each time|since|until|after"
    r"|before|as|than|so|then|all)\b",
    re.IGNORECASE,
)
_OPENS = re.compile(r"(?:The|A|An|Each|Every|Our|Your) |[A-Z]")
_BAD_OPENING = re.compile(
    r"(?:In|On|At|For|From|To|By|With|Without|Of|Under|Over|During|Within|Between|Through|About|Like"
    r"|Only|Also"
    r"|Now|Today|Instead|However|Usually|Sometimes|Often|Still|Just|Even|Most|Many|Some|Any|Several|Yes|Until"
    r"|Version's|Its|Their|His|Her|My)\b"
)
TIME = r"(?:milli)?seconds?|minutes?|hours?|(?:working |business |calendar )?days?|weeks?|months?|years?"
_AMOUNT = (
    r"(?:[€$£]\s?)?\d[\d,.]*"
    r"(?:\s?(?:%|percent|per cent|°C|GB|MB|KB|TB|kg|g|cm|mm|m|km|W|watts|euros?|dollars?))?"
)
_WORDED = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_LEAD = r"(?:at least|at most|up to|about|around|only|no more than|not more than|more than|less than|exactly)"
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DATE = rf"(?:\d{{1,2}} {_MONTH}(?: \d{{4}})?|{_MONTH} \d{{1,2}}(?:, \d{{4}})?|{_MONTH} \d{{4}})"
_SPAN_OF_TIME = re.compile(
    rf"^(?P<before>(?:.*\s)?)(?P<preposition>for|within|after|every)\s+(?P<all>(?:{_LEAD} )?"
    rf"(?P<answer>(?:\d[\d,.]*|{_WORDED}) (?:more )?(?:{TIME})))(?P<after>\b.*)$"
)
_BARE_TIME = re.compile(
    rf"^(?P<before>)(?P<all>(?:{_LEAD} )?(?P<answer>(?:\d[\d,.]*|{_WORDED}) (?:{TIME})))(?P<after>\b.*)$"
)
_COUNT = re.compile(
    rf"^(?P<before>)(?P<all>(?:{_LEAD} )?(?P<answer>(?P<number>\d[\d,.]*|{_WORDED}) "
    r"(?P<noun>(?:[a-z][a-z-]+ )?[a-z]{2,}s)))(?P<after>\b.*)$"
)
_PRICE = re.compile(rf"^(?P<before>)(?P<all>(?:{_LEAD} )?(?P<answer>{_AMOUNT}))(?P<after>(?:\W|$).*)$")
_PORT = re.compile(
    r"^(?P<before>(?:.*\s)?)(?P<preposition>on|over|to|at|through) (?P<all>(?:TCP |UDP )?port "
    r"(?P<answer>\d{2,5}))(?P<after>\b.*)$"
)
_ON_DATE = re.compile(
    rf"^(?P<before>(?:.*\s)?)(?P<preposition>on|in|until|since|by)"
    rf" (?P<all>(?P<answer>{_DATE}))(?P<after>\b.*)$"
)
_VERSION = re.compile(
    r"^(?P<before>(?:.*\s)?)(?P<preposition>since|in|from|until|with) (?P<all>(?:version|release) "
    r"(?P<answer>\d+(?:\.\d+)+))(?P<after>\b.*)$"
)
_HANGS = re.compile(r"\b(?:on|in|of|to|for|with|by|at|from|as|the|an?|its|into|per|each|every)\?$")
_BOUNDS = {"at least": "at least", "at most": "at most", "up to": "at most", "no more than": "at most"}
_CLAUSE = re.compile(
    r"[,;:—–(]|\s-\s|\b(?:because|although|though|so that|so|but|which|who|where|when|if|unless|while"
    r"|provided"
    r"|whatever|than|except|and)\b"
)
_WHAT_IS = re.compile(r"^(?:an?|the|one of)\s+\S+\s+\S+")
_TELLS_NOTHING = re.compile(
    r"(?:an exception|an error|an example|one of|the same|the (?:default|actual|best|main|only|next"
    r"|first|primary)\b"
    r"|an? (?:good|great|bad|easy|simple|nice|common|perfect|different|little|bit|lot|few|problem|way)\b)"
)
_MOST_SUBJECT, _MOST_REST = 7, 8  # words


def asked_of(text: str, is_name: frozenset[str] | set[str] = frozenset()) -> Iterator[Asked]:
    """The questions that a sentence answers, surest first; mostly none.

    Args:
        text: a sentence on one line.
        is_name: words that the documents write with a capital within sentences too.

    >>> [asked.text for asked in asked_of("An RMA number is valid for 21 days.")]
    ['How long is an RMA number valid?']
    """
    text = text.rstrip(". ")
    found = _VERB.search(text)
    if found is None or "?" in text or "!" in text:
        return
    subject, verb, rest = text[: found.start()].strip(), found[0], text[found.end() :].strip()
    if not _is_subject(subject) or re.match(r"(?:not|n't|never|no|also been)\b", rest):
        return
    subject = _lowered(subject, is_name)
    for rule in (_numbers, _what_is):
        for asked in rule(subject, verb, rest):
            if 4 <= len(asked.text.split()) <= 22:
                yield asked
                return


def _is_subject(subject: str) -> bool:
    words = subject.split()
    return (
        1 <= len(words) <= _MOST_SUBJECT
        and _OPENS.match(subject) is not None
        and not _BAD_OPENING.match(subject)
        and not _NO_SUBJECT.search(subject)
        and re.fullmatch(r"[\w'’ .\-/]+", subject) is not None
        and not (
            len(words) == 1 and not words[0][1:].islower() and not words[0].isupper() and len(words[0]) < 3
        )
    )


def _numbers(subject: str, verb: str, rest: str) -> Iterator[Asked]:
    for kind, pattern, ask in (
        ("date", _ON_DATE, _asked_when),
        ("version", _VERSION, _asked_version),
        ("number", _PORT, _asked_port),
        ("number", _SPAN_OF_TIME, _asked_how_long),
        ("number", _BARE_TIME, _asked_length),
        ("number", _COUNT, _asked_how_many),
        ("number", _PRICE, _asked_how_much),
    ):
        match = pattern.match(rest)
        if match is None or _CLAUSE.search(match["before"]) or re.search(r"\bonce\b", match["before"]):
            continue
        wh = ask(match, verb)
        after = _cut(match["after"])
        if wh is None or after is None:
            continue
        body = f"{match['before']} {after}".strip()
        bound = _BOUNDS.get(match["all"].removesuffix(match["answer"]).strip(), "")
        text = _turned(wh, subject, verb, f"{body} {bound}".strip())
        if text is not None and not _HANGS.search(text):
            yield Asked(kind, text, answers=_answers(match))


def _asked_when(match: re.Match[str], _verb: str) -> str | None:
    return {"on": "When", "in": "When", "until": "Until when", "since": "Since when", "by": "By when"}[
        match["preposition"]
    ]


def _asked_version(match: re.Match[str], _verb: str) -> str | None:
    return {
        "since": "Since which version",
        "from": "From which version on",
        "until": "Until which version",
    }.get(match["preposition"], "In which version")


def _asked_port(match: re.Match[str], _verb: str) -> str | None:
    return f"{match['preposition'].capitalize()} which port"


def _asked_how_long(match: re.Match[str], verb: str) -> str | None:
    if match["preposition"] == "for" and verb in _PAST:
        return None
    return {
        "for": "How long",
        "within": "Within what time",
        "after": "After what time",
        "every": "How often",
    }[match["preposition"]]


def _asked_length(_match: re.Match[str], verb: str) -> str | None:
    is_lasting = verb in {
        "is",
        "are",
        "last",
        "lasts",
        "take",
        "takes",
        "run",
        "runs",
        "live",
        "lives",
        "wait",
        "waits",
    }
    return "How long" if is_lasting else None


def _asked_how_many(match: re.Match[str], verb: str) -> str | None:
    base = _BASE.get(verb, verb)
    takes_objects = base in {
        "have", "hold", "contain", "include", "support", "keep", "store", "serve", "return", "need",
        "require", "allow", "use", "offer", "read", "print", "send", "carry", "accept", "handle",
        "process", "provide", "remember",
    }  # fmt: skip
    if not takes_objects or re.search(rf"\b(?:{TIME})$", match["noun"]):
        return None
    if re.match(r"(?:million|thousand|hundred|dozen)", match["noun"]):
        return None
    return f"How many {match['noun']}"


def _asked_how_much(_match: re.Match[str], verb: str) -> str | None:
    return (
        "How much"
        if verb in {"cost", "costs", "weigh", "weighs", "draw", "draws", "charge", "charges"}
        else None
    )


def _what_is(subject: str, verb: str, rest: str) -> Iterator[Asked]:
    if verb not in {"is", "are"} or not _WHAT_IS.match(rest) or len(rest) < 25 or re.search(r"\d", subject):
        return
    is_empty = set(subject.lower().split()) - {"the", "a", "an"} <= set(rest.lower().split())
    is_vague = re.match(r"(?:each|every|our|your) |the [a-z]+$", subject) or _TELLS_NOTHING.match(rest)
    if is_empty or is_vague or rest.endswith(":"):
        return
    yield Asked("definition", f"What {verb} {subject}?", answers=(rest,))


def _cut(after: str) -> str | None:
    """What of the rest of the sentence belongs to the question; None where it would be odd without more."""
    clause = _CLAUSE.search(after)
    kept = (after[: clause.start()] if clause else after).strip()
    if re.match(r"(?:and|or|to|–|-|of the|of their|of its|x|×|/)(?:\s|$)", after.strip()):
        return None
    if len(kept.split()) > _MOST_REST:
        return None
    return "" if re.match(r"(?:later|before|ago|old|on average|more)$", kept) else kept


def _turned(wh: str, subject: str, verb: str, body: str) -> str | None:
    """The words in the order of a question; None where subject and verb do not agree."""
    if re.search(r"\b(?:it|its|they|their|them|this|that|these|those)\b", body):
        return None
    if verb in _AUX:
        parts = [wh, verb, subject, body]
    elif verb in _PAST:
        parts = [wh, "did", subject, _PAST[verb], body]
    elif verb in _BASE:
        parts = [wh, "does", subject, _BASE[verb], body]
    elif subject.split()[0].lower() in {"a", "an", "each", "every"} or not _is_plural(subject):
        return None
    else:
        parts = [wh, "do", subject, verb, body]
    return " ".join(" ".join(parts).split()) + "?"


def _is_plural(subject: str) -> bool:
    head = re.split(r"\b(?:of|for|in|on|with|from|to|at)\b", subject)[0].split()
    return bool(head) and head[-1].endswith("s") and not head[-1].endswith("ss")


def _answers(match: re.Match[str]) -> tuple[str, ...]:
    groups = match.groupdict()
    number = groups.get("number")
    return tuple(dict.fromkeys(a for a in (groups["answer"], groups["all"], number) if a))


def _lowered(subject: str, is_name: frozenset[str] | set[str]) -> str:
    first, blank, rest = subject.partition(" ")
    is_article = first in {"The", "A", "An", "Each", "Every", "Our", "Your"}
    is_word = first[1:].islower() and first not in is_name
    return f"{first.lower()}{blank}{rest}" if is_article or is_word else subject
