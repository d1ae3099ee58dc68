"""A stage of one's own: a typed function, a registered name, one line of YAML."""

from __future__ import annotations

import tempfile
from pathlib import Path

import ragkit
from ragkit import Hit, Ranking

CORPUS = Path(__file__).parent / "corpus"


@ragkit.register
@ragkit.stage("rerank/prefer")
def prefer(ranking: Ranking, *, lang: str = "ru", boost: float = 1.2) -> Ranking:
    """Lifts the passages of one language."""
    hits = [Hit(h.chunk, h.score * (boost if h.chunk.lang == lang else 1.0)) for h in ranking.hits]
    return Ranking(ranking.plan, tuple(sorted(hits, key=lambda h: (-h.score, h.chunk.id))))


with tempfile.TemporaryDirectory() as folder:
    config = Path(folder) / "rag.yaml"
    config.write_text(
        """
        ragkit: 1
        models: {embed: {use: embed/bundled}}
        stores: {local: {use: store/local, path: ./index}}
        collection: {store: local, embed: embed}
        query:
          dense:  {use: retrieve/dense, in: question}
          sparse: {use: retrieve/bm25, in: question}
          fuse:   {use: fuse/weighted, in: [dense, sparse]}
          prefer: {use: rerank/prefer, lang: ru, boost: 1.5}
          generate: generate/extractive
          verify: verify/citations
        """,
        encoding="utf-8",
    )
    with ragkit.load(config) as rag:
        rag.ingest(CORPUS, progress=False)
        for hit in rag.retrieve("Lantern 3.2", k=3).hits:
            print(f"{hit.score:.3f} {hit.chunk.lang} {hit.chunk.uri}")
