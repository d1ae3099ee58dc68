"""Bytes → text, never with silent replacements: a charset is known, declared, plain to see or refused.

Order: byte order mark; UTF-16 without a mark where every other byte is zero; the escapes of ISO-2022-JP;
UTF-8; CESU-8; the charset that the document declares; then the one in which the bytes read like a language
(see `guess_charset`).
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from unicodedata import category

from ragkit.errors import DocumentError
from ragkit.ingest.load.guess import guess_charset

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with the UTF-16 one
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 200_000
_CONTROLS = "\x00\x01\x02\x03\x04\x05\x06\x07\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1c\x1d\x1e\x1f"
_UNWANTED = re.compile("[\x00\ud800-\udfff]")
# Control codes of other charsets: a text in one byte or two per character hardly has any.
_C0 = re.compile(rb"[\x00-\x06\x0e-\x19\x1c-\x1f\x7f]")
_MAX_C0 = 0.001
_JAPANESE_ESCAPES = (b"\x1b$B", b"\x1b$@", b"\x1b(J")
# Two surrogates of three bytes each, where UTF-8 has one character of four.
_CESU = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]")
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
# Under these names files are written in a larger charset, as https://encoding.spec.whatwg.org/#names-and-labels
# has it: the euro sign of a page in "ISO-8859-1", a rare character of one in "GB2312".
_LARGER = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "iso8859-9": "cp1254",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "big5": "cp950",
}
_MAX_UNASSIGNED = 0.02
_UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = bytes(range(0x80, 0x100))
# Of the bytes beyond ASCII; in other charsets hardly a third look like UTF-8.
_MAX_UTF8 = 0.6


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
    if any(escape in data for escape in _JAPANESE_ESCAPES):
        try:
            return _decoded(data.decode("iso2022_jp_3"), "iso2022_jp")
        except UnicodeDecodeError:
            pass  # a log with terminal escapes, most likely
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
    if encoding.startswith("utf-") and encoding != "utf-8":
        _check_assigned(text, encoding)
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


def _check_assigned(text: str, encoding: str) -> None:
    # Any two bytes make some character of UTF-16, but a sixth of those are none of any language.
    sample = text[:20_000]
    n = sum(category(c) in {"Cn", "Co"} for c in sample)
    if n > len(sample) * _MAX_UNASSIGNED:
        reason = f"not text: {encoding.upper()} with characters that do not exist. Save it again as UTF-8"
        raise DocumentError(reason, stage="load", rejected=True)


def _other(data: bytes, declared: str | None, error: UnicodeDecodeError) -> tuple[str, str]:
    if declared:
        for encoding in _named(declared):
            try:
                return data.decode(encoding), encoding
            except (LookupError, UnicodeDecodeError, ValueError):
                pass  # a wrong declaration is common; the tests below decide
    if _SURROGATE.search(data):
        joined = _CESU.sub(_pair, data)
        try:
            return joined.decode("utf-8"), "cesu-8"
        except UnicodeDecodeError as e:
            _check_no_lone_surrogate(joined, e)
    rivals: tuple[str, ...] = ()
    if _may_be_guessed(data, declared):
        guess = guess_charset(data)
        if guess.encoding is not None:
            return data.decode(guess.encoding), guess.encoding
        rivals = guess.rivals
    raise DocumentError(_undecodable(data, error, rivals), stage="load") from error


def _may_be_guessed(data: bytes, declared: str | None) -> bool:
    """Not where the document says that it is UTF-8, or is, but for a few bytes; nor where it is no text."""
    if declared is not None and _lookup(declared) == "utf-8":
        return False
    sample = data[:_SAMPLE]
    if len(_C0.findall(sample)) > len(sample) * _MAX_C0:
        return False
    of_utf8 = _UTF8.findall(sample)
    n_high = len(sample) - len(sample.translate(None, _HIGH))
    return len(of_utf8) < 2 or sum(map(len, of_utf8)) < _MAX_UTF8 * n_high


def _named(declared: str) -> tuple[str, ...]:
    """The charsets that a declared name may mean, without UTF-8, which it is not."""
    name = _lookup(declared)
    return tuple(n for n in (_LARGER.get(name), name) if n and n != "utf-8")


def _lookup(declared: str) -> str:
    try:
        return codecs.lookup(declared).name
    except (LookupError, ValueError):
        return ""


def _pair(match: re.Match[bytes]) -> bytes:
    surrogates = match.group().decode("utf-8", "surrogatepass")
    return surrogates.encode("utf-16-le", "surrogatepass").decode("utf-16-le").encode()


def _check_no_lone_surrogate(data: bytes, error: UnicodeDecodeError) -> None:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return
    reason = (
        f"at byte {error.start:,} stands half of a character (a lone surrogate), the other half is lost. "
        "Find what wrote it, or drop it: iconv -c -f UTF-8 -t UTF-8 FILE > NEW"
    )
    raise DocumentError(reason, stage="load") from error


def _undecodable(data: bytes, error: UnicodeDecodeError, rivals: tuple[str, ...]) -> str:
    if data.count(0, 0, _SAMPLE) > 0:
        return f"not text: it has NUL bytes and is not valid UTF-8 at byte {error.start:,}. Export it as text"
    likely = f" (it may be {' or '.join(rivals[:3])})" if rivals else ""
    example = rivals[0].upper() if rivals else "WINDOWS-1252"
    return (
        f"not valid UTF-8 at byte {error.start:,} (0x{data[error.start]:02x}); no other charset is "
        f"certain{likely}. Convert it to UTF-8: iconv -f CHARSET -t UTF-8 FILE > NEW, "
        f"with CHARSET for example {example}"
    )
