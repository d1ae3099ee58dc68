"""Ingestion on a real Ray cluster gives what ingestion in this process gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ragkit.errors import ConfigError
from ragkit.types import Document, Unread
from ragkit_connectors.ray import OnRay
from tests.connectors.ray.bench import content, documents, files, opened, same, without_time
from tests.connectors.ray.plugin import FAILS_EMBEDDER, KILLS_CHUNKER, KILLS_EMBEDDER

TWO = OnRay(workers=2)
pytestmark = pytest.mark.usefixtures("cluster")


def test_files_and_documents_give_the_same_index_and_report(tmp_path: Path) -> None:
    folder = files(tmp_path / "docs", 6)
    sources: list[Any] = [
        *documents(40),
        Document("twice", "One text that is long enough to be kept."),
        Document("twice", "Another text under the same id."),
        Document("odd", "Its metadata is no metadata.", metadata={"when": object()}),  # type: ignore[dict-item]
        Document("bad", 5),  # type: ignore[arg-type]
        Unread("wiki page 7", reason="it is locked. Unlock it", id="wiki-7"),
        folder,
    ]
    given: dict[str, Any] = {"metadata": {"team": "all", "lang": "ru"}, "progress": False}
    with opened(tmp_path / "here") as here, opened(tmp_path / "there") as there:
        local = here.ingest(list(sources), **given)
        remote = there.ingest(list(sources), **given, on=TWO)
        assert without_time(remote) == without_time(local)
        assert remote.committed > 55
        assert remote.seen == remote.committed + remote.unchanged + remote.quarantined + remote.rejected
        same(here, there)
        (folder / "f1.md").write_text("# File 1\n\nChanged: the valve opens at nothing.")
        (folder / "g2.txt").unlink()
        local = here.ingest([*documents(10, 35), folder], **given)
        remote = there.ingest([*documents(10, 35), folder], **given, on=TWO)
        assert without_time(remote) == without_time(local)
        assert (remote.deleted, remote.committed > 0, remote.unchanged > 0) == (1, True, True)
        same(here, there)
        again = there.ingest([*documents(10, 35), folder], **given, on=OnRay(workers=1))
        assert (again.unchanged > 10, again.embedded_chunks, again.committed) == (True, 0, 0)


def test_a_document_that_kills_its_workers_is_quarantined_and_the_others_go_in(tmp_path: Path) -> None:
    poison = [
        Document("kills-chunker", f"Never read: {KILLS_CHUNKER}."),
        Document("kills-embedder", f"Never embedded: {KILLS_EMBEDDER}."),
        Document("fails-embedder", f"Not embedded: {FAILS_EMBEDDER}."),
    ]
    good = documents(40)
    with opened(tmp_path / "i") as rag:
        report = rag.ingest([*good[:20], *poison, *good[20:]], progress=False, on=TWO)
        stages = {outcome.uri: (outcome.state, outcome.stage) for outcome in report.documents}
        assert stages == {
            "kills-chunker": ("quarantined", "parse"),
            "kills-embedder": ("quarantined", "embed"),
            "fails-embedder": ("quarantined", "embed"),
        }
        reasons = {outcome.uri: outcome.reason or "" for outcome in report.documents}
        assert "each of 3 workers that read it died" in reasons["kills-chunker"]
        assert "hashed cannot embed it (WorkerDiedError" in reasons["kills-embedder"]
        assert "hashed cannot embed it (ModelError: NaN)" in reasons["fails-embedder"]
        assert report.committed == 40
        alone = opened(tmp_path / "j")
        alone.ingest(good, progress=False)
        there, here = (content(r._parts.collection) for r in (rag, alone))
        assert {id_: there[id_] for id_ in here} == here
        alone.close()


def test_a_place_that_is_none_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "i") as rag:
        with pytest.raises(ConfigError, match=r"on='rey'.*Did you mean 'ray'"):
            rag.ingest(documents(1), progress=False, on="rey")
        with pytest.raises(ConfigError, match=r"no address of a Ray cluster: expected ray://HOST:PORT"):
            rag.ingest(documents(1), progress=False, on="ray://head")
        with pytest.raises(ConfigError, match=r"on=5: expected a place"):
            rag.ingest(documents(1), progress=False, on=5)  # type: ignore[arg-type]
