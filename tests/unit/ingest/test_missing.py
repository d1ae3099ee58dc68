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


def test_a_file_that_was_hidden_by_a_new_name_is_gone(bench: Bench) -> None:
    put(bench.folder, "a.md", "b.md", "c/d.md")
    bench.ingest()
    (bench.folder / "a.md").rename(bench.folder / ".a.md")
    (bench.folder / "c").rename(bench.folder / ".c")
    assert bench.ingest().deleted == 2
    assert ids(bench) == {"b.md"}


@pytest.mark.parametrize("hidden", [".a.md", ".drafts/a.md", "node_modules/a.md"])
def test_a_hidden_file_that_was_named_once_stays_while_it_is_there(bench: Bench, hidden: str) -> None:
    put(bench.folder, "b.md", hidden)
    bench.ingest([bench.folder, bench.folder / hidden])
    report = bench.ingest()
    assert (report.deleted, ids(bench)) == (0, {"b.md", hidden})
    assert [note[:46] for note in report.notes] == ["1 documents come from files that are still the"]
    assert f"(first: {hidden}): they stay" in report.notes[0]
    (bench.folder / hidden).unlink()
    assert bench.ingest().deleted == 1


def test_what_was_indexed_of_an_index_stays_with_a_note(bench: Bench) -> None:
    put(bench.folder, "b.md", "index/last-commit")
    bench.ingest()
    put(bench.folder, "index/manifest.sqlite", "index/c.md")
    report = bench.ingest()
    assert (report.seen, report.deleted) == (2, 0)
    assert ids(bench) == {"b.md", "index/c.md", "index/last-commit"}
    assert "(first: index/last-commit): they stay" in report.notes[0]


def test_a_hidden_file_that_is_named_again_needs_no_note(bench: Bench) -> None:
    put(bench.folder, "b.md", ".notes/a.md")
    both = [bench.folder, bench.folder / ".notes"]
    bench.ingest(both)
    report = bench.ingest(both)
    assert (report.unchanged, report.deleted, report.notes) == (2, 0, ())


def test_a_file_that_became_a_folder_is_gone(bench: Bench) -> None:
    put(bench.folder, "a.md", "b.md", "c.md")
    bench.ingest()
    for name in ("a.md", "b.md"):
        (bench.folder / name).unlink()
    put(bench.folder, "a.md/x.md")
    (bench.folder / "b.md").mkdir()
    assert bench.ingest().deleted == 2
    assert ids(bench) == {"a.md/x.md", "c.md"}


def test_a_path_back_over_a_link_is_another_folder(bench: Bench, tmp_path: Path) -> None:
    put(bench.folder, "a.md", "b.md")
    put(tmp_path / "other" / "docs", "b.md", "c.md")
    (tmp_path / "other" / "below").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "other" / "below")
    bench.ingest()
    over_link = tmp_path / "link" / ".." / "docs"
    report = bench.ingest(over_link)
    assert (report.committed, report.unchanged, report.deleted) == (1, 1, 0)
    assert ids(bench) == {"a.md", "b.md", "c.md"}
    (tmp_path / "other" / "docs" / "c.md").unlink()
    assert bench.ingest(over_link).deleted == 1


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


def test_what_two_folders_have_leaves_with_the_first_and_returns_with_the_second(
    bench: Bench, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "docs"
    for folder in (bench.folder, other):
        put(folder, "a.md", "b.md")
        bench.ingest(folder)
    (bench.folder / "a.md").unlink()
    assert bench.ingest().deleted == 1
    assert bench.ingest(other).committed == 1
    assert bench.ingest().deleted == 0
    (other / "a.md").unlink()
    assert bench.ingest(other).deleted == 1


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


def test_a_folder_named_beside_the_one_that_holds_it_speaks_for_itself(bench: Bench) -> None:
    put(bench.folder, "a.md", "disk/x.md")
    both = [bench.folder, bench.folder / "disk"]
    bench.ingest(both)
    (bench.folder / "disk" / "x.md").unlink()
    report = bench.ingest(both)
    assert report.deleted == 0
    assert "docs/disk has no files; 1 documents are known from there and stay" in report.notes[0]


def test_a_folder_within_that_lost_all_its_files_is_named(bench: Bench) -> None:
    put(bench.folder, "a.md", "disk/x.md", "disk/deep/y.md", "disk/gone/z.md", "removed/z.md", "part/x.md")
    put(bench.folder, "part/y.md")
    bench.ingest()
    for name in ("disk/x.md", "disk/deep/y.md", "disk/gone/z.md", "removed/z.md", "part/x.md"):
        (bench.folder / name).unlink()
    for name in ("disk/gone", "removed"):
        (bench.folder / name).rmdir()
    report = bench.ingest()
    assert report.deleted == 5
    assert report.notes == (
        f"3 of the deleted documents were in folders that are still there and have no files: {bench.folder}"
        "/disk. Where a disk belongs there, mount it and ingest again",
    )


def test_of_many_folders_without_files_three_are_named(bench: Bench) -> None:
    put(bench.folder, "a.md", *(f"d{n}/x.md" for n in range(5)))
    bench.ingest()
    for n in range(5):
        (bench.folder / f"d{n}" / "x.md").unlink()
    (note,) = bench.ingest().notes
    assert note.startswith("5 of the deleted")
    assert "/d0, " in note
    assert "/d2 and 2 more. Where" in note


def test_a_mount_point_without_files_keeps_its_documents(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bench.folder, "a.md", "disk/x.md", "disk/deep/y.md")
    bench.ingest()
    for name in ("disk/x.md", "disk/deep/y.md"):
        (bench.folder / name).unlink()
    mount = str(bench.folder / "disk")
    monkeypatch.setattr("ragkit.ingest.emptied.os.path.ismount", lambda path: path == mount)
    report = bench.ingest()
    assert (report.deleted, len(ids(bench))) == (0, 3)
    assert [note.partition(" and stay")[0] for note in report.notes] == [
        f"{mount} has no files; 2 documents are known from there"
    ]


def test_a_mount_point_with_files_says_what_is_gone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    put(bench.folder, "a.md", "disk/x.md", "disk/y.md")
    bench.ingest()
    (bench.folder / "disk" / "x.md").unlink()
    monkeypatch.setattr("ragkit.ingest.emptied.os.path.ismount", lambda path: path.endswith("/disk"))
    report = bench.ingest()
    assert (report.deleted, report.notes) == (1, ())


def test_a_link_to_a_folder_without_files_keeps_its_documents(bench: Bench, tmp_path: Path) -> None:
    put(bench.folder, "a.md")
    put(tmp_path / "elsewhere", "x.md")
    (bench.folder / "linked").symlink_to(tmp_path / "elsewhere")
    bench.ingest()
    (tmp_path / "elsewhere" / "x.md").unlink()
    report = bench.ingest()
    assert (report.deleted, ids(bench)) == (0, {"a.md", "linked/x.md"})
    assert "docs/linked has no files; 1 documents are known" in report.notes[0]


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
        "not remove them, and deleting them there does",
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


def test_a_file_deleted_before_other_folders_are_named_leaves_too(bench: Bench) -> None:
    put(bench.folder, "docs/a.md", "docs/b.md", "more/c.md")
    docs, more = bench.folder / "docs", bench.folder / "more"
    bench.ingest(docs)
    (docs / "b.md").unlink()
    bench.ingest([docs, more])
    assert ids(bench) == {"docs/a.md", "more/c.md"}
    (docs / "a.md").unlink()
    put(docs, "d.md")
    bench.ingest(docs)
    assert ids(bench) == {"d.md", "more/c.md"}
