from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.models.small_reranker import write_reranker


@pytest.fixture(scope="session")
def reranker_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small int8 reranker, for tests that leave it as it is."""
    return write_reranker(tmp_path_factory.mktemp("reranker"))
