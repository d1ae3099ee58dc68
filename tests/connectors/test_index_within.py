"""A folder that holds the index beside the documents: `ragkit ingest .` with `path: ./index`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

import ragkit

STORES = {
    "store/local": ("sqlite3", "{use: store/local, path: ./index}"),
    "store/lancedb": ("lancedb", "{use: store/lancedb, path: ./index}"),
    "store/qdrant edge": ("qdrant_edge", "{use: store/qdrant, engine: edge, path: ./index}"),
    "store/qdrant local": ("qdrant_client", "{use: store/qdrant, path: ./index}"),
}
CONFIG = """\
ragkit: 1
models: {{embed: {{use: embed/bundled}}}}
stores: {{here: {store}}}
collection: {{store: here, embed: embed}}
query:
  dense: {{use: retrieve/dense, in: question}}
  fuse: {{use: fuse/rrf, in: [dense]}}
  generate: generate/extractive
"""


def test_documents_in_the_folder_of_the_index_are_read(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    (docs / "guide").mkdir(parents=True)
    for path in (docs / "a.md", docs / "guide" / "b.md"):
        path.write_text(f"The code of {path.name} is 4711.\n", encoding="utf-8")
    with ragkit.open(docs) as rag:
        for folder, n_committed in ((docs, 2), (docs, 0), (tmp_path, 2)):
            report = rag.ingest(folder, progress=False)
            assert (report.seen, report.committed) == (2, n_committed)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", STORES)
def test_the_files_of_an_index_are_no_documents(name: str, tmp_path: Path) -> None:
    package, store = STORES[name]
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    (tmp_path / "rag.yml").write_text(CONFIG.format(store=store), encoding="utf-8")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "door.md").write_text("# Door\n\nThe code is 4711.\n", encoding="utf-8")
    with ragkit.load(tmp_path / "rag.yml") as rag:
        rag.ingest(tmp_path, progress=False)
        rag.ingest(tmp_path, progress=False)
        again = rag.ingest(tmp_path, progress=False)
        assert (again.committed, again.unchanged) == (0, 1)
        assert [d.uri for d in again.documents if "index/" in d.uri] == []
        assert rag.status().documents == 1
