"""What of an object's settings shapes its work, as a text that is the same in every process."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

# Addresses in the `repr` of functions and objects differ from run to run.
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def shaping(model: Any, matters: Callable[[str], bool]) -> str:
    """The object's class with those of its plain settings whose names matter.

    >>> shaping(complex(1), lambda name: True)
    'builtins.complex|{}'
    """
    cls = type(model)
    given: Mapping[str, Any] = getattr(model, "__dict__", {})
    chosen = {key: _plain(value) for key, value in given.items() if matters(key)}
    return f"{cls.__module__}.{cls.__qualname__}|{json.dumps(chosen, sort_keys=True, default=str)}"


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        found = [_plain(part) for part in value]
        return sorted(found, key=str) if isinstance(value, set | frozenset) else found
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    name = getattr(value, "__qualname__", None)
    return name if isinstance(name, str) else _ADDRESS.sub("", f"{type(value).__qualname__}")
