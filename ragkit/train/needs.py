"""The packages that training takes, which nothing else of ragkit needs."""

from __future__ import annotations

import importlib.util

from ragkit.errors import MissingExtraError

EXTRA = "train"
_PACKAGES = ("torch", "onnx")


def check_installed() -> None:
    """Checks that all are there, without importing them.

    Raises:
        MissingExtraError: one is not; the message says how to install it.
    """
    for package in _PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError("ragkit models train-reranker", package=package, extra=EXTRA)
