"""`ragkit ingest` as a user calls it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import ragkit
from ragkit.cli import main

Call = Callable[..., tuple[int, str, str]]
FIELDS = ("--set", 'collection.fields={"tenant": "keyword!", "acl": ["keyword"], "lang": "keyword"}')


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.md").write_text(f"# Page {name}\n\nSome text of {name}.\n")
    return folder


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Call:
    def call(*argv: object) -> tuple[int, str, str]:
        try:
            code = main(["ingest", *map(str, argv), "--index", str(tmp_path / "index")])
        except SystemExit as e:
            code = int(e.code or 0)
        out, err = capfd.readouterr()
        return code, out, err

    return call


def test_a_deleted_document_is_listed_and_counted(run: Call, docs: Path) -> None:
    run(docs)
    (docs / "a.md").unlink()
    code, out, _ = run(docs, "--json")
    report = json.loads(out)
    assert (code, report["seen"], report["unchanged"], report["deleted"]) == (0, 1, 1, 1)
    assert report["documents"] == [
        {"uri": "docs/a.md", "state": "deleted", "stage": "load", "reason": "its file is gone"}
    ]


def test_keep_missing_keeps_what_was_deleted(run: Call, docs: Path) -> None:
    run(docs)
    (docs / "a.md").unlink()
    _, out, _ = run(docs, "--keep-missing")
    assert "0 deleted" in out
    _, out, _ = run(docs)
    assert "1 deleted" in out
    assert "deleted: docs/a.md" in out


def test_metadata_tenant_and_groups_are_given_to_every_document(
    run: Call, docs: Path, tmp_path: Path
) -> None:
    options = ("--metadata", '{"lang": "ru"}', "--tenant", "acme", "--acl", "staff", "--acl", "boss")
    assert run(docs, *options, *FIELDS)[0] == 0
    declared = {"collection.fields": {"tenant": "keyword!", "acl": ["keyword"], "lang": "keyword"}}
    with ragkit.open(tmp_path / "index", set=declared) as rag:
        document = rag.document("a.md", tenant="acme", acl=["staff"])
        assert (document.metadata["lang"], document.acl) == ("ru", ("staff", "boss"))
        hits = rag.retrieve("text", tenant="acme", acl=["boss"], filter={"lang": "ru"}).hits
        assert {hit.chunk.document_id for hit in hits} == {"a.md", "b.md"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{", "--metadata is not JSON"),
        ("", "--metadata is not JSON"),
        ("[1]", "--metadata must be a JSON object"),
        ("[" * 100_000, "--metadata is not JSON"),
        ('{"lang": {"is": "ru"}}', "metadata.lang"),
        ('{"n": NaN}', "metadata.n"),
    ],
)
def test_metadata_that_no_document_can_have_is_a_usage_error(
    run: Call, docs: Path, value: str, message: str
) -> None:
    code, out, err = run(docs, "--metadata", value)
    assert (code, out) == (2, "")
    assert message in err
    if message.startswith("--"):
        assert """Example: --metadata '{"lang": "ru"}'""" in err


def test_an_empty_folder_that_was_full_is_an_error_that_names_forget(run: Call, docs: Path) -> None:
    run(docs)
    for path in docs.iterdir():
        path.unlink()
    code, out, err = run(docs)
    assert (code, out) == (2, "")
    assert "2 documents are known from" in err
    assert "ragkit forget" in err
