"""Pages that lead to one another by name, and what their index gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import ragkit
from ragkit import RAG, Document
from ragkit.types import Ranking

FILM = Document("film", "Silent Harbour\n\nSilent Harbour is a drama film directed by Vera Lindqvist.")
VERA = Document("vera", "Vera Lindqvist\n\nVera Lindqvist came into the world at Storvik in 1931.")
TOWN = Document("town", "Storvik\n\nStorvik lies on the river Borr and has 300 inhabitants.")
OTHER = tuple(
    Document(
        f"other{n}", f"Harbour {n}\n\nThe harbour number {n} is silent in winter, and a film was shot there."
    )
    for n in range(12)
)
FILM_RU = Document("film-ru", "Тихая гавань\n\nФильм «Тихая гавань» снят режиссёром Верой Линдквист.")
VERA_RU = Document(
    "vera-ru", "Вера Линдквист\n\nВера Линдквист появилась на свет в посёлке Сторвик в 1931 году."
)
OTHER_RU = tuple(
    Document(f"other-ru{n}", f"Гавань {n}\n\nГавань номер {n} зимой тихая, там снимали фильм.")
    for n in range(12)
)
QUESTION = "Where was the director of the film Silent Harbour born?"
QUESTION_RU = "Где родился режиссёр фильма «Тихая гавань»?"
PAGES = (FILM, VERA, TOWN, *OTHER, FILM_RU, VERA_RU, *OTHER_RU)

ARMS = """
  dense: {use: retrieve/dense, k: 5}
  sparse: {use: retrieve/bm25, in: question, k: 5}"""
MULTIHOP = f"""query:{ARMS}
  fuse: {{use: fuse/weighted, in: [dense, sparse], k: 4}}
  multihop: {{use: retrieve/multihop, k: 4}}
  generate: generate/extractive
  verify: verify/citations
"""


@contextmanager
def over(
    folder: Path, query: str, pages: Sequence[Document] = PAGES, models: str = "", fields: str = "{}"
) -> Iterator[RAG]:
    """An index of the pages, below a graph of YAML."""
    path = folder / "rag.yaml"
    path.write_text(
        "ragkit: 1\n"
        f"models:\n  embed: {{use: embed/bundled}}\n{models}"
        "stores: {local: {use: store/local, path: ./index}}\n"
        f"collection: {{store: local, embed: embed, fields: {fields}}}\n{query}",
        encoding="utf-8",
    )
    with ragkit.load(path) as rag:
        if pages:
            rag.ingest(list(pages), progress=False)
        yield rag


def ids(ranking: Ranking) -> list[str]:
    """The documents of a ranking, best first."""
    return [hit.chunk.document_id for hit in ranking.hits]
