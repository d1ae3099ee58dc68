"""From a folder into OpenSearch and back: the same documents, chunks and answers."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.connectors.congruent import there_and_back
from tests.connectors.opensearch.stores import Stores

pytest.importorskip("opensearchpy", reason="needs the extra opensearch")


def test_there_and_back_again(tmp_path: Path) -> None:
    with closing(Stores()) as stores:
        there_and_back(lambda spec: stores.make(spec, shards=2), tmp_path)
