"""Names of a package that are imported when first used, and what to install where they cannot be."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from ragkit.errors import MissingExtraError


def lazy(package: str, homes: Mapping[str, str], *, needs: str, extra: str) -> Callable[[str], Any]:
    """The `__getattr__` of a package whose names lie in modules that import a library.

    Args:
        package: its name, as in `__name__`.
        homes: the module of each name, below the package.
        needs: the library's package.
        extra: what of ragkit installs it.

    >>> lazy("ragkit.types", {"Span": "documents"}, needs="x", extra="x")("Span").__name__
    'Span'
    """

    def found(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            return getattr(importlib.import_module(f"{package}.{home}"), name)
        except ModuleNotFoundError as e:
            if (e.name or "").partition(".")[0] != needs:
                raise
            raise MissingExtraError(name, package=needs, extra=extra) from e

    return found
