"""What the embedded store says of its dense index."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec


@pytest.mark.parametrize(("index", "is_exact"), [("index/exact", True), ("flat", True), ("hnsw", False)])
def test_it_is_exact_where_its_index_is(tmp_path: Path, index: str, is_exact: bool) -> None:
    if not index.startswith("index/"):
        pytest.importorskip("faiss", reason="needs faiss-cpu: make test EXTRAS=all")
    settings = {"use": index} if index.startswith("index/") else {"use": "index/faiss", "kind": index}
    spec = StoreSpec("m", embedder_fingerprint="v1", dimension=2)
    with closing(LocalStore(path=tmp_path / "index", index=settings).open(spec)) as store:
        assert store.capabilities.exact_dense is is_exact
