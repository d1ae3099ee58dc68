from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ragkit.errors import ConfigError, DocumentError
from ragkit.ingest.load.discover import discover


def write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text of {name}")


def ids(paths: object, **options: object) -> list[str]:
    return [source.id for source in discover(paths, **options)]  # type: ignore[arg-type]


def test_ids_are_paths_below_the_folder_in_order_of_name(tmp_path: Path) -> None:
    write(tmp_path, "b.md", "a/z.md", "a/b/c.md", "a.md")
    assert ids(tmp_path) == ["a/b/c.md", "a/z.md", "a.md", "b.md"]


def test_a_file_has_the_same_id_alone_and_in_its_folder(tmp_path: Path) -> None:
    write(tmp_path, "guide/x.md", "guide/y.md")
    assert ids([tmp_path / "guide" / "x.md"]) == ["x.md"]
    assert ids(tmp_path / "guide") == ["x.md", "y.md"]


def test_two_folders_with_equal_names_inside_do_not_collide(tmp_path: Path) -> None:
    write(tmp_path, "a/docs/index.md", "b/docs/index.md")
    assert ids([tmp_path / "a" / "docs", tmp_path / "b" / "docs"]) == ["a/docs/index.md", "b/docs/index.md"]


def test_naming_the_parts_gives_the_ids_of_the_whole(tmp_path: Path) -> None:
    write(tmp_path, "guide/x.md", "api/y.md", "z.md")
    parts = [tmp_path / "api", tmp_path / "guide", tmp_path / "z.md"]
    assert sorted(ids(parts)) == sorted(ids(tmp_path))


def test_a_given_root_fixes_the_ids_of_a_part(tmp_path: Path) -> None:
    write(tmp_path, "guide/x.md")
    assert ids(tmp_path / "guide", root=tmp_path) == ["guide/x.md"]


def test_a_path_outside_the_root_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a/x.md", "b/y.md")
    with pytest.raises(ConfigError, match=r"lies outside the root .*b; name a root"):
        ids(tmp_path / "a", root=tmp_path / "b")


def test_overlapping_paths_give_each_file_once(tmp_path: Path) -> None:
    write(tmp_path, "a/x.md", "y.md")
    assert ids([tmp_path, tmp_path / "a", tmp_path / "a" / "x.md"]) == ["a/x.md", "y.md"]


def test_ids_do_not_depend_on_where_the_folder_lies_or_how_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "one/docs/a/x.md", "two/docs/a/x.md")
    monkeypatch.chdir(tmp_path / "one")
    assert ids("docs") == ids("./docs/") == ids(tmp_path / "two" / "docs") == ["a/x.md"]


def test_the_uri_starts_at_the_root_and_does_not_depend_on_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "here/docs/a/x.md")
    monkeypatch.chdir(tmp_path / "here")
    assert [s.uri for s in discover("docs")] == ["docs/a/x.md"]
    monkeypatch.chdir(tmp_path)
    assert [s.uri for s in discover("here/docs")] == ["docs/a/x.md"]
    monkeypatch.chdir(tmp_path / "here" / "docs")
    assert [s.uri for s in discover(".")] == ["docs/a/x.md"]


def test_a_path_back_over_a_link_is_known_by_where_it_leads(tmp_path: Path) -> None:
    write(tmp_path, "w/x/here.md", "away/x/there.md", "away/below/y.md")
    (tmp_path / "w" / "link").symlink_to(tmp_path / "away" / "below")
    (source,) = discover(tmp_path / "w" / "link" / ".." / "x")
    assert (source.id, source.origin) == ("there.md", str(tmp_path / "away" / "x"))
    both = [tmp_path / "w" / "x", tmp_path / "w" / "link" / ".." / "x"]
    assert ids(both) == ["w/x/here.md", "away/x/there.md"]
    with pytest.raises(ConfigError, match="lies outside the root"):
        ids(both[1], root=tmp_path / "w")


def test_a_path_back_over_a_folder_or_within_a_link_keeps_the_name_it_was_given(tmp_path: Path) -> None:
    write(tmp_path, "w/x/a.md", "w/y/b.md", "away/sub/c.md", "away/d.md")
    (tmp_path / "w" / "link").symlink_to(tmp_path / "away")
    (tmp_path / "w" / "beside").symlink_to(tmp_path / "w" / "y")
    origins = {
        source.origin
        for name in ("y/../x", "beside/../x", "x/.")
        for source in discover(f"{tmp_path}/w/{name}")
    }
    assert origins == {str(tmp_path / "w" / "x")}
    assert {s.origin for s in discover(f"{tmp_path}/w/link/sub/..")} == {str(tmp_path / "w" / "link")}


def test_hidden_files_version_control_and_caches_are_skipped(tmp_path: Path) -> None:
    write(tmp_path, ".git/config", ".hidden.md", "node_modules/x.md", "__pycache__/y.txt", "kept.md")
    assert ids(tmp_path) == ["kept.md"]


def test_a_hidden_folder_named_by_the_user_is_read(tmp_path: Path) -> None:
    write(tmp_path, ".notes/x.md")
    assert ids(tmp_path / ".notes") == ["x.md"]


def test_a_missing_path_says_how_far_it_exists(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere/x\.md does not exist; the nearest folder that does is "):
        ids(tmp_path / "nowhere" / "x.md")


def test_an_empty_folder_is_said_to_be_empty(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no files in .* \(hidden files and folders are skipped\)"):
        ids(tmp_path)


def test_no_paths_at_all_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no files or folders were named"):
        ids([])


def test_a_link_that_leads_back_is_reported_and_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "a/x.md")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    found = {s.id: s.problem for s in discover(tmp_path)}
    assert found["a/x.md"] is None
    assert "link to a folder that contains it" in (found["a/loop"] or "")


def test_links_to_files_and_folders_elsewhere_are_followed(tmp_path: Path) -> None:
    write(tmp_path, "real/x.md", "other/y.md")
    (tmp_path / "real" / "linked").symlink_to(tmp_path / "other", target_is_directory=True)
    (tmp_path / "real" / "z.md").symlink_to(tmp_path / "other" / "y.md")
    assert ids(tmp_path / "real") == ["linked/y.md", "x.md", "z.md"]


def test_folders_that_link_to_each_other_are_not_walked_in_every_order(tmp_path: Path) -> None:
    names = [f"d{i}" for i in range(8)]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.md").write_text("x")
        for other in names:
            if other != name:
                (tmp_path / name / f"to-{other}").symlink_to(tmp_path / other, target_is_directory=True)
    found = list(discover(tmp_path))
    assert sum(file.problem is None for file in found) == 8 + 8 * 7 + 8 * 7 * 6
    assert any("lies behind more than 2 links" in (file.problem or "") for file in found)
    assert len(found) < 4_000


def test_pipes_and_broken_links_are_reported_without_waiting(tmp_path: Path) -> None:
    write(tmp_path, "x.md")
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "gone.md").symlink_to(tmp_path / "nothing")
    problems = {s.id: s.problem or "" for s in discover(tmp_path)}
    assert problems["pipe.md"] == "it is a named pipe, not a file: move it elsewhere, or leave it out"
    assert re.fullmatch(
        "it is a link to .*nothing, which does not exist: remove or repair the link", problems["gone.md"]
    )


def test_a_link_that_leads_to_itself_is_to_be_repaired(tmp_path: Path) -> None:
    (tmp_path / "loop.md").symlink_to("loop.md")
    (found,) = discover(tmp_path)
    assert "Too many levels of symbolic links. Remove or repair the link" in (found.problem or "")


@pytest.mark.parametrize(
    ("name", "shown", "what"),
    [
        (b"caf\xe9.md", r"caf\xe9.md", "file name"),
        (b"d\xe9/\xc3\xa9.md", r"d\xe9/é.md", "name of a folder that it lies in"),
    ],
)
def test_a_name_that_is_not_utf8_is_refused_and_can_be_found(
    tmp_path: Path, name: bytes, shown: str, what: str
) -> None:
    path = tmp_path / os.fsdecode(name)
    path.parent.mkdir(exist_ok=True)
    path.touch()
    (found,) = discover(tmp_path)
    assert found.uri == f"{tmp_path.name}/{shown}"
    with pytest.raises(DocumentError, match=f": the {what} is not valid UTF-8: rename it"):
        found.read()


def test_a_file_that_became_a_pipe_is_refused_when_read(tmp_path: Path) -> None:
    write(tmp_path, "x.md")
    (source,) = discover(tmp_path)
    source.path.unlink()
    os.mkfifo(source.path)
    with pytest.raises(DocumentError, match="is not a regular file"):
        source.read()


def test_a_file_over_the_limit_is_rejected_with_its_size(tmp_path: Path) -> None:
    write(tmp_path, "x.md")
    (source,) = discover(tmp_path)
    with pytest.raises(DocumentError, match=r"has 12 bytes, more than the limit of 10\. Split") as caught:
        source.read(max_bytes=10)
    assert caught.value.rejected


def test_a_file_that_vanished_is_reported(tmp_path: Path) -> None:
    write(tmp_path, "x.md")
    (source,) = discover(tmp_path)
    source.path.unlink()
    with pytest.raises(DocumentError, match=r"x\.md cannot be read: No such file"):
        source.read()
