"""E-mail (RFC 5322 and MIME) → its headers, its text, the names of attachments, and messages within it."""

from __future__ import annotations

import codecs
import datetime
import email
import email.policy
import email.utils
from collections.abc import Sequence
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message

from ragkit.errors import DocumentError
from ragkit.ingest.load.decode import decode
from ragkit.ingest.parse.canonical import CanonicalText, Parsed
from ragkit.ingest.parse.charset import decode_lenient
from ragkit.ingest.parse.html import declared_charset, parse_html
from ragkit.ingest.parse.limits import too_deep
from ragkit.ingest.parse.plain import parse_plain
from ragkit.types import MetadataValue

_HEADERS = ("Subject", "From", "To", "Cc", "Date")
_HEAD = 200
_MAX_NESTED = 10
_MAX_PARTS = 1_000
# `This message is in HTML, please use another program` is short; a summary of a newsletter may be one too.
_STUB_WORDS = 40
_FAR_MORE = 4


def parse_eml(data: bytes) -> Parsed:
    """Canonical text of an e-mail; `title` (the subject), `author`, `to` and `date` become metadata.

    The plain text is read where there is one, else the HTML part. Attachments are named, not opened;
    a message attached as a message is read as a section.

    Raises:
        DocumentError: no header is found, or messages are nested more than 10 deep.

    >>> parse_eml(b"Subject: Hi\\nFrom: a@b.c\\n\\nSee you.\\n").text
    'Subject: Hi\\nFrom: a@b.c\\n\\nSee you.'
    """
    if b"\x00" in data[:_HEAD]:
        data = decode(data).text.encode()  # some programs save messages in UTF-16, which is no e-mail
    message = email.message_from_bytes(data, policy=email.policy.compat32)
    if not any(name in message for name in (*_HEADERS, "Content-Type", "Received", "Message-ID")):
        raise DocumentError(
            "it has no e-mail header (Subject, From, Date …). Rename a text file to .txt", stage="parse"
        )
    writer = _Writer()
    writer.write(message)
    return writer.out.build(_metadata(message, writer.notes))


class _Writer:
    def __init__(self) -> None:
        self.out = CanonicalText()
        self.notes: list[str] = []
        self._nested = 0
        self._parts = 0

    def write(self, message: Message) -> None:
        tight = False
        for name in _HEADERS:
            value = _header(message, name)
            if value:
                self.out.block(f"{name}: {value}", tight=tight)
                tight = True
        attached: list[str] = []
        within: list[Message] = []
        self._body(message, attached, within)
        if attached:
            self.out.block("Attachments: " + ", ".join(attached))
        for part in within:
            self._nested += 1
            if self._nested > _MAX_NESTED:
                raise too_deep("attached messages", _MAX_NESTED)
            self.out.section(_header(part, "Subject") or "Attached message", level=self._nested)
            self.write(part)
            self._nested -= 1

    def _body(self, part: Message, attached: list[str], within: list[Message]) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise DocumentError(f"it has more than {_MAX_PARTS:,} parts. Check the file", stage="parse")
        kind = part.get_content_type()
        payload = part.get_payload()
        if kind == "message/rfc822" and isinstance(payload, list):
            within.extend(child for child in payload if isinstance(child, Message))
        elif kind == "multipart/alternative" and isinstance(payload, list):
            chosen = _preferred(payload)
            if chosen is not None:
                self._body(chosen, attached, within)
        elif isinstance(payload, list):
            for child in payload:
                if isinstance(child, Message):
                    self._body(child, attached, within)
        elif part.get_content_disposition() == "attachment" or kind not in {"text/plain", "text/html"}:
            attached.append(_name(part, kind))
        else:
            self._text(part, kind)

    def _text(self, part: Message, kind: str) -> None:
        read = _read(part, kind)
        self.notes.extend(read.notes)
        self.out.include(read.parsed)


@dataclass(frozen=True, slots=True)
class _Read:
    parsed: Parsed
    notes: tuple[str, ...] = ()


def _read(part: Message, kind: str) -> _Read:
    """The text of a part that is plain text or HTML."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes) or not payload.strip():
        return _Read(Parsed(""))
    declared = part.get_content_charset() or (declared_charset(payload) if kind == "text/html" else None)
    decoded = decode_lenient(payload, declared=_known(declared))
    parsed = parse_html(decoded.text) if kind == "text/html" else parse_plain(decoded.text)
    return _Read(parsed, decoded.notes)


def _known(charset: str | None) -> str | None:
    """The declared charset, None for one that says nothing: ASCII that is not, or a name nobody knows."""
    try:
        return None if charset is None or codecs.lookup(charset).name == "ascii" else charset
    except (LookupError, ValueError):
        return None


def _preferred(parts: Sequence[object]) -> Message | None:
    """The plain text of several forms of one text, else the last form that holds text.

    Not where the plain text only asks for a program that shows HTML.
    """

    def has(part: Message, kind: str) -> bool:
        return any(p.get_content_type() == kind and _is_filled(p) for p in part.walk())

    messages = [part for part in parts if isinstance(part, Message)]
    for kind in ("text/plain", "text/html"):
        found = [part for part in messages if has(part, kind)]
        if found and not (kind == "text/plain" and _is_stub(found[0], messages)):
            return found[0]
    return messages[-1] if messages else None


def _is_stub(plain: Message, forms: Sequence[Message]) -> bool:
    """Whether a short plain text stands before an HTML part that says far more."""
    said = _words(plain, "text/plain")
    return said < _STUB_WORDS and any(
        _words(form, "text/html") > _FAR_MORE * max(said, _STUB_WORDS // _FAR_MORE) for form in forms
    )


def _words(message: Message, kind: str) -> int:
    """The words that a reader would see of the parts of a kind."""
    texts = CanonicalText()
    for part in message.walk():
        if part.get_content_type() == kind:
            try:
                texts.include(_read(part, kind).parsed)
            except DocumentError:
                continue  # the form that is chosen says so
    return len(texts.build().text.split())


def _is_filled(part: Message) -> bool:
    payload = part.get_payload(decode=True)
    return isinstance(payload, bytes) and bool(payload.strip())


def _name(part: Message, kind: str) -> str:
    name = part.get_filename()
    return " ".join(_decoded(name).split()) if name else f"unnamed ({kind})"


def _header(message: Message, name: str) -> str:
    # Not `get_all`, which puts replacement characters for what is not ASCII.
    values = [value for key, value in message.raw_items() if key.lower() == name.lower()]
    return ", ".join(filter(None, (" ".join(_decoded(value).split()) for value in values)))


def _decoded(value: object) -> str:
    """A header's text, its encoded words decoded; one that is malformed stays as it is written."""
    try:
        text = str(make_header(decode_header(str(value))))
    except (MessageError, LookupError, UnicodeError, ValueError):
        text = str(value)
    raw = text.encode("utf-8", "surrogateescape")
    try:
        return decode(raw).text
    except DocumentError:
        return raw.decode("latin-1")  # what the standard had for headers before UTF-8


def _date(value: str) -> str | None:
    """In ISO form; None for none that can be read, which stands in the text as it is written."""
    for read in (email.utils.parsedate_to_datetime, datetime.datetime.fromisoformat):
        try:
            return read(value).isoformat()
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _metadata(message: Message, notes: list[str]) -> dict[str, MetadataValue]:
    metadata: dict[str, MetadataValue] = {}
    for key, name in (("title", "Subject"), ("author", "From"), ("to", "To")):
        value = _header(message, name)
        if value:
            metadata[key] = value
    date = _date(_header(message, "Date"))
    if date is not None:
        metadata["date"] = date
    if notes:
        metadata["notes"] = tuple(notes)
    return metadata
