"""What was to be ingested and could not be had: a place in the report, in the stream of documents."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Unread:
    """A document that its source could not give. Ingestion reports it, in its turn, and goes on.

    One that is known by its `id` is quarantined: what the index has of it stays. One without an id is
    rejected, for nobody could say later which it was.

    Args:
        uri: what the report calls it.
        reason: what is wrong, and what would mend it.
        id: the id that the document would have had.

    >>> Unread("wiki page 7", reason="its metadata holds bytes. Convert them to text").id
    ''
    """

    uri: str
    reason: str = field(kw_only=True)
    id: str = field(default="", kw_only=True)
