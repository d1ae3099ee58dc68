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
    assert doctest.testmod(importlib.import_module(name)).failed == 0
