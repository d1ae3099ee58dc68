"""What a scripted model sends: a text that was cut in the middle, and JSON that is right, wrong or broken."""

from __future__ import annotations

# Scripts import this folder by its name, tests as a part of `evals`.
# ruff: noqa: TID252
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .changes import NUMERAL
from .written import Written, faithful, sentences_of

CUT = ("cut, length told", "cut, no reason told", "cut, said to be whole", "withheld", "stream broke")
JSON_MISHAPS = (
    "json, right",
    "json, number changed",
    "json, quote made up",
    "json, wrong passage",
    "json, no evidence",
    "json, broken",
    "json, of another shape",
    "json, cut",
    "json, null",
)
SCHEMA = {
    "type": "object",
    "properties": {"numbers": {"type": "array", "items": {"type": "number"}}},
    "required": ["numbers"],
    "additionalProperties": False,
}
_ENDS = {
    "cut, length told": "length",
    "cut, no reason told": "unknown",
    "cut, said to be whole": "stop",
    "withheld": "content_filter",
    "stream broke": "error",
}


@dataclass(frozen=True)
class Sent:
    """A reply of a model, and why it stopped; `error` where the connection broke instead.

    Args:
        text: what was sent.
        finish_reason: as a provider tells it.
        written: the answer that it would have been.
        numbers: of JSON: the numbers that its sources state, as they are in the reply.
        wrong: of JSON: the numbers that no source of it states.
    """

    text: str
    finish_reason: str
    written: Written | None = None
    numbers: tuple[int, ...] = field(default=())
    wrong: tuple[int, ...] = field(default=())


def cut_stream(kind: str, passages: Sequence[str], rng: random.Random) -> Sent | None:
    """A faithful answer of which only a part came, cut in a sentence, a word, a number or a marker."""
    base = faithful(passages, rng)
    if base is None:
        return None
    return Sent(base.text[: rng.randrange(1, len(base.text))], _ENDS[kind], base)


def json_reply(kind: str, passages: Sequence[str], rng: random.Random) -> Sent | None:
    """One or two numbers of the passages as JSON with their quotes, one of them spoilt."""
    pool = [
        (int(match[0]), sentence, number)
        for number, passage in enumerate(passages, start=1)
        for sentence in sentences_of(passage)
        if sentence in passage
        for match in re.finditer(NUMERAL, sentence)
        if match[0].isdecimal()
    ]
    first = rng.choice(pool) if pool else None
    others = [one for one in pool if first and one[0] != first[0]]
    if first is None or not others:
        return None
    values = [first, rng.choice(others)]
    numbers = [value for value, _, _ in values]
    evidence = [
        {"place": f"numbers[{i}]", "passage": number, "quote": sentence}
        for i, (_, sentence, number) in enumerate(values)
    ]
    at = rng.randrange(2)
    wrong: tuple[int, ...] = (numbers[at],)
    if kind == "json, number changed":
        digits = {int(m) for m in re.findall(r"\d+", values[at][1])}
        numbers[at] = next(
            n for n in range(numbers[at] + 7, numbers[at] + 99) if n not in digits | set(numbers)
        )
        wrong = (numbers[at],)
    elif kind == "json, quote made up":
        evidence[at]["quote"] = f"It is written that the number is exactly {numbers[at]}."
    elif kind == "json, wrong passage":
        holding = [n for n, p in enumerate(passages, start=1) if values[at][1] in p]
        evidence[at]["passage"] = next(n for n in (*range(1, len(passages) + 1), 99) if n not in holding)
    elif kind == "json, no evidence":
        del evidence[at]
    else:
        wrong = ()
    right = tuple(n for i, n in enumerate(numbers) if not (wrong and i == at))
    whole = json.dumps({"data": {"numbers": numbers}, "evidence": evidence}, ensure_ascii=False)
    if kind == "json, null":
        return Sent('{"data": null, "evidence": []}', "stop")
    if kind == "json, cut":
        return Sent(whole[: rng.randrange(1, len(whole) - 1)], "length")
    if kind == "json, broken":
        return Sent(_broken(whole, rng), "stop")
    if kind == "json, of another shape":
        return Sent(_misshapen(numbers, evidence, rng), "stop")
    return Sent(_around(whole, rng), "stop", numbers=right, wrong=wrong)


def _around(whole: str, rng: random.Random) -> str:
    """JSON as models send it, with what they like to write around it."""
    return rng.choice(["{}", "```json\n{}\n```", "{}\n"]).replace("{}", whole)


def _broken(whole: str, rng: random.Random) -> str:
    return rng.choice(
        [
            whole[: rng.randrange(1, len(whole) - 1)],
            whole[1:],
            whole.replace('"', "'"),
            whole.replace(":", " ", 1),
            "Here are the numbers: 1, 2, 3.",
            whole + "}",
            "[" + whole,
        ]
    )


def _misshapen(numbers: Sequence[int], evidence: Sequence[dict[str, object]], rng: random.Random) -> str:
    shapes: list[object] = [
        {"numbers": numbers},
        {"data": {"numbers": [str(n) for n in numbers]}, "evidence": evidence},
        {"data": {"numbers": numbers, "note": "also"}, "evidence": evidence},
        {"data": numbers, "evidence": evidence},
        {"data": {"numbers": numbers}, "evidence": "page 1"},
        {"data": {"numbers": numbers}, "evidence": [{"passage": 1}]},
        [],
        None,
    ]
    return json.dumps(rng.choice(shapes), ensure_ascii=False)
