"""What the tests of crashes share: the library that makes calls fail, processes to fail in, and the scale."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crash.faulty_io import compiled, why_not
from tests.crash.forks import Forks
from tests.scale import IS_FULL, scaled

PART = 20  # of all cases, one in so many is run where the scale is not full


@dataclass(frozen=True, slots=True)
class Scale:
    """How many of all cases are run: all with RAGKIT_SCALE=full, else one in twenty, always the same ones."""

    is_full: bool

    def times(self, full: int) -> int:
        """How often something random is done."""
        return scaled(full, part=PART)

    def numbers(self, n: int, seed: str) -> list[int]:
        """Of 1 to n all, or every twentieth from a first one that the seed decides."""
        first, step = (1, 1) if self.is_full else (random.Random(seed).randint(1, PART), PART)
        print(f"\nseed {seed!r}: {n} cases, from {first} every {step}")
        return list(range(first, n + 1, step))


@pytest.fixture(scope="session")
def scale() -> Scale:
    """The scale of this run."""
    return Scale(IS_FULL)


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Processes that can be made to fail at any system call."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with Forks(compiled(tmp_path_factory.mktemp("faulty_io"))) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder without links in its path, as the calls are told apart by it."""
    return tmp_path.resolve()
