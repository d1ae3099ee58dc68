"""Ingestion of binary files as a whole: what one of them does to the worker concerns it alone."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import docx
import pytest

from ragkit.ingest.report import IngestReport
from tests.unit.ingest.parse.pdf_files import column, encrypted, pdf
from tests.unit.ingest.test_pipeline import Bench

ROOT = Path(__file__).parents[3]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", bytes(50 << 20))
    return buffer.getvalue()


def write_files(folder: Path) -> None:
    word = docx.Document()
    word.add_paragraph("Текст в файле Word.")
    word.save(str(folder / "c.docx"))
    (folder / "a.pdf").write_bytes(pdf(column("Page one."), column("Page two.")))
    (folder / "b.pdf").write_bytes(encrypted(pdf(column("Secret.")), "key"))
    (folder / "d.docx").write_bytes(bomb())
    (folder / "e.pdf").write_bytes(pdf([], images=[0]))
    (folder / "f.md").write_text("Plain Markdown.")


def test_every_file_is_accounted_for_and_the_worker_is_gone(bench: Bench) -> None:
    write_files(bench.folder)
    workers: set[int] = set()
    report = bench.ingest(bench.folder, progress=lambda *_: workers.update(children()))
    assert (report.seen, report.committed, report.quarantined, report.rejected) == (6, 3, 3, 0)
    reasons = {d.uri.rpartition("/")[2]: d.reason or "" for d in report.documents if d.reason}
    assert reasons["b.pdf"].startswith("needs_password")
    assert "times its size unpacked" in reasons["d.docx"]
    assert reasons["e.pdf"].startswith("no text layer")
    assert bench.collection.source("c.docx").text == "Текст в файле Word."
    assert len(workers) == 1 or not Path("/proc/self").exists()
    assert children() == []


def test_a_passage_of_a_pdf_knows_its_page(bench: Bench) -> None:
    filler = column(*["Some words that fill the page with text."] * 40)
    (bench.folder / "a.pdf").write_bytes(pdf(filler, filler, column("The end.")))
    bench.ingest(bench.folder)
    document = bench.collection.source("a.pdf")
    assert [page.of(document.text).count("\n") for page in document.pages] == [39, 39, 0]


def test_a_second_run_changes_nothing(bench: Bench) -> None:
    write_files(bench.folder)
    bench.ingest(bench.folder)
    again = bench.ingest(bench.folder)
    assert (again.unchanged, again.quarantined, again.committed) == (3, 3, 0)


def test_ingestion_works_from_a_thread(bench: Bench) -> None:
    write_files(bench.folder)
    reports: list[IngestReport] = []
    thread = threading.Thread(target=lambda: reports.append(bench.ingest(bench.folder)))
    thread.start()
    thread.join()
    assert [report.committed for report in reports] == [3]


ORPHAN = """
import os
from ragkit.ingest.parse.sandbox.process import Sandbox
from tests.unit.ingest.parse.sandbox.hostile import parser
sandbox = Sandbox()
sandbox.parse(parser("echo"), b"x")
print(sandbox.process_id, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed otherwise there")
def test_the_worker_of_a_killed_process_ends_by_itself() -> None:
    # No `if __name__ == "__main__"` in the script, as in a notebook.
    script = subprocess.run(
        [sys.executable, "-c", ORPHAN], cwd=ROOT, capture_output=True, text=True, check=False
    )
    pid = int(script.stdout)
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(pid)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One that has ended and that nobody has asked for its exit code still has its number.
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def children() -> list[int]:
    """The worker processes of this one."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            command = (folder / "cmdline").read_text()
        except OSError:
            continue
        if parent == str(os.getpid()) and "ragkit.ingest.parse.sandbox.worker" in command:
            found.append(int(folder.name))
    return found
