"""What several tests share: the example handbook, indexed once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ragkit

pytest.register_assert_rewrite("ragkit.testing")

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "examples" / "corpus"


@pytest.fixture(scope="session")
def handbook_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an index of the whole handbook. Tests read it; none writes to it."""
    folder = tmp_path_factory.mktemp("handbook")
    with ragkit.open(folder) as rag:
        report = rag.ingest(CORPUS, progress=False)
    assert report.committed == report.seen > 40
    return folder


@pytest.fixture(scope="session")
def handbook(handbook_index: Path) -> Iterator[ragkit.RAG]:
    """The handbook, open."""
    with ragkit.open(handbook_index, create=False) as rag:
        yield rag
