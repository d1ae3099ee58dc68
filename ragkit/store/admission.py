"""What a document must be to be written, and what is added to it on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ragkit.errors import DocumentError, TenantError
from ragkit.fields import ACL, FieldSpec, problems_of
from ragkit.protocols import Change
from ragkit.store.access import Access
from ragkit.store.typed import type_problems
from ragkit.text.language import UNDETERMINED
from ragkit.types import Document

MAX_ID_CHARS = 4096
LANG = "lang"


def check_document(document: Document, fields: Mapping[str, FieldSpec], access: Access) -> None:
    """Refuses a document that the collection cannot take; all that is wrong with it at once.

    Raises:
        DocumentError: an id, a metadata value or an acl, or a part of another type than a document's.
    """
    if wrong := type_problems(document):
        raise DocumentError("; ".join(wrong), stage="write")
    problems = problems_of(document.metadata, fields)
    try:
        groups = access.acl(document.acl or None)
        if groups is not None and not groups and fields[ACL].required:
            problems.append("acl is required and missing")
    except TenantError as e:
        problems.append(str(e))
    if not 0 < len(document.id) <= MAX_ID_CHARS:
        problems.append(f"its id has {len(document.id)} characters: expected 1 to {MAX_ID_CHARS}")
    titles = "".join(section.title for section in document.sections)
    texts = {"id": document.id, "text": document.text, "uri": document.uri or "", "section title": titles}
    for what, text in texts.items():
        if has_surrogate(text):
            problems.append(f"its {what} holds half a surrogate pair, which no encoding can carry")
    if problems:
        raise DocumentError("; ".join(problems), stage="write")


def with_language(change: Change, fields: Mapping[str, FieldSpec]) -> Change:
    """The change; where `lang` is declared, chunks without one in their metadata get what was detected."""
    if LANG not in fields or not change.records:
        return change
    records = tuple(
        record
        if record.chunk.metadata.get(LANG) is not None or record.chunk.lang == UNDETERMINED
        else replace(
            record,
            chunk=replace(record.chunk, metadata={**record.chunk.metadata, LANG: record.chunk.lang}),
        )
        for record in change.records
    )
    return replace(change, records=records)


def has_surrogate(text: str) -> bool:
    """Whether a text holds half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
