"""A folder and a PostgreSQL index that are kept the same, the server going away meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ragkit
from tests.connectors.pgvector_server import Stores, server
from tests.unit.store.test_in_step import CONFIG, documents, held


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    made = Stores()
    place = made.unopened().config
    second = f"second: {{use: store/pgvector, dsn: '{place.dsn.reveal()}', name: {place.name}}}"
    path = tmp_path / "rag.yaml"
    path.write_text(
        CONFIG.replace("second: {use: store/local, path: ./second}", second).replace(
            "  embed: embed\n", "  embed: embed\n  dual_write: [first, second]\n"
        )
    )
    yield path
    made.close()


def test_both_hold_the_same_and_what_is_forgotten_is_gone_from_both(config: Path) -> None:
    with ragkit.load(config) as rag:
        assert rag.ingest(documents(5), progress=False).notes == ()
        assert rag.forget("d1").notes == ()
        assert rag.ingest(documents(1, version=1), progress=False).notes == ()
    assert held(config, "first") == held(config, "second")
    assert set(held(config, "second")) == {"d0", "d2", "d3", "d4"}


def test_a_server_that_died_is_made_up_for(config: Path) -> None:
    with ragkit.load(config) as rag:
        rag.ingest(documents(3), progress=False)
        server().kill()
        try:
            report = rag.ingest(documents(6, version=1), progress=False)
        finally:
            server().restart()
        assert (report.committed, len(report.notes)) == (6, 1)
        assert "store 'second' is behind the one in use" in report.notes[0]
        assert "3 years" in rag.ask("How many years of warranty has scanner 5?").text
        assert rag.ingest(documents(6, version=1), progress=False).notes == ()
    assert held(config, "first") == held(config, "second")
