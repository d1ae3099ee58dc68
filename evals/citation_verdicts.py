"""What is to be said of an answer that a misbehaving model's reply came to: what is shown, and what not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from ragkit.errors import InvalidOutputError, ModelUnavailableError, RagkitError
from ragkit.types import Answer, Context


class Written(Protocol):
    """An answer as it was written: its sentences, and what is wrong with it."""

    @property
    def sentences(self) -> tuple[tuple[str, int], ...]: ...
    @property
    def corrupted(self) -> int: ...
    @property
    def wrong(self) -> int: ...


class Reply(Protocol):
    """What the model sent."""

    @property
    def text(self) -> str: ...
    @property
    def written(self) -> Written | None: ...
    @property
    def numbers(self) -> tuple[int, ...]: ...
    @property
    def wrong(self) -> tuple[int, ...]: ...


def verdicts(
    kind: str, sent: Reply, done: Answer | RagkitError, context: Context
) -> Iterator[tuple[str, bool]]:
    """Names of measures, and whether each holds of this answer."""
    if kind.startswith("json"):
        yield from _json(kind, sent, done)
    elif kind in ("withheld", "stream broke"):
        expected = InvalidOutputError if kind == "withheld" else ModelUnavailableError
        yield f"{kind}: a typed error", isinstance(done, expected)
    elif kind.startswith("cut"):
        yield f"{kind}: nothing in part", _is_whole(sent, done)
    elif sent.written is None or sent.written.corrupted < 0:
        yield from _as_documented(kind, sent, done)
    else:
        yield from _caught(kind, sent.written, done, context)


def _as_documented(kind: str, sent: Reply, done: Answer | RagkitError) -> Iterator[tuple[str, bool]]:
    assert sent.written is not None
    if isinstance(done, RagkitError):
        yield f"{kind}: as documented", kind == "empty" and isinstance(done, InvalidOutputError)
        return
    if kind == "faithful":
        for sentence, _ in sent.written.sentences:
            yield "faithful sentences dropped", not is_shown(sentence, done)
        return
    yield (
        f"{kind}: as documented",
        {
            "truncated": not done.sentences or all(s.citations for s in done.sentences),
            "repeated": len(done.sentences) <= len(sent.written.sentences),
            "empty": done.abstained,
            "refusal": done.abstained and done.reason == "no_evidence",
            "markers only": done.abstained,
        }[kind],
    )


def _caught(
    kind: str, written: Written, done: Answer | RagkitError, context: Context
) -> Iterator[tuple[str, bool]]:
    sentence, _ = written.sentences[written.corrupted]
    if isinstance(done, RagkitError):
        yield f"caught: {kind}", False
        return
    if kind.startswith("index"):
        cited = [c for s in done.sentences for c in s.citations if _plain(sentence) in _plain(s.text)]
        wrong = context.passages[written.wrong - 1].chunk.id if written.wrong else ""
        n_passages = len(context.passages)
        caught = not any(c.chunk_id == wrong or not 1 <= c.marker <= n_passages for c in cited)
    else:
        caught = not is_shown(sentence, done)
    yield f"caught: {kind}", caught
    for i, (other, _) in enumerate(written.sentences):
        if i != written.corrupted:
            yield "faithful sentences beside dropped", not is_shown(other, done)


def _is_whole(sent: Reply, done: Answer | RagkitError) -> bool:
    """Whether each cited sentence is one that was written, or ends with a whole word of it."""
    assert sent.written is not None
    if isinstance(done, RagkitError):
        return isinstance(done, InvalidOutputError)
    wholes = [_words(text) for text, _ in sent.written.sentences]
    for sentence in done.sentences:
        words = _words(sentence.text)
        if sentence.citations and not any(words == whole[: len(words)] for whole in wholes):
            return False
    return True


def _json(kind: str, sent: Reply, done: Answer | RagkitError) -> Iterator[tuple[str, bool]]:
    if kind in ("json, broken", "json, of another shape", "json, cut"):
        yield f"{kind}: a typed error", isinstance(done, InvalidOutputError)
    elif kind == "json, null":
        yield f"{kind}: an abstention", isinstance(done, Answer) and done.abstained
    else:
        shown = _shown_numbers(done)
        for number in sent.wrong:
            yield f"caught: {kind}", number not in shown
        for number in sent.numbers:
            yield "right values of JSON dropped", number not in shown


def _shown_numbers(done: Answer | RagkitError) -> set[int]:
    if isinstance(done, RagkitError):
        return set()
    cited = [s.text for s in done.sentences if s.citations]
    return {int(match[1]) for text in cited if (match := re.search(r": (\d+)$", text))}


def is_shown(sentence: str, done: Answer | RagkitError) -> bool:
    """Whether a sentence stands in an answer with a citation."""
    if isinstance(done, RagkitError):
        return False
    return any(_plain(sentence) in _plain(s.text) for s in done.sentences if s.citations)


def _plain(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.replace("*", ""))
