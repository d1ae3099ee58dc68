"""A configuration to be saved: with variables in place of the secrets that are written in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragkit.secrets import HIDDEN


def without_secrets(document: Any, described: Any, path: str = "") -> tuple[Any, dict[str, str]]:
    """The document with `${NAME}` where it has a secret, and the name of each by its dotted key.

    Args:
        document: as `rag.yaml` has it.
        described: the same as `Config.describe` shows it, secrets hidden.
        path: the dotted key of both; empty for the whole.

    >>> without_secrets({"small": {"api_key": "sk-1"}}, {"small": {"api_key": "***"}})
    ({'small': {'api_key': '${SMALL_API_KEY}'}}, {'small.api_key': 'SMALL_API_KEY'})
    """
    if isinstance(document, Mapping) and isinstance(described, Mapping):
        made, names = {}, dict[str, str]()
        for key, value in document.items():
            made[key], more = without_secrets(value, described.get(key), f"{path}.{key}".lstrip("."))
            names |= more
        return made, names
    if isinstance(document, list) and isinstance(described, list) and len(document) == len(described):
        both = [
            without_secrets(value, shown, f"{path}.{n}")
            for n, (value, shown) in enumerate(zip(document, described, strict=True))
        ]
        return [made for made, _ in both], {key: name for _, more in both for key, name in more.items()}
    if isinstance(described, str) and HIDDEN in described and HIDDEN not in str(document):
        name = "".join(c if c.isascii() and c.isalnum() else "_" for c in path).upper()
        return f"${{{name}}}", {path: name}
    return document, {}
