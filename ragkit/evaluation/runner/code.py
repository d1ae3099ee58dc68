"""Which code made a result: a digest of all that a stage's work may depend on."""

from __future__ import annotations

import hashlib
import inspect
from functools import cache
from pathlib import Path
from weakref import WeakKeyDictionary

import ragkit

# What measures, trains or shows changes no value of a stage.
_ASIDE = {"evaluation", "cli", "train", "testing"}
# Prompts and defaults are as much a part of it; models have fingerprints of their own.
_SOURCES = {".py", ".txt", ".yaml"}
_versions: WeakKeyDictionary[type, str | None] = WeakKeyDictionary()


@cache
def code_version() -> str:
    """SHA-256 over the sources and prompts of ragkit that a pipeline runs, 16 hex digits.

    >>> len(code_version())
    16
    """
    root = Path(ragkit.__file__).parent
    total = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if path.suffix in _SOURCES and parts[0] not in _ASIDE:
            total.update("/".join(parts).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]


def source_version(component: type) -> str | None:
    """SHA-256 of the file that a class is written in, 16 hex digits; None where there is none.

    The file is read once for a class: what is written into it later does not run until it is loaded again.

    >>> source_version(int) is None
    True
    """
    if component not in _versions:
        _versions[component] = _read_version(component)
    return _versions[component]


def _read_version(component: type) -> str | None:
    try:
        path = inspect.getsourcefile(component)
        return None if path is None else hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
    except (OSError, TypeError):
        return None
