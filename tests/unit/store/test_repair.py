"""What `verify` finds in a damaged folder, and what `repair` makes of it."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit.errors import CorruptIndexError, RagkitError, StoreError
from ragkit.protocols import Scope, Vectors
from ragkit.store.codec import checksum_of
from ragkit.store.local.store import LocalStore
from ragkit.testing.data import put, quarantine, unit
from ragkit.testing.stores import EAST, NORTH, WEST, spec_of

PASSAGES = {"cat dog": EAST, "fish cat": WEST, "bird": NORTH, "cat bird bird": unit([1, 1]), "new dog": EAST}


class Words:
    fingerprint = "test"

    def terms(self, text: str) -> list[str]:
        return text.split()


def embed(texts: Sequence[str]) -> Vectors:
    return np.stack([PASSAGES[text] for text in texts])


def passages(*texts: str) -> list[tuple[str, Vectors]]:
    return [(text, PASSAGES[text]) for text in texts]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An index of four commits, one of which replaced a document, closed; two postings files."""
    path = tmp_path / "index"
    store = LocalStore(path=path).open(spec_of())
    store.commit([put("a", passages("cat dog", "fish cat", "cat bird bird"), metadata={"lang": "en"})])
    store.commit([put("b", passages("bird"))])
    store.commit([put("b", passages("new dog"))])
    # A commit also removes the files that those before it have merged.
    store.commit([quarantine("c")])
    store.close()
    return path


def opened(path: Path) -> LocalStore:
    return LocalStore(path=path).open(spec_of(), analyzer=Words())


def picture(store: LocalStore) -> dict[str, Any]:
    """All that a reader is given: rankings with scores, vectors, chunks, documents."""
    seen: dict[str, Any] = {}
    for term in ("cat", "dog", "bird", "fish", "new"):
        (hits,) = store.search_terms([[term]], 10, Scope())
        seen[term] = (hits.id_list(), hits.scores.tolist())
    (hits,) = store.search(EAST[None], 10, Scope())
    seen["east"] = (hits.id_list(), hits.scores.tolist())
    seen["vectors"] = store.vectors(hits.id_list(), Scope()).tolist()
    # The language of a chunk was detected; nothing in the index says it a second time.
    seen["chunks"] = [replace(c, lang="") for c in store.fetch(hits.id_list(), Scope()) if c]
    seen["documents"] = [store.source("", name) for name in "abc"]
    return seen


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def unlink(path: Path) -> None:
    path.unlink()


DAMAGES = pytest.mark.parametrize("damage", [flip, truncate, empty, unlink])


def postings(path: Path) -> list[Path]:
    return sorted((path / "postings").iterdir())


def test_a_sound_index_has_no_problems_and_nothing_to_mend(folder: Path) -> None:
    store = opened(folder)
    files = postings(folder)
    assert store.verify() == []
    assert store.repair(embed) == []
    assert postings(folder) == files
    store.close()


@DAMAGES
def test_damaged_postings_are_named_and_mended(folder: Path, damage: Callable[[Path], None]) -> None:
    store = opened(folder)
    before = picture(store)
    store.close()
    for path in postings(folder):
        damage(path)
    store = opened(folder)
    problems = store.verify()
    assert len(problems) == len({line.split(": ")[0] for line in problems}) >= 1
    assert all("/postings/" in line and line.endswith("Run: ragkit repair") for line in problems)
    assert len(store.repair()) >= len(problems)
    assert store.verify() == []
    assert picture(store) == before
    store.close()
    # Without an analyzer nothing is made anew on the way: what is read is what lies in the folder.
    reader = LocalStore(path=folder).open()
    assert picture(reader) == before
    reader.close()


@DAMAGES
def test_damaged_vectors_are_named_and_mended(folder: Path, damage: Callable[[Path], None]) -> None:
    store = opened(folder)
    before = picture(store)
    store.close()
    damage(folder / "vectors-000000.f32")
    store = opened(folder)
    problems = store.verify()
    assert problems
    assert all("vectors-000000.f32: " in line and line.endswith("Run: ragkit repair") for line in problems)
    assert store.repair() == []
    assert store.verify() == problems
    repaired = store.repair(embed)
    assert len(repaired) == len(problems)
    assert all("embedded anew" in line for line in repaired)
    assert store.verify() == []
    assert picture(store) == before
    store.commit([put("d", passages("fish cat"))])
    assert store.verify() == []
    store.close()


def test_damaged_vectors_are_not_searched_until_they_are_mended(folder: Path) -> None:
    store = opened(folder)
    before = picture(store)
    store.close()
    path = folder / "vectors-000000.f32"
    path.write_bytes(bytes(path.stat().st_size))
    store = opened(folder)
    with pytest.raises(CorruptIndexError, match=r"vectors-000000.f32: rows 0 to 5 are not what .* repair"):
        picture(store)
    store.repair(embed)
    assert picture(store) == before
    store.close()


def test_vectors_that_no_model_gave_are_not_taken(folder: Path) -> None:
    flip(folder / "vectors-000000.f32")
    store = opened(folder)
    problems = store.verify()
    with pytest.raises(StoreError, match="expected 1: embedders give unit vectors"):
        store.repair(lambda texts: np.ones((len(texts), 2), dtype=np.float32))
    assert store.verify() == problems
    assert not list(folder.glob("*.partial"))
    store.close()


@pytest.mark.parametrize("damage", [truncate, empty, unlink])
def test_a_damaged_manifest_is_an_error_with_its_remedy(folder: Path, damage: Callable[[Path], None]) -> None:
    damage(folder / "manifest.sqlite")
    with pytest.raises(CorruptIndexError, match=r"manifest\.sqlite: .*[Rr]estore"):
        raise CorruptIndexError(opened(folder).verify()[0])


def test_a_flipped_byte_of_the_manifest_is_found_or_changes_nothing(folder: Path, tmp_path: Path) -> None:
    store = opened(folder)
    before = picture(store)
    store.close()
    data = (folder / "manifest.sqlite").read_bytes()
    rng, n_found = random.Random(8), 0
    # The bytes that are in use: most of a small database is empty space.
    used = [i for i, byte in enumerate(data) if byte]
    for at in rng.sample(used, 300):
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy)
        flipped = bytearray(data)
        flipped[at] ^= 1 << rng.randrange(8)
        (copy / "manifest.sqlite").write_bytes(flipped)
        try:
            store = opened(copy)
        except RagkitError:
            n_found += 1
        else:
            problems = store.verify()
            n_found += bool(problems)
            if not problems:
                assert picture(store) == before, f"byte {at}"
            store.close()
        shutil.rmtree(copy)
    assert n_found > 50


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE sources SET n_chunks = 7 WHERE id = 'b'", "document 'b': 1 chunks, expected 7"),
        ("UPDATE chunks SET text = 'cat dot' WHERE row = 0", "is not the text at its span"),
        ("UPDATE chunks SET id = zeroblob(16) WHERE row = 0", "has an id that is not its own"),
        ("UPDATE chunks SET id = (SELECT id FROM chunks WHERE row = 1) WHERE row = 0", "more than once"),
        ("DELETE FROM documents WHERE id = 'a'", "chunks do not stand and fall with their document"),
        ("DELETE FROM chunks WHERE row = 1", "expected 5 below 5"),
        ("DELETE FROM sources WHERE id = 'a'", "document 'a': its state is lost"),
        ("UPDATE sources SET content_hash = 'x' WHERE id = 'a'", "document 'a': not what was written"),
        ("UPDATE documents SET text = x'00' WHERE id = 'a'", "document 'a': cannot be read"),
        ("INSERT INTO acls VALUES (9, '[\"staff\"]'); UPDATE chunks SET acl = 9 WHERE row = 0",
         "is not of its document's tenant and acl"),
        ("UPDATE chunks SET shape = replace(shape, '\"en\"', '\"ru\"') WHERE row = 0",
         "has not its document's uri and metadata"),
        ("UPDATE segments SET first_row = 1 WHERE kind = 'vectors'", "are not covered once"),
    ],
)  # fmt: skip
def test_a_manifest_that_contradicts_itself_is_named_and_left_alone(
    folder: Path, change: str, problem: str
) -> None:
    connection = sqlite3.connect(folder / "manifest.sqlite")
    connection.create_function("checksum_of", 3, checksum_of)
    connection.executescript(f"{change}; UPDATE chunks SET checksum = checksum_of(id, text, shape)")
    connection.close()
    store = opened(folder)
    problems = store.verify()
    (line,) = (line for line in problems if problem in line)
    assert line.startswith(f"{folder / 'manifest.sqlite'}: ")
    assert "Restore the folder from a copy, or ingest again into a new folder" in line
    assert store.repair(embed) == []
    assert store.verify() == problems
    store.close()


@pytest.mark.parametrize("change", ["text = 'cat dot'", "shape = replace(shape, 'en', 'ru')", "checksum = 1"])
def test_a_damaged_chunk_is_never_shown(folder: Path, change: str) -> None:
    connection = sqlite3.connect(folder / "manifest.sqlite")
    connection.executescript(f"UPDATE chunks SET {change} WHERE row = 0")
    connection.close()
    store = opened(folder)
    with pytest.raises(CorruptIndexError, match=r"bytes are not those that were written.*ragkit verify"):
        picture(store)
    assert any("bytes are not those that were written" in line for line in store.verify())
    store.close()


def test_postings_that_no_file_is_named_for_are_made_anew(folder: Path) -> None:
    store = opened(folder)
    before = picture(store)
    store.close()
    connection = sqlite3.connect(folder / "manifest.sqlite")
    connection.executescript("DELETE FROM segments WHERE kind = 'postings' AND first_row = 0")
    connection.close()
    store = opened(folder)
    assert any("postings: row 0 to row" in line or "postings: 0 rows" in line for line in store.verify())
    store.repair()
    assert store.verify() == []
    assert picture(store) == before
    store.close()


def test_what_no_commit_names_is_no_problem_and_is_removed(folder: Path) -> None:
    orphan = folder / "postings" / "0000000009-0123456789abcdef.postings"
    orphan.write_bytes(b"left behind")
    store = opened(folder)
    assert store.verify() == []
    assert store.repair() == [f"{orphan}: removed, as no commit names it"]
    assert not orphan.exists()
    store.close()


def test_a_repair_that_dies_before_its_transaction_is_repeated(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def power_cut(*_: object) -> None:
        raise KeyboardInterrupt

    store = opened(folder)
    before = picture(store)
    store.close()
    flip(folder / "vectors-000000.f32")
    unlink(postings(folder)[0])
    store = opened(folder)
    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr("ragkit.store.local.repair.replace_segments", power_cut)
            with pytest.raises(KeyboardInterrupt):
                store.repair(embed)
    store.repair(embed)
    assert store.verify() == []
    assert picture(store) == before
    store.close()


def test_postings_cannot_be_made_anew_without_an_analyzer(folder: Path) -> None:
    unlink(postings(folder)[0])
    store = LocalStore(path=folder).open()
    with pytest.raises(CorruptIndexError, match="without its analyzer"):
        store.repair()
    store.close()


def test_a_chunk_that_its_index_has_lost_is_no_unknown_one(folder: Path) -> None:
    store = opened(folder)
    (hits,) = store.search(EAST[None], 10, Scope())
    connection = sqlite3.connect(folder / "manifest.sqlite")
    connection.executescript("UPDATE chunks SET id = zeroblob(16) WHERE row = 0")
    connection.close()
    for _ in range(2):
        with pytest.raises(CorruptIndexError, match=r"cannot be found by its id\. ragkit verify"):
            store.fetch(hits.id_list(), Scope())
    assert store.fetch(["0f" * 16], Scope()) == [None]
    store.close()
