"""`ragkit ingest` as a user calls it."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import ragkit
from ragkit.cli import main
from ragkit.cli.interrupt import terminable
from ragkit.cli.show import print_report
from ragkit.ingest.report import IngestReport, Outcome, OutcomeState
from ragkit.protocols import Change
from ragkit.store.local.store import LocalStore

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


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_run_that_is_told_to_end_says_what_it_keeps(
    run: Call, docs: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int, word: str
) -> None:
    commit, commits = LocalStore.commit, []

    def told_to_end(store: LocalStore, changes: Iterable[Change]) -> int:
        commits.append(1)
        if len(commits) == 2:
            os.kill(os.getpid(), number)
            time.sleep(10)
        return commit(store, changes)

    monkeypatch.setattr("ragkit.ingest.run.MAX_DOCUMENTS", 1)
    monkeypatch.setattr(LocalStore, "commit", told_to_end)
    before = signal.getsignal(signal.SIGTERM)
    kept = "1 documents were committed in this run and are kept. Run it again to go on"
    assert run(docs) == (code, "", f"{word}; {kept}\n")
    assert signal.getsignal(signal.SIGTERM) == before
    _, out, _ = run(docs)
    assert "2 seen: 1 committed, 1 unchanged" in out


def test_a_run_that_ends_before_its_first_commit_says_so(
    run: Call, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(LocalStore, "commit", interrupted)
    code, _, err = run(docs)
    assert (code, err) == (130, "interrupted; nothing was committed in this run yet. Run it again to go on\n")


def test_a_termination_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with terminable():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_no_signal_is_handled_on_another_thread() -> None:
    handlers: list[object] = []

    def within() -> None:
        with terminable():
            handlers.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=within)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGTERM)]


def test_strict_ends_with_1_where_a_document_did_not_go_in(run: Call, docs: Path) -> None:
    assert run(docs, "--strict")[0] == 0
    (docs / "empty.md").write_text("")
    code, out, err = run(docs, "--strict")
    assert (code, err) == (1, "")
    assert "3 seen: 0 committed, 2 unchanged, 0 quarantined, 1 rejected" in out
    assert run(docs)[0] == 0
    (docs / "empty.md").write_bytes(b"caf\xff\x81")
    code, out, _ = run(docs, "--strict", "--json")
    assert (code, json.loads(out)["quarantined"]) == (1, 1)


def test_the_report_lists_what_left_first_and_20_of_each_kind(capsys: pytest.CaptureFixture[str]) -> None:
    states: tuple[OutcomeState, ...] = ("rejected", "quarantined", "deleted")
    numbers = [(state, n) for state in states for n in range(25)]
    print_report(
        IngestReport(
            documents=tuple(Outcome(f"{n}.md", state=s, stage="load", reason="r") for s, n in numbers)
        )
    )
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split(":")[0].strip() for line in lines[:21]] == [
        *["deleted"] * 20,
        "… and 5 more deleted; --json lists all of them",
    ]
    assert (lines[21], lines[42], len(lines)) == (
        "  quarantined: 0.md (load): r",
        "  rejected: 0.md (load): r",
        63,
    )
