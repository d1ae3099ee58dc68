"""Texts as codes: 22 letters, digits, - and _ that stand for a text of any length and content.

Milvus takes conditions as the text of an expression, its columns hold at most 65,535 bytes, and Milvus Lite
takes no values beside an expression. So all that conditions compare is kept as a code, and nothing else of a
document or a question ever stands in an expression: equality of codes is equality of texts.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode

_N_BYTES = 16  # 128 bits: nobody finds two texts with the same one


def code(text: str) -> str:
    """The code of a text.

    >>> len(code("a\\0" * 10_000)), code("a") == code("A")
    (22, False)
    """
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return urlsafe_b64encode(digest[:_N_BYTES]).decode("ascii").rstrip("=")


def number(text: str) -> int:
    """The place of a term in a sparse vector. Two terms may share one; the last place is nobody's."""
    place = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:4], "big")
    return place % NOBODYS


NOBODYS = 2**32 - 3
