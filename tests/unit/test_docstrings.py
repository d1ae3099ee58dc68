"""The examples in docstrings run and give what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import ragkit

MODULES = sorted(info.name for info in pkgutil.walk_packages(ragkit.__path__, "ragkit."))


@pytest.mark.parametrize("name", [name for name in MODULES if name != "ragkit.__main__"])
def test_examples_in_docstrings_hold(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as e:
        if not name.startswith("ragkit.train.") or e.name not in {"torch", "onnx"}:
            raise
        pytest.skip(f"needs the extra train: {e.name} is not installed")
    assert doctest.testmod(module).failed == 0
