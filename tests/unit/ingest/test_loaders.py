"""Where documents come from when no path is named, and what becomes of those that cannot be had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import ragkit
from ragkit import registry
from ragkit.config.load import load_config
from ragkit.errors import ConfigError
from ragkit.protocols.ingestion import Loader
from ragkit.settings import Settings
from ragkit.types import Document, Unread

YAML = """\
ragkit: 1
models: {embed: {use: embed/bundled}}
stores: {local: {use: store/local, path: ./index}}
collection: {store: local, embed: embed}
ingest: {load: {use: load/counted, n: 3}}
query:
  sparse: {use: retrieve/bm25, in: question}
  fuse: fuse/rrf
  generate: generate/extractive
  verify: verify/citations
"""


class Counted:
    """Gives `n` documents, of which it cannot read the second."""

    use = "load/counted"

    class Config(Settings):
        n: int = 1

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked(self.use, settings)

    def load(self) -> Iterable[Document | Unread]:
        for i in range(self.config.n):
            yield (
                Unread("db://1", reason="it is locked", id="d1") if i == 1 else Document(f"d{i}", f"Row {i}.")
            )


@pytest.fixture
def counted() -> Iterator[None]:
    registry.register(Counted)
    yield
    del registry._registered[Counted.use]


@pytest.mark.usefixtures("counted")
def test_a_configured_loader_gives_what_nobody_names(tmp_path: Path) -> None:
    path = tmp_path / "rag.yaml"
    path.write_text(YAML)
    with ragkit.load(path) as rag:
        report = rag.ingest(progress=False)
        assert (report.seen, report.committed, report.quarantined) == (3, 2, 1)
        assert (report.documents[0].stage, report.documents[0].reason) == ("load", "it is locked")
        assert rag.ingest(progress=False).unchanged == 2
        assert rag.config.describe()["ingest"]["load"] == {"use": "load/counted", "n": 3}  # type: ignore[index,call-overload]


@pytest.mark.usefixtures("counted")
def test_mistakes_in_a_loader_have_their_line(tmp_path: Path) -> None:
    path = tmp_path / "rag.yaml"
    path.write_text(YAML.replace("n: 3", "m: 3"))
    with pytest.raises(ConfigError, match=r"rag.yaml:5: ingest.load.m: unknown key"):
        load_config(path)
    path.write_text(YAML.replace("load/counted, n: 3", "chunk/recursive"))
    with pytest.raises(ConfigError, match=r"expected a loader, but chunk/recursive is a chunker"):
        load_config(path)


def test_without_a_loader_something_must_be_named(tmp_path: Path) -> None:
    with ragkit.open(tmp_path) as rag, pytest.raises(ConfigError, match="configure a loader"):
        rag.ingest(progress=False)


def test_what_cannot_be_had_keeps_what_the_index_has(tmp_path: Path) -> None:
    with ragkit.open(tmp_path) as rag:
        rag.ingest(Document("a", "It lasts two years."), progress=False)
        report = rag.ingest(
            [Unread("db://a", reason="locked", id="a"), Unread("b", reason="no id")], progress=False
        )
        assert [(d.uri, d.state) for d in report.documents] == [("db://a", "quarantined"), ("b", "rejected")]
        assert rag.source("a") == "It lasts two years."


def test_a_loader_is_known_by_its_method() -> None:
    assert isinstance(Counted(), Loader)
