"""The charset of a page or of a part of an e-mail that names none: read as a browser or mail reader does."""

from __future__ import annotations

import re

from ragkit.errors import DocumentError
from ragkit.ingest.load.decode import Decoded, decode

_FALLBACK = "windows-1252"
_HIGH = re.compile(rb"[\x80-\xff]+")
# In Western languages a letter beyond ASCII stands alone; in another script's charset they fill whole words.
_MAX_SHARE_OF_RUNS = 0.1


def decode_lenient(data: bytes, *, declared: str | None) -> Decoded:
    """As `decode`; what names no charset is read as Windows-1252, which is what the HTML standard says.

    That is refused where the bytes do not look like a Western language: Greek, Chinese or Thai would become
    letters that nobody wrote.

    Raises:
        DocumentError: as `decode` raises it.

    >>> decode_lenient("Café crème".encode("cp1252"), declared=None).text
    'Café crème'
    """
    try:
        return decode(data, declared=declared)
    except DocumentError:
        if declared is not None or not _looks_western(data):
            raise
        return decode(data, declared=_FALLBACK)


def _looks_western(data: bytes) -> bool:
    runs = _HIGH.findall(data)
    return sum(len(run) > 1 for run in runs) <= _MAX_SHARE_OF_RUNS * len(runs)
