"""Two stores that are kept the same: what one could not take is told, and made up for."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import ragkit
from ragkit.config.cut_over import cut_over, write_both
from ragkit.errors import ConfigError

CONFIG = """\
ragkit: 1
models: {embed: {use: embed/bundled}}
stores:
  first: {use: store/local, path: ./first}
  second: {use: store/local, path: ./second}
collection:
  store: first   # answers
  embed: embed
query:
  sparse: {use: retrieve/bm25, in: question}
  fuse:   {use: fuse/weighted, in: [sparse]}
  generate: generate/extractive
  verify: verify/citations
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "rag.yaml"
    path.write_text(CONFIG)
    write_both(path, ("first", "second"))
    return path


def documents(n: int, version: int = 0) -> list[ragkit.Document]:
    return [
        ragkit.Document(f"d{i}", f"Scanner {i} has a warranty of {version + 2} years.", uri=f"d{i}")
        for i in range(n)
    ]


@contextmanager
def another_writer(path: Path) -> Iterator[None]:
    """Holds a folder's lock in another process."""
    code = (
        "import sys, pathlib\n"
        "from ragkit.store.local.lock import WriterLock\n"
        "with WriterLock(pathlib.Path(sys.argv[1]) / 'writer.lock'):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield
        process.communicate()


def held(config: Path, store: str) -> dict[str, str]:
    with ragkit.load(config, set={"collection.store": store, "collection.dual_write": []}) as rag:
        return {s.document_id: s.content_hash for s in rag._parts.collection.states()}


def test_the_key_is_written_below_the_word(config: Path) -> None:
    assert "  store: first   # answers\n  dual_write: [first, second]\n  embed: embed\n" in config.read_text()
    assert write_both(config, ("second", "first")) == 8
    with pytest.raises(ConfigError, match=r"rag.yaml:8: dual_write is there already"):
        write_both(config, ("first", "third"))


def test_the_key_is_written_into_a_flow_mapping(tmp_path: Path) -> None:
    path = tmp_path / "rag.yaml"
    block = "collection:\n  store: first   # answers\n  embed: embed\n"
    path.write_text(CONFIG.replace(block, "collection: {store: first, embed: embed}\n"))
    assert write_both(path, ("first", "second")) == 6
    assert "collection: {store: first, dual_write: [first, second], embed: embed}\n" in path.read_text()


def test_an_unknown_store_is_refused_with_its_line(config: Path) -> None:
    config.write_text(config.read_text().replace("[first, second]", "[first, secnd]"))
    with pytest.raises(ConfigError, match=r"rag.yaml:8: .*no store named 'secnd'.*Did you mean 'second'"):
        ragkit.load(config)


def test_what_is_ingested_goes_to_both(config: Path) -> None:
    with ragkit.load(config) as rag:
        assert rag.ingest(documents(5), progress=False).notes == ()
        assert rag.ingest(documents(2, version=1), progress=False).committed == 2
    assert held(config, "first") == held(config, "second")
    assert len(held(config, "second")) == 5


def test_a_store_that_is_down_is_told_and_made_up_for(config: Path, tmp_path: Path) -> None:
    with ragkit.load(config) as rag:
        rag.ingest(documents(3), progress=False)
    with ragkit.load(config) as rag:
        with another_writer(tmp_path / "second"):
            report = rag.ingest(documents(6, version=1), progress=False)
        assert (report.committed, len(report.notes)) == (6, 1)
        assert "store 'second' is behind the one in use" in report.notes[0]
        assert held(config, "first") != held(config, "second")
        assert rag.ingest(documents(6, version=1), progress=False).notes == ()
    assert held(config, "first") == held(config, "second")


def test_what_is_forgotten_is_gone_from_both(config: Path, tmp_path: Path) -> None:
    with ragkit.load(config) as rag:
        rag.ingest(documents(3), progress=False)
        done = rag.forget("d1")
        assert (done.documents, done.erased, done.notes) == (("d1",), True, ())
        with another_writer(tmp_path / "second"):
            done = rag.forget("d2")
        assert (done.documents, done.erased) == (("d2",), False)
        assert "store 'second' still holds" in done.notes[0]
        assert set(held(config, "second")) == {"d0", "d2"}
        (note,) = rag.ingest(documents(1), progress=False).notes
        assert "holds 1 documents that the other does not" in note
        done = rag.forget("d2")
        assert (done.documents, done.unknown, done.erased) == (("d2",), (), True)
        assert rag.ingest(documents(1), progress=False).notes == ()
    assert held(config, "first") == held(config, "second")


def test_others_are_removed_only_when_it_is_said(config: Path) -> None:
    with ragkit.load(config, set={"collection.store": "second", "collection.dual_write": []}) as rag:
        rag.ingest(documents(4), progress=False)
    with ragkit.load(config, set={"collection.dual_write": []}) as rag:
        rag.ingest(documents(2), progress=False)
        with pytest.raises(ConfigError, match=r"2 documents are there .*'d2', 'd3'.*--remove-others"):
            rag.migrate("second")
        done = rag.migrate("second", remove_others=True)
    assert (done.removed, done.copied, done.parity.ok) == (2, 0, True)
    assert held(config, "first") == held(config, "second")


def test_going_over_and_back_is_one_word_and_loses_nothing(config: Path) -> None:
    with ragkit.load(config) as rag:
        rag.ingest(documents(2), progress=False)
    cut_over(config, "second")
    with ragkit.load(config) as rag:
        rag.ingest(documents(5, version=1), progress=False)
    cut_over(config, "first")
    with ragkit.load(config) as rag:
        assert rag.status().documents == 5
        assert "3 years" in rag.ask("How many years of warranty has scanner 4?").text


def test_killed_between_the_stores_the_next_ingestion_makes_them_the_same(config: Path) -> None:
    code = (
        "import sys, ragkit\n"
        "from tests.unit.store.test_in_step import documents\n"
        "rag = ragkit.load(sys.argv[1])\n"
        "print('ready', flush=True)\n"
        "for version in range(1000):\n"
        "    rag.ingest(documents(30, version), progress=False)\n"
    )
    for pause_s in (0.15, 0.4):
        process = subprocess.Popen([sys.executable, "-c", code, str(config)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(pause_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with ragkit.load(config) as rag:
            assert rag.ingest(documents(30, -1), progress=False).notes == ()
            assert rag.verify() == []
        assert held(config, "first") == held(config, "second")
