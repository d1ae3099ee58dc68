"""One file is in an index once, whatever it was ingested together with."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.errors import StoreError
from ragkit.fields import FieldSpec
from ragkit.ingest.twins import twins_of
from ragkit.protocols import DocumentState
from ragkit.types import Document
from tests.unit.ingest.test_missing import ids, put
from tests.unit.ingest.test_pipeline import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    put(tmp_path, "docs/a.md", "docs/b/c.md", "more/x.md")
    return Bench(tmp_path / "docs")


def both(bench: Bench) -> list[Path]:
    return [bench.folder, bench.folder.parent / "more"]


def state(document_id: str, origin: str | None) -> DocumentState:
    return DocumentState(
        document_id,
        tenant="",
        uri=None,
        content_hash="",
        fingerprint="",
        state="committed",
        origin=origin,
    )


def test_a_twin_is_an_end_of_the_path_with_the_rest_as_its_origin() -> None:
    known = {
        s.document_id: s
        for s in (
            state("c.md", "/r/docs/b"),
            state("b/c.md", "/elsewhere/docs"),
            state("docs/b/c.md", "/r"),
            state("r/docs/b/c.md", "/"),
        )
    }
    twins = twins_of("docs/b/c.md", "/r", known.get)
    assert [twin.document_id for twin in twins] == ["c.md", "r/docs/b/c.md"]


def test_a_file_has_one_id_whatever_is_named_beside_its_folder(bench: Bench) -> None:
    bench.ingest()
    report = bench.ingest(both(bench))
    assert (report.seen, report.committed, report.deleted) == (3, 3, 2)
    assert ids(bench) == {"docs/a.md", "docs/b/c.md", "more/x.md"}
    assert [(d.uri, d.state, d.stage, d.reason) for d in report.documents] == [
        ("docs/a.md", "deleted", "load", "its file is now the document docs/a.md, no longer a.md"),
        ("docs/b/c.md", "deleted", "load", "its file is now the document docs/b/c.md, no longer b/c.md"),
    ]
    assert report.notes == (
        "2 documents have other ids now, since their files were ingested together with others than before "
        "(first: a.md is now docs/a.md). Name the same folders each time to keep ids",
    )
    again = bench.ingest(both(bench))
    assert (again.unchanged, again.deleted, again.notes) == (3, 0, ())


def test_the_old_argument_list_brings_the_old_ids_back(bench: Bench) -> None:
    bench.ingest()
    bench.ingest(both(bench))
    (bench.folder / "a.md").write_text("edited")
    report = bench.ingest()
    assert (report.committed, report.deleted) == (2, 2)
    assert bench.texts() == {
        "a.md": "edited",
        "b/c.md": "text of docs/b/c.md",
        "more/x.md": "text of more/x.md",
    }


def test_a_file_named_alone_takes_its_id_along(bench: Bench) -> None:
    bench.ingest()
    assert bench.ingest(bench.folder / "b").deleted == 1
    assert ids(bench) == {"a.md", "c.md"}


def test_a_twin_goes_though_missing_files_are_kept(bench: Bench) -> None:
    bench.ingest()
    assert bench.ingest(both(bench), delete_missing=False).deleted == 2


def test_the_twin_stays_until_the_new_id_has_content(bench: Bench) -> None:
    bench.ingest()
    (bench.folder / "a.md").write_bytes(b"caf\xff\x81")
    (bench.folder / "b" / "c.md").write_text("")
    report = bench.ingest(both(bench))
    assert (report.quarantined, report.rejected, report.deleted) == (1, 1, 0)
    assert ids(bench) == {"a.md", "b/c.md", "more/x.md"}
    put(bench.folder.parent, "docs/a.md")
    assert bench.ingest(both(bench)).deleted == 1
    assert ids(bench) == {"docs/a.md", "b/c.md", "more/x.md"}


def test_the_twin_stays_where_the_model_refuses_the_new_version(bench: Bench) -> None:
    bench.ingest()
    bench.embedder.refuses = "poison"
    (bench.folder / "a.md").write_text("poison")
    assert bench.ingest(both(bench)).deleted == 1
    assert ids(bench) == {"a.md", "docs/b/c.md", "more/x.md"}


def test_the_twin_and_the_new_id_change_in_one_commit(bench: Bench) -> None:
    bench.ingest()
    bench.store.fails_at = bench.store.commits + 1
    with pytest.raises(StoreError, match="disk full"):
        bench.ingest(both(bench))
    assert ids(bench) == {"a.md", "b/c.md"}
    bench.ingest(both(bench))
    assert bench.store.commits == bench.store.fails_at + 1
    assert ids(bench) == {"docs/a.md", "docs/b/c.md", "more/x.md"}


@pytest.mark.parametrize("text", ["another text", "text of docs/b/c.md"])
def test_another_file_may_take_the_id_in_the_same_run(bench: Bench, text: str) -> None:
    bench.ingest()
    put(bench.folder.parent, "b/c.md")
    other = bench.folder.parent / "b"
    (other / "c.md").write_text(text)
    report = bench.ingest([bench.folder, other])
    assert (report.seen, report.committed, report.deleted) == (3, 3, 2)
    assert bench.texts() == {
        "docs/a.md": "text of docs/a.md",
        "docs/b/c.md": "text of docs/b/c.md",
        "b/c.md": text,
    }
    assert bench.ingest([other, bench.folder]).unchanged == 3


@pytest.mark.parametrize("text", ["another text", "text of docs/b/c.md", None])
def test_an_id_that_was_seen_before_its_twin_is_another_files(bench: Bench, text: str | None) -> None:
    bench.ingest()
    other = bench.folder.parent / "b"
    other.mkdir()
    (other / "c.md").write_bytes(b"caf\xff\x81" if text is None else text.encode())
    report = bench.ingest([other, bench.folder])
    assert (report.seen, report.deleted) == (3, 1)
    kept = "text of docs/b/c.md" if text is None else text
    assert (bench.texts()["b/c.md"], ids(bench)) == (kept, {"docs/a.md", "docs/b/c.md", "b/c.md"})


def test_a_document_made_in_code_is_nobodys_twin(bench: Bench) -> None:
    bench.ingest([Document("a.md", "in code"), Document("b/c.md", "in code")])
    assert bench.ingest(both(bench)).deleted == 0
    assert ids(bench) == {"a.md", "b/c.md", "docs/a.md", "docs/b/c.md", "more/x.md"}


def test_a_link_to_the_file_is_another_place(bench: Bench) -> None:
    bench.ingest()
    (bench.folder.parent / "more" / "a.md").symlink_to(bench.folder / "a.md")
    assert bench.ingest(bench.folder.parent / "more").deleted == 0
    assert bench.texts()["a.md"] == "text of docs/a.md"


def test_the_files_of_another_tenant_keep_their_ids(bench: Bench) -> None:
    bench = Bench(bench.folder, tenant=FieldSpec("tenant", required=True))
    for tenant in ("acme", "other"):
        bench.ingest(tenant=tenant)
    assert bench.ingest(both(bench), tenant="other").deleted == 2
    assert ids(bench, "acme") == {"a.md", "b/c.md"}
    assert ids(bench, "other") == {"docs/a.md", "docs/b/c.md", "more/x.md"}
