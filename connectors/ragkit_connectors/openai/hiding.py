"""What an endpoint says, without the keys that it was sent: some repeat them in their errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from ragkit.errors import ModelError
from ragkit.secrets import HIDDEN, Secret

Error = TypeVar("Error", bound=ModelError)

# A shorter beginning of a key tells nothing of it, and may be the end of a word.
_LEAST = 6
_CUT = "…"


def without(text: str, secrets: Iterable[Secret]) -> str:
    """The text with `***` for each secret, and for the beginning of one in which the text was cut.

    >>> without("no key sk-123456 nor sk-1234…", [Secret("sk-123456")])
    'no key *** nor ***…'
    >>> without("no key sk-123456", [Secret("Bearer sk-123456")])
    'no key ***'
    """
    for secret in _words(secrets):
        text = text.replace(secret, HIDDEN)
        for n in range(len(secret) - 1, _LEAST - 1, -1):
            text = text.replace(secret[:n] + _CUT, HIDDEN + _CUT)
    return text


def hide(error: Error, secrets: Iterable[Secret]) -> Error:
    """The same error, without the secrets; nor are they in those that it comes from."""
    known = tuple(secrets)
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ModelError):
            seen.args = (without(str(seen), known),)
        seen = seen.__cause__
    return error


def _words(secrets: Iterable[Secret]) -> Iterator[str]:
    """Each secret, and of one such as `Bearer KEY` the key, too."""
    for secret in secrets:
        text = secret.reveal()
        if text:
            yield text
        last = text.rpartition(" ")[2]
        if last != text and len(last) >= _LEAST:
            yield last
