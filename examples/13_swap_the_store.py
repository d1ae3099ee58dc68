"""One collection in several stores, nothing embedded again: `python examples/13_swap_the_store.py lancedb`.

Each name needs its extra (`lancedb`, `qdrant-edge`, `milvus-lite`); without names all that are installed are
taken. A store on a server is one more line under `stores:`, such as `{use: store/pgvector, dsn: …}`.
"""

from __future__ import annotations

import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import ragkit

CORPUS = Path(__file__).parent / "corpus"
CONFIG = """
ragkit: 1
models:
  embed: {use: embed/bundled}
stores:
  local: {use: store/local, path: ./local}
"""
STORES = {
    "lancedb": ("lancedb", "{use: store/lancedb, path: ./lancedb}"),
    "edge": ("qdrant_edge", "{use: store/qdrant, engine: edge, path: ./edge}"),
    "milvus": ("milvus_lite", "{use: store/milvus, path: ./milvus.db}"),
}
REST = """
collection: {store: local, embed: embed}
query:
  dense: {use: retrieve/dense, in: question}
  sparse: {use: retrieve/bm25, in: question}
  fuse: {use: fuse/rrf, in: [dense, sparse], k: 10}
  generate: {use: generate/extractive}
  verify: {use: verify/citations, on_unsupported: drop}
"""
QUESTIONS = ("How long is the warranty on a Wick 7?", "Сколько длится ремонт по гарантии?")

names = sys.argv[1:] or [name for name, (package, _) in STORES.items() if find_spec(package)]
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "rag.yaml")
    path.write_text(CONFIG + "".join(f"  {name}: {STORES[name][1]}\n" for name in names) + REST, "utf-8")

    with ragkit.load(path) as rag:
        rag.ingest(CORPUS, progress=False)
        expected = [rag.ask(question).text for question in QUESTIONS]
        for name in names:
            done = rag.migrate(name)
            print(f"{name}: {done.copied} documents copied, the same in both: {done.parity.ok}")

    # The swap is one word: `store:` of the collection, in rag.yaml or here.
    for name in names:
        with ragkit.load(path, set={"collection.store": name}) as rag:
            assert [rag.ask(question).text for question in QUESTIONS] == expected
    print(*expected, sep="\n")
