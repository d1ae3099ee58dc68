"""What may be shown of a value: nothing from the environment, no key, no password."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from ragkit.config.kinds import mentions
from ragkit.config.tree import Entries, Items, Node, Plain, Text, plain, shown, variables_in, written
from ragkit.secrets import HIDDEN, Secret

_SENSITIVE = re.compile(
    r"(api|access|account|auth|private|secret|subscription)[_-]?key$|token$|passw|secret|dsn$|credential|authorization",
    re.IGNORECASE,
)
_ONE_VARIABLE = re.compile(r"\$\{\w+\}")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+(?=@)")
# Of Azure and other gateways: https://host/v1?api-key=…&sig=…
_IN_QUERY = re.compile(r"(?i)([?&][\w.-]*(?:key|token|secret|passw\w*|credential\w*|sig|signature)=)[^&#\s]+")


def is_sensitive(key: str) -> bool:
    """The name of a setting suggests a value that must not be seen: `api_key`, but not `max_tokens`."""
    return bool(_SENSITIVE.search(key))


def mask(annotation: Any, key: str, node: Node) -> Plain:
    """What is shown of a setting whose value is not to be shown as it is; None for one that may be.

    A value from the environment is shown as the file has it, `${NAME}`. A path too: the folder it is resolved
    against is no part of the configuration.
    """
    is_hidden = mentions(annotation, Secret) or is_sensitive(key)
    if is_hidden or variables_in(node) or mentions(annotation, PurePath) or any(_sensitive_keys(node)):
        return _masked(node, is_hidden)
    return None


def without_credentials(text: str) -> str:
    """An address without the user and password, or a key, in it: `https://***@host/?api-key=***`."""
    return _IN_QUERY.sub(rf"\g<1>{HIDDEN}", _CREDENTIALS.sub(HIDDEN, text))


def cleaned(message: str, node: Node, key: str = "") -> str:
    """A message by others about `node`, without the values that must not be seen."""
    for text in _texts(node, is_sensitive(key)):
        message = _replaced(message, text.value, shown(text, is_hidden=True))
        # A message may hold a part of the value, or a rewriting of it.
        for name, inserted in text.inserted.items():
            message = _replaced(message, inserted, f"${{{name}}}")
    return without_credentials(message)


def _replaced(message: str, hidden: str, by: str) -> str:
    for spelling in {hidden, repr(hidden)[1:-1]} - {""}:
        message = re.sub(rf"(?<!\w){re.escape(spelling)}(?!\w)", lambda _: by, message)
    return message


def _masked(node: Node, is_hidden: bool) -> Plain:
    if isinstance(node, Items):
        return [_masked(item, is_hidden) for item in node.nodes]
    if isinstance(node, Entries):
        return {k: _masked(e.node, is_hidden or is_sensitive(k)) for k, e in node.entries.items()}
    if is_hidden:
        return node.written if _ONE_VARIABLE.fullmatch(node.written) and node.variables else HIDDEN
    shown_as = written(node) if node.variables else plain(node)
    return without_credentials(shown_as) if isinstance(shown_as, str) else shown_as


def _sensitive_keys(node: Node) -> Iterator[str]:
    if isinstance(node, Entries):
        for key, entry in node.entries.items():
            if is_sensitive(key):
                yield key
            yield from _sensitive_keys(entry.node)
    elif isinstance(node, Items):
        for item in node.nodes:
            yield from _sensitive_keys(item)


def _texts(node: Node, is_hidden: bool) -> Iterator[Text]:
    """The scalars below `node` that must not be seen."""
    if isinstance(node, Text):
        if is_hidden or node.variables:
            yield node
    elif isinstance(node, Items):
        for item in node.nodes:
            yield from _texts(item, is_hidden)
    else:
        for key, entry in node.entries.items():
            yield from _texts(entry.node, is_hidden or is_sensitive(key))
