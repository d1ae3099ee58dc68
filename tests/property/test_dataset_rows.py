"""Whatever stands in a data file, it is read or refused with file and line; nothing else is raised."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from ragkit.errors import EvalError
from ragkit.evaluation.dataset import load_dataset
from ragkit.evaluation.qrels import read_beir_qrels
from ragkit.evaluation.trec import read_qrels, read_run
from tests.scale import scaled

SEED = 11
SOUND = {
    "corpus.jsonl": b'{"_id": "d1", "title": "A", "text": "One."}\n{"_id": "d2", "text": "Two."}\n',
    "queries.jsonl": b'{"_id": "q1", "text": "Which?", "evidence": [{"document": "d1", "quote": "One"}]}\n'
    b'{"_id": "q2", "text": "What?", "answers": ["1"]}\n',
    "answers.jsonl": b'{"_id": "q1", "answers": ["One"], "answerable": true}\n',
    "qrels/test.tsv": b"query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t2\n",
}
# Pieces that a reader stumbles over, put together at random.
PIECES = st.sampled_from(
    [b"{", b"}", b"[", b'"_id"', b'"text"', b":", b",", b'"d1"', b"1", b"1e999", b"NaN", b"null", b"\t",
     b"\n", b"\r\n", b"\xff", b"\x00", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b'"\\ud800"', b"q1", b"-1", b" Q0 ",
     b"0.5", b'{"_id": 1, "text": 2}', b'{"_id": "q3", "text": "x", "evidence": ', b'[{"document": "d1", ',
     b'"quote": "One"}]', b'"start": 1, "end": 9}]', b'"hop": 0', b'"history": [{"role": "user"}]',
     b'{"_id": "q1", "answers": [], "evidence": null, "answerable": null}',
     b'{"_id": "d9", "text": "x"}', b"[" * 2_000, b"9" * 5_000]
)  # fmt: skip
contents = st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=12).map(b"".join))


def in_folder(files: dict[str, bytes], use: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "qrels").mkdir()
        for path, content in files.items():
            (folder / path).write_bytes(content)
        use(folder)


def read_all(folder: Path) -> None:
    data = load_dataset(folder)
    data.check()
    list(data.corpus())
    data.checksum()


def refusal(read: Callable[[Path], object], path: Path) -> str | None:
    """What an `EvalError` says; None if all was read. Any other error fails the test."""
    try:
        read(path)
    except EvalError as e:
        return str(e)
    return None


def whole(folder: Path) -> None:
    said = refusal(read_all, folder)
    assert said is None or str(folder) in said


@seed(SEED)
@settings(max_examples=scaled(2_000), deadline=None)
@given(st.sampled_from(sorted(SOUND)), contents)
def test_a_broken_file_is_refused_by_name(name: str, content: bytes) -> None:
    in_folder({**SOUND, name: content}, whole)


@seed(SEED)
@settings(max_examples=scaled(2_000), deadline=None)
@given(st.sampled_from(sorted(SOUND)), st.integers(0, 200), contents)
def test_a_file_broken_in_its_midst_is_refused_by_name(name: str, at: int, content: bytes) -> None:
    sound = SOUND[name]
    in_folder({**SOUND, name: sound[:at] + content + sound[at:]}, whole)


@seed(SEED)
@settings(max_examples=scaled(2_000), deadline=None)
@given(contents)
@pytest.mark.parametrize("read", [read_run, read_qrels, read_beir_qrels])
def test_a_broken_table_is_refused_by_line(read: Callable[[Path], object], content: bytes) -> None:
    def attempt(folder: Path) -> None:
        path = folder / "table.tsv"
        path.write_bytes(content)
        said = refusal(read, path)
        assert said is None or re.search(r"table\.tsv(:\d+|: holds no)", said)

    in_folder({}, attempt)


def test_the_sound_files_are_read() -> None:
    in_folder(SOUND, read_all)
