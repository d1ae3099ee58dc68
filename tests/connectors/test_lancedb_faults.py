"""Histories in which changes of the table, of the records and of files of words fail: nothing is lost."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lancedb", reason="needs the extra lancedb")

from ragkit.errors import TransientStoreError
from ragkit.protocols import Change
from ragkit.testing.data import remove
from ragkit_connectors.lancedb import LanceStore, words
from ragkit_connectors.lancedb.records import Records
from ragkit_connectors.lancedb.table import ChunkTable
from ragkit_connectors.lancedb.word_files import WordFiles
from tests.connectors.workload import SPEC, document, seen, texts_of
from tests.scale import scaled

SEED = 20
CHANGING: tuple[tuple[type, str], ...] = (
    (ChunkTable, "change"), (ChunkTable, "copy"), (ChunkTable, "drop_others"), (Records, "write"),
    (Records, "change_head"), (Records, "set_end"), (Records, "delete"), (Records, "reserve"),
    (Records, "name_words"), (Records, "vacuum"), (WordFiles, "write"), (WordFiles, "clean"),
)  # fmt: skip


class Faults:
    """Calls that fail from now on, by their number: before they are done, or after."""

    def __init__(self) -> None:
        self.left: dict[int, bool] = {}
        self.n = self.n_failed = 0

    def plan(self, left: dict[int, bool]) -> None:
        """Counts from 0 again."""
        self.left, self.n = left, 0

    def around(self, usual: Callable[..., Any]) -> Callable[..., Any]:
        """A method that may fail."""

        def call(*given: Any, **named: Any) -> Any:
            is_done = self.left.get(self.n)
            self.n += 1
            if is_done is None:
                return usual(*given, **named)
            self.n_failed += 1
            if is_done:
                usual(*given, **named)
            raise TransientStoreError("the disk failed or is full")

        return call


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    monkeypatch.setattr(words, "_LONGEST_TAIL", 6)
    made = Faults()
    for owner, name in CHANGING:
        monkeypatch.setattr(owner, name, made.around(getattr(owner, name)))
    yield made
    made.plan({})


def test_histories_of_faults_lose_and_double_nothing(faults: Faults, tmp_path: Path) -> None:
    """What returned is there, what failed is there or not; a reader beside it sees the same."""
    rng = random.Random(SEED)
    for number in range(scaled(60)):
        folder = tmp_path / str(number)
        store, reader = (LanceStore(path=folder).open(SPEC) for _ in range(2))
        held: dict[str, Change] = {}
        for version in range(6):
            names = rng.sample("abcdef", 3)
            changes = [remove(n) if rng.random() < 0.2 else document(n, version) for n in names]
            wanted = {**held, **{c.state.document_id: c for c in changes}}
            ways: list[Callable[[list[Change]], object]] = [store.commit, store.commit, store.erase]
            faults.plan({i: rng.random() < 0.5 for i in range(40) if rng.random() < 0.1})
            options = [held, wanted]
            with contextlib.suppress(TransientStoreError):
                rng.choice(ways)(changes)
                options = [wanted]
                store.compact()
                store.prepare()
            faults.plan({})
            there = seen(store)
            assert seen(reader) == there
            held = next(option for option in reversed(options) if texts_of(*option.values()) == there)
        assert store.compact().erased
        assert store.holdings().to_erase is False
        assert seen(store) == seen(reader) == texts_of(*held.values())
        store.close()
        reader.close()
    assert faults.n_failed > 3 * scaled(60)
