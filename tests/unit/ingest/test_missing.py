"""What was deleted from a folder leaves the index, and nothing else does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ragkit.errors import ConfigError
from ragkit.fields import FieldSpec
from ragkit.ingest.report import IngestReport
from ragkit.protocols import DocumentState
from ragkit.types import Document
from tests.unit.ingest.test_pipeline import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    folder = tmp_path / "docs"
    folder.mkdir()
    return Bench(folder)


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text of {name}")


def ids(bench: Bench, tenant: str = "") -> set[str]:
    return set(bench.texts(tenant))


def test_a_deleted_file_leaves_the_index_and_is_named(bench: Bench) -> None:
    put(bench.folder, "a.md", "b/c.md")
    bench.ingest()
    (bench.folder / "b" / "c.md").unlink()
    report = bench.ingest()
    assert (report.seen, report.unchanged, report.deleted) == (1, 1, 1)
    assert [(d.uri, d.state, d.reason) for d in report.documents] == [
        ("docs/b/c.md", "deleted", "its file is gone")
    ]
    assert ids(bench) == {"a.md"}
    assert bench.ingest().deleted == 0


def test_a_renamed_file_has_its_new_id_alone(bench: Bench) -> None:
    put(bench.folder, "a.md", "b.md")
    bench.ingest()
    (bench.folder / "a.md").rename(bench.folder / "z.md")
    report = bench.ingest()
    assert (report.committed, report.deleted) == (1, 1)
    assert ids(bench) == {"b.md", "z.md"}


def test_a_folder_that_became_a_file_has_no_files_below(bench: Bench) -> None:
    put(bench.folder, "a/x.md", "b.md")
    bench.ingest()
    (bench.folder / "a" / "x.md").unlink()
    (bench.folder / "a").rmdir()
    put(bench.folder, "a")
    assert bench.ingest().deleted == 1
    assert ids(bench) == {"a", "b.md"}


@pytest.mark.parametrize("hidden", [".a.md", ".drafts/a.md", "node_modules/a.md"])
def test_a_file_that_is_hidden_now_is_gone(bench: Bench, hidden: str) -> None:
    put(bench.folder, "b.md", hidden)
    bench.ingest([bench.folder, bench.folder / hidden])
    assert ids(bench) == {"b.md", hidden}
    assert bench.ingest().deleted == 1
    assert ids(bench) == {"b.md"}


def test_keeping_what_is_missing_can_be_asked_for(bench: Bench) -> None:
    put(bench.folder, "a.md", "b.md")
    bench.ingest()
    (bench.folder / "a.md").unlink()
    assert bench.ingest(delete_missing=False).deleted == 0
    assert ids(bench) == {"a.md", "b.md"}


def test_a_part_of_the_tree_speaks_for_itself_alone(bench: Bench) -> None:
    put(bench.folder, "api/x.md", "api/y.md", "guide/x.md", "guide/y.md")
    bench.ingest()
    for name in ("api/y.md", "guide/y.md"):
        (bench.folder / name).unlink()
    report = bench.ingest(bench.folder / "api", root=bench.folder)
    assert (report.unchanged, report.deleted) == (1, 1)
    assert ids(bench) == {"api/x.md", "guide/x.md", "guide/y.md"}


def test_a_folder_whose_name_begins_alike_is_another(bench: Bench) -> None:
    put(bench.folder, "api/x.md", "api-old/x.md")
    bench.ingest()
    (bench.folder / "api-old" / "x.md").unlink()
    assert bench.ingest(bench.folder / "api", root=bench.folder).deleted == 0


def test_named_files_say_nothing_about_others(bench: Bench) -> None:
    put(bench.folder, "a.md", "b.md")
    bench.ingest()
    (bench.folder / "a.md").unlink()
    assert bench.ingest(bench.folder / "b.md").deleted == 0
    assert ids(bench) == {"a.md", "b.md"}


def test_documents_made_in_code_stay(bench: Bench) -> None:
    put(bench.folder, "a.md")
    bench.ingest([Document("made.md", "in code"), Document("b/c.md", "too")])
    assert bench.ingest().deleted == 0
    assert ids(bench) == {"a.md", "made.md", "b/c.md"}


def test_a_document_given_in_the_same_call_stays_though_its_file_is_gone(bench: Bench) -> None:
    put(bench.folder, "a.md", "b.md")
    bench.ingest()
    (bench.folder / "a.md").unlink()
    report = bench.ingest([bench.folder, Document("a.md", "in code now")])
    assert (report.committed, report.deleted) == (1, 0)


def test_documents_of_another_folder_stay(bench: Bench, tmp_path: Path) -> None:
    put(bench.folder, "a.md", "only-here.md")
    put(tmp_path / "other", "a.md")
    bench.ingest()
    assert bench.ingest(tmp_path / "other").deleted == 0
    assert ids(bench) == {"a.md", "only-here.md"}


def test_documents_of_another_tenant_stay(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    bench = Bench(tmp_path / "docs", tenant=FieldSpec("tenant", required=True))
    put(bench.folder, "a.md", "b.md")
    for tenant in ("acme", "other"):
        bench.ingest(tenant=tenant)
    (bench.folder / "a.md").unlink()
    assert bench.ingest(tenant="acme").deleted == 1
    assert (ids(bench, "acme"), ids(bench, "other")) == ({"b.md"}, {"a.md", "b.md"})


def test_what_lies_at_or_below_a_place_that_cannot_be_read_stays(bench: Bench) -> None:
    put(bench.folder, "a.md", "b/c.md", "b2/c.md", "d.md")
    bench.ingest()
    for name in ("a.md", "b/c.md", "b2/c.md"):
        (bench.folder / name).unlink()
    (bench.folder / "b").rmdir()
    for name in ("a.md", "b"):
        (bench.folder / name).symlink_to("nowhere")
    report = bench.ingest()
    assert (report.rejected, report.deleted) == (2, 1)
    assert ids(bench) == {"a.md", "b/c.md", "d.md"}


def test_a_folder_without_permission_keeps_its_documents(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bench.folder, "a.md", "b/c.md")
    bench.ingest()
    (bench.folder / "b" / "c.md").unlink()
    listed = os.listdir

    def listdir(path: str) -> list[str]:
        if path.endswith("/b"):
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr("ragkit.ingest.load.walk.os.listdir", listdir)
    report = bench.ingest()
    assert (report.rejected, report.deleted) == (1, 0)


def test_a_file_that_turned_bad_keeps_its_last_content(bench: Bench) -> None:
    put(bench.folder, "a.md", "b.md", "c.md")
    bench.ingest()
    (bench.folder / "a.md").write_bytes(b"caf\xff\x81")
    (bench.folder / "b.md").write_text("")
    for _ in range(2):
        report = bench.ingest()
        assert (report.quarantined, report.rejected, report.deleted) == (2, 0, 0)
    assert ids(bench) == {"a.md", "b.md", "c.md"}


def test_a_quarantined_document_leaves_with_its_file(bench: Bench) -> None:
    put(bench.folder, "a.md", "b.md")
    bench.ingest()
    (bench.folder / "a.md").write_bytes(b"caf\xff\x81")
    (bench.folder / "new.md").write_bytes(b"caf\xff\x81")
    bench.ingest()
    (bench.folder / "a.md").unlink()
    (bench.folder / "new.md").unlink()
    assert bench.ingest().deleted == 2
    assert [s.document_id for s in bench.collection.states()] == ["b.md"]


def test_an_empty_folder_of_which_documents_are_known_is_an_error(bench: Bench) -> None:
    put(bench.folder, "a.md", "b/c.md")
    bench.ingest()
    (bench.folder / "a.md").unlink()
    (bench.folder / "b" / "c.md").unlink()
    expected = r"no files in .*docs .*2 documents are known from .*docs and stay .* purpose: ragkit forget"
    with pytest.raises(ConfigError, match=expected):
        bench.ingest()
    assert len(ids(bench)) == 2


def test_a_folder_that_is_not_there_says_how_many_documents_it_had(bench: Bench) -> None:
    put(bench.folder, "a.md", "b/c.md")
    bench.ingest()
    bench.folder.rename(bench.folder.with_name("moved"))
    with pytest.raises(ConfigError, match=r"does not exist; .*2 documents are known from .*docs and stay"):
        bench.ingest()
    with pytest.raises(ConfigError, match=r"does not exist; .*1 documents are known from .*/b and stay"):
        bench.ingest(bench.folder / "b")


def test_a_folder_that_lost_all_files_beside_a_full_one_keeps_them_with_a_note(bench: Bench) -> None:
    put(bench.folder, "a/x.md", "b/y.md")
    both = [bench.folder / "a", bench.folder / "b"]
    bench.ingest(both)
    (bench.folder / "a" / "x.md").unlink()
    report = bench.ingest(both)
    assert report.deleted == 0
    assert "docs/a has no files; 1 documents are known from there and stay" in report.notes[0]


def test_an_interrupted_run_removes_nothing(bench: Bench) -> None:
    put(bench.folder, "a.md", "b.md")
    bench.ingest()
    (bench.folder / "a.md").unlink()

    def cancel(done: int, total: int | None, what: str) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.ingest(progress=cancel)
    assert ids(bench) == {"a.md", "b.md"}


def moved(bench: Bench) -> IngestReport:
    """The report on the same files after the corpus was moved to another place, one of them deleted."""
    put(bench.folder, "a.md", "b.md", "c.md")
    bench.ingest()
    new = bench.folder.parent / "elsewhere" / "docs"
    new.parent.mkdir()
    bench.folder.rename(new)
    bench.folder = new
    (new / "a.md").unlink()
    (new / "b.md").write_text("changed")
    return bench.ingest()


def test_a_corpus_that_moved_deletes_nothing_and_says_so(bench: Bench) -> None:
    old = bench.folder
    report = moved(bench)
    assert (report.committed, report.unchanged, report.deleted) == (1, 1, 0)
    assert report.notes == (
        f"1 documents are unchanged and known from {old}: until they change, deleting their files here does "
        "not remove them",
    )


def test_deletions_are_followed_where_a_document_was_committed_anew(bench: Bench) -> None:
    moved(bench)
    (bench.folder / "b.md").unlink()
    assert bench.ingest().deleted == 1
    assert ids(bench) == {"a.md", "c.md"}


def test_a_path_that_is_no_unicode_has_no_origin_and_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xff\x81")
    folder.mkdir()
    bench = Bench(folder)
    put(folder, "a.md", "b.md")
    bench.ingest()
    assert [s.origin for s in bench.collection.states()] == [None, None]
    (folder / "a.md").unlink()
    assert bench.ingest().deleted == 0


def test_many_deletions_are_few_commits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragkit.ingest.run.MAX_DOCUMENTS", 4)
    put(bench.folder, *(f"d{n}.md" for n in range(10)), "kept.md")
    bench.ingest()
    commits = bench.store.commits
    for n in range(10):
        (bench.folder / f"d{n}.md").unlink()
    assert bench.ingest().deleted == 10
    assert bench.store.commits == commits + 3
    assert ids(bench) == {"kept.md"}


def test_a_document_written_by_another_process_meanwhile_stays(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bench.folder, "a.md", "b.md")
    bench.ingest()
    (bench.folder / "a.md").unlink()
    old: list[DocumentState] = list(bench.store.states())
    bench.ingest([Document("a.md", "made in code since")])
    monkeypatch.setattr(bench.collection, "states", lambda tenant: old)
    assert bench.ingest().deleted == 0
    assert bench.texts()["a.md"] == "made in code since"
