"""Documents of another library → ours, each with an id by which it is found again."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ragkit.errors import did_you_mean
from ragkit.types import Document, Unread
from ragkit_connectors.bridge.metadata import to_ours

Ids = Literal["given", "content"]


@dataclass(frozen=True, slots=True)
class Foreign:
    """A document as another library gave it; `id` and `uri` where it says them."""

    text: Any
    metadata: Mapping[Any, Any] = field(kw_only=True)
    id: str | None = field(default=None, kw_only=True)
    uri: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Naming:
    """By what documents are named.

    Args:
        id_key: metadata that holds the id; None for the library's own.
        ids: `given`: a document without an id or a source is not read; `content`: it is named by its text, so
            that a changed one is another document, and the one before stays until it is forgotten.
        keep: the metadata to keep; None keeps all.
    """

    id_key: str | None = None
    ids: Ids = field(default="given", kw_only=True)
    keep: frozenset[str] | None = field(default=None, kw_only=True)


class Incoming:
    """Takes the documents of one loader, in order.

    Several of one source are told apart by their number, `guide.pdf`, `guide.pdf#2`: a loader that gives a
    document for each page gives them in order.

    >>> Incoming(Naming()).take(Foreign("One.", metadata={}, id="a")).id
    'a'
    """

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._of_source: Counter[str] = Counter()
        self._n = 0

    def take(self, foreign: Foreign | Unread) -> Document | Unread:
        """The next one as a document of ours, or as one that could not be read."""
        self._n += 1
        if isinstance(foreign, Unread):
            return foreign
        called = foreign.uri or f"document {self._n}"
        if not isinstance(foreign.text, str):
            kind = type(foreign.text).__name__
            return Unread(called, reason=f"its text is {kind}: expected text. Convert it with str()")
        name, why = self._name(foreign)
        if name is None:
            return Unread(called, reason=why)
        metadata, keep = foreign.metadata, self._naming.keep
        if keep is not None:
            metadata = {key: value for key, value in metadata.items() if key in keep}
        return Document(name, foreign.text, metadata=to_ours(metadata), uri=foreign.uri)

    def failed(self, error: Exception) -> Unread:
        """What the report says where the loader raised: what came before stands."""
        reason = (
            f"the loader failed after {self._n} document(s) ({type(error).__name__}: {str(error)[:500]}). "
            "What came before is taken, what would have come after is not: mend the cause and ingest again"
        )
        return Unread("the rest of the loader's documents", reason=reason)

    def take_all(self, found: Iterable[Foreign | Unread]) -> Iterator[Document | Unread]:
        """All of them; where `found` raises, the last one says so."""
        try:
            for foreign in found:
                yield self.take(foreign)
        except Exception as e:
            yield self.failed(e)

    def _name(self, foreign: Foreign) -> tuple[str | None, str]:
        """The id, or None and why there is none."""
        key = self._naming.id_key
        if key is not None:
            value = foreign.metadata.get(key)
            if value is None or value == "":
                hint = did_you_mean(key, [k for k in foreign.metadata if isinstance(k, str)])
                return None, f"it has no metadata {key!r}, by which documents are named.{hint}"
            return str(value), ""
        if foreign.id:
            return str(foreign.id), ""
        if foreign.uri:
            self._of_source[foreign.uri] += 1
            n = self._of_source[foreign.uri]
            return (foreign.uri if n == 1 else f"{foreign.uri}#{n}"), ""
        if self._naming.ids == "content":
            return hashlib.sha256(foreign.text.encode("utf-8", "surrogatepass")).hexdigest()[:32], ""
        return None, (
            "it has neither an id nor a source, so that nobody could find it again when it has changed. "
            "Give it one, name the metadata that holds it (id_key: …), or let its text name it (ids: content)"
        )
