"""Bytes → text, never with silent replacement characters: a charset is known, declared, proven or refused.

Order: byte order mark; UTF-8; the charset that the document declares; UTF-16 without a mark where every other
byte is zero; then the two Russian one-byte charsets, accepted only where the result reads like Russian.
"""

from __future__ import annotations

import codecs
import math
import re
from dataclasses import dataclass, field

from ragkit.errors import DocumentError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with the UTF-16 one
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CYRILLIC = ("cp1251", "koi8-r", "cp866")
_SAMPLE = 200_000
_CONTROLS = "\x00\x01\x02\x03\x04\x05\x06\x07\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1c\x1d\x1e\x1f"
_UNWANTED = re.compile("[\x00\ud800-\udfff]")

# Letter frequencies of Russian in per mille, from the Russian National Corpus figures (Lyashevskaya and
# Sharov 2009); they only have to tell Russian from the same bytes read in the wrong charset.
_PER_MILLE = dict(
    zip(
        "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
        (
            *(110, 85, 80, 74, 67, 63, 55, 47, 45, 44, 35, 32, 30, 28, 26, 20, 19),
            *(17, 17, 16, 16, 14, 12, 10, 9, 7, 6, 5, 4, 3, 3, 1, 1),
        ),
        strict=True,
    )
)
_LOG = {letter: math.log(share / 1000) for letter, share in _PER_MILLE.items()}
# Natural Russian scores about -2.9 a letter; the wrong charset gives -4.5 and less, as case and letters swap.
_PLAUSIBLE = -3.4


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text with `\\n` line ends, the charset it was in, and notes on what was removed."""

    text: str
    encoding: str = field(kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)


def decode(data: bytes, *, declared: str | None = None) -> Decoded:
    """The text of `data`.

    Args:
        data: the whole file.
        declared: the charset that the document names for itself (HTML `meta`), tried after UTF-8.

    Raises:
        DocumentError: no charset can be proven; the message has the offset of the first bad byte.

    >>> decode("Привет, как дела?".encode("cp1251")).encoding
    'cp1251'
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _decoded(_strict(data[len(mark) :], encoding, offset=len(mark)), encoding)
    wide = _utf16_without_mark(data)
    if wide is not None:
        return _decoded(_strict(data, wide, offset=0), wide)
    try:
        return _decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as e:
        text, encoding = _other(data, declared, e)
        return _decoded(text, encoding)


def clean(text: str) -> tuple[str, tuple[str, ...]]:
    """`text` with `\\n` line ends, without NUL and lone surrogates, and notes on what was removed."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.startswith("\ufeff"):
        text = text[1:]
    text, removed = _UNWANTED.subn("", text)
    return text, (f"removed {removed} NUL or surrogate characters",) if removed else ()


def _decoded(text: str, encoding: str) -> Decoded:
    controls = sum(text.count(c, 0, _SAMPLE) for c in _CONTROLS)
    if controls > min(len(text), _SAMPLE) * 0.05:
        reason = "not text: more than 5 % of its characters are control codes. Export it as text or Markdown"
        raise DocumentError(reason, stage="load", rejected=True)
    text, notes = clean(text)
    return Decoded(text, encoding=encoding, notes=notes)


def _strict(data: bytes, encoding: str, offset: int) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as e:
        reason = (
            f"not valid {encoding.upper()} at byte {e.start + offset:,}: {e.reason}. Save it again as UTF-8"
        )
        raise DocumentError(reason, stage="load") from e


def _utf16_without_mark(data: bytes) -> str | None:
    sample = data[: _SAMPLE // 2 * 2]
    if len(data) % 2 or len(data) < 4 or b"\x00" not in sample:
        return None
    # Without a mark, UTF-16 is believed only where nearly every character is Latin (high byte 0) or
    # Cyrillic (4): two bytes of anything make some Chinese character.
    for encoding, low, high in (
        ("utf-16-le", sample[::2], sample[1::2]),
        ("utf-16-be", sample[1::2], sample[::2]),
    ):
        if low.count(0) == 0 and high.count(0) + high.count(4) >= 0.8 * len(high) and high.count(0) > 0:
            return encoding
    return None


def _other(data: bytes, declared: str | None, error: UnicodeDecodeError) -> tuple[str, str]:
    if declared:
        try:
            encoding = codecs.lookup(declared).name
            if encoding != "utf-8":
                return data.decode(encoding), encoding
        except (LookupError, UnicodeDecodeError, ValueError):
            pass  # a wrong declaration is common; the tests below decide
    guess = _cyrillic(data)
    if guess is not None:
        return data.decode(guess), guess
    raise DocumentError(_undecodable(data, error), stage="load") from error


def _cyrillic(data: bytes) -> str | None:
    scores = {}
    for encoding in _CYRILLIC:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        scores[encoding] = _russian(text[:_SAMPLE])
    best = max(scores, key=scores.__getitem__, default=None)
    return best if best is not None and scores[best] > _PLAUSIBLE else None


def _russian(text: str) -> float:
    """Mean log frequency of the non-ASCII letters as Russian; low where they stand inside Latin words."""
    words = re.findall(r"[^\W\d_]+", text)
    foreign = [w for w in words if not w.isascii()]
    letters = sum(len(w) for w in foreign)
    if letters < 5:
        return -math.inf
    total = 0.0
    for word in foreign:
        # A capital inside a word is what koi8-r read as cp1251 (or the reverse) gives everywhere.
        word = word[0].lower() + word[1:] if not word.isupper() else word.lower()
        total += sum(_LOG.get(letter, -9.0) for letter in word)
    return total / letters


def _undecodable(data: bytes, error: UnicodeDecodeError) -> str:
    if data.count(0, 0, _SAMPLE) > 0:
        return f"not text: it has NUL bytes and is not valid UTF-8 at byte {error.start:,}. Export it as text"
    return (
        f"not valid UTF-8 at byte {error.start:,} (0x{data[error.start]:02x}); no other charset is certain. "
        "Convert it: iconv -f CHARSET -t UTF-8 FILE > NEW, with CHARSET for example WINDOWS-1252"
    )
