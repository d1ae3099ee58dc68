from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit.errors import DocumentError
from ragkit.ingest.parse.canonical import Parsed
from ragkit.ingest.parse.sandbox.limits import SandboxLimits
from ragkit.ingest.parse.sandbox.process import Sandbox
from ragkit.types import Section, Span
from tests.unit.ingest.parse.sandbox.hostile import parser


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    limits = SandboxLimits(wall_s=30, cpu_s=30, memory_bytes=256 << 20, reply_bytes=5_000)
    with Sandbox(limits) as sandbox:
        yield sandbox


def text_of(sandbox: Sandbox, text: str = "alive") -> str:
    return sandbox.parse(parser("echo"), text.encode()).text


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_result_comes_back_whole(sandbox: Sandbox) -> None:
    parsed = sandbox.parse(parser("echo"), "Текст".encode())
    assert parsed.text == "Head\n\nТекст"
    assert parsed.sections == (Section("Head", span=Span(0, 11), level=1),)
    assert (parsed.blocks, parsed.pages) == ((Span(6, 11),), (Span(0, 11),))
    assert {"tags": ("a", "b"), "price": 1.5}.items() <= dict(parsed.metadata).items()


def test_one_process_serves_many_documents_and_it_is_not_this_one(sandbox: Sandbox) -> None:
    ids = {sandbox.parse(parser("echo"), b"x").metadata["pid"] for _ in range(20)}
    assert ids == {sandbox.process_id}
    assert os.getpid() not in ids


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fills", r"takes more than 256 MB of memory to read\. Split it"),
        ("segfaults", r"its parser crashed \(SIGSEGV\): it is damaged, hostile, or needs more than 256 MB"),
        ("killed", r"its parser crashed \(SIGKILL\)"),
        ("exits", r"its parser crashed \(code 3: the last words\)"),
        ("raises", r"a test document that cannot be read \(KeyError: 'no such part'\)\. Open it"),
        ("recurses", r"its parts are nested more than"),
        ("lies", r"whose parser gave an invalid result \(a span outside the text\)"),
        ("floods", r"a frame of [\d,]+ bytes; at most 5,000 are taken"),
    ],
)
def test_what_ends_a_document_is_said_and_the_next_one_goes_on(
    sandbox: Sandbox, name: str, message: str
) -> None:
    assert text_of(sandbox) == "Head\n\nalive"
    with pytest.raises(DocumentError, match=message) as caught:
        sandbox.parse(parser(name), b"x")
    assert (caught.value.stage, caught.value.rejected) == ("parse", False)
    assert text_of(sandbox, "still") == "Head\n\nstill"


def test_a_document_that_hangs_is_given_up_and_the_next_one_goes_on() -> None:
    with Sandbox(SandboxLimits(wall_s=1)) as sandbox:
        with pytest.raises(DocumentError, match=r"a test document that was not read within 1 s\. Split it"):
            sandbox.parse(parser("hangs"), b"x")
        assert text_of(sandbox) == "Head\n\nalive"


def test_processor_time_is_limited_apart_from_the_clock() -> None:
    with (
        Sandbox(SandboxLimits(wall_s=30, cpu_s=1)) as sandbox,
        pytest.raises(DocumentError, match="takes more than 1 s of processor time"),
    ):
        sandbox.parse(parser("burns"), b"x")


def test_a_rejection_stays_one(sandbox: Sandbox) -> None:
    with pytest.raises(DocumentError, match="it is no document") as caught:
        sandbox.parse(parser("rejects"), b"x")
    assert (caught.value.stage, caught.value.rejected) == ("load", True)


def test_what_a_parser_prints_does_not_disturb_the_replies(sandbox: Sandbox) -> None:
    assert sandbox.parse(parser("prints"), b"x") == Parsed("quiet")
    assert text_of(sandbox) == "Head\n\nalive"


def test_the_worker_sees_no_secrets_of_the_environment(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_API_KEY", "secret")
    names = sandbox.parse(parser("environment"), b"x").text.split()
    assert "PATH" in names
    assert "MY_API_KEY" not in names


def test_no_process_is_started_before_it_is_needed_and_none_is_left() -> None:
    with Sandbox() as sandbox:
        before = sandbox.process_id
        text_of(sandbox)
        pid = sandbox.process_id
        assert before is None
        assert pid is not None
        assert is_running(pid)
    assert not is_running(pid)
    with pytest.raises(DocumentError, match="parsing was stopped"):
        text_of(sandbox)


def test_closing_ends_a_document_that_is_being_parsed() -> None:
    sandbox = Sandbox()
    problems: list[str] = []

    def parse() -> None:
        try:
            sandbox.parse(parser("hangs"), b"x")
        except DocumentError as e:
            problems.append(e.reason)

    thread = threading.Thread(target=parse)
    thread.start()
    while sandbox.process_id is None:
        time.sleep(0.01)
    time.sleep(0.2)
    started = time.monotonic()
    sandbox.close()
    thread.join()
    assert time.monotonic() - started < 5
    assert problems == ["parsing was stopped. Ingest it again"]


def test_threads_may_share_a_sandbox(sandbox: Sandbox) -> None:
    texts: dict[int, str] = {}

    def parse(i: int) -> None:
        texts[i] = text_of(sandbox, str(i))

    threads = [threading.Thread(target=parse, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == {i: f"Head\n\n{i}" for i in range(8)}


def test_a_worker_that_died_between_documents_is_replaced(sandbox: Sandbox) -> None:
    text_of(sandbox)
    pid = sandbox.process_id
    assert pid is not None
    os.kill(pid, 9)
    time.sleep(0.2)
    assert text_of(sandbox) == "Head\n\nalive"
    assert sandbox.process_id != pid


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux lists what is open")
def test_documents_that_crash_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    # Each crash costs a fresh process.
    n_documents, n_crashes = (300, 50) if os.environ.get("RAGKIT_SCALE") == "full" else (60, 6)
    before, ids = open_files(), set()
    with Sandbox() as sandbox:
        for i in range(n_documents):
            if i % (n_documents // n_crashes) == 3:
                with pytest.raises(DocumentError, match="its parser crashed"):
                    sandbox.parse(parser(("killed", "segfaults")[i % 2]), b"x")
            else:
                ids.add(sandbox.parse(parser("echo"), b"x").metadata["pid"])
        assert open_files() - before <= 4  # of the one worker that is running
    assert len(ids) == n_crashes + 1
    assert not any(is_running(int(str(pid))) for pid in ids)
    assert (open_files(), list(tmp_path.iterdir())) == (before, [])
    assert all(not thread.name.startswith("Timer") for thread in threading.enumerate())


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


SCRIPT = """
from ragkit.ingest.parse.sandbox.process import Sandbox
from tests.unit.ingest.parse.sandbox.hostile import parser
with Sandbox() as sandbox:
    print(sandbox.parse(parser("echo"), b"alive").text.split())
"""


@pytest.mark.parametrize("arguments", [["-c", SCRIPT], ["-"], ["-i", "-q"]], ids=["-c", "stdin", "console"])
def test_a_main_module_that_cannot_be_run_again_does_no_harm(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        input=SCRIPT.strip() + "\n\n",
        cwd=Path(__file__).parents[5],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split("\n")[0], done.returncode) == ("['Head', 'alive']", 0)
