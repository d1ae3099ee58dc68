"""Other stores that are kept the same as the one that answers: whatever is written goes to them too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ragkit.errors import ConfigError, RagkitError, StoreError, TransientStoreError
from ragkit.protocols import Change
from ragkit.store.collection import StoreCollection
from ragkit.store.forgetting import tidy
from ragkit.store.migrate import copy_missing, foreign_to
from ragkit.store.migrate_read import ContentReader


class InStep:
    """The other stores of a collection under `dual_write`.

    A store that answers questions is not to stand still because another one is down. What another store could
    not take is therefore told and made up for: `level` compares the records of documents and copies what is
    missing, and is called at the end of every ingestion.

    Args:
        opens: what opens the collection in each of them, by name.

    >>> InStep({}).names
    ()
    """

    def __init__(self, opens: Mapping[str, Callable[[], StoreCollection]]) -> None:
        self._opens = opens
        self._opened: dict[str, StoreCollection] = {}
        self._behind: dict[str, str] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The stores, as the configuration names them."""
        return tuple(self._opens)

    @property
    def behind(self) -> Mapping[str, str]:
        """Why a store is not the same any more, by name; empty where all are."""
        return dict(self._behind)

    def commit(self, changes: Sequence[Change]) -> None:
        """Writes to every store what the first one has just committed; one that is behind waits for `level`.

        Never raises for a store that cannot be written to: it is behind from then on.
        """
        for name in self.names:
            if name not in self._behind:
                with self._noting(name):
                    self.collection(name).store.commit(changes)

    def level(self, source: StoreCollection) -> tuple[str, ...]:
        """Brings every store to what the first one holds; gives a note for each that is not the same then.

        What only another store holds stays there and is told of: nobody knows whose it is.
        """
        notes = []
        for name in self.names:
            self._behind.pop(name, None)
            with self._noting(name):
                try:
                    self._bring_level(source, self.collection(name), name)
                except TransientStoreError:
                    # The first call after a server came back finds connections of before.
                    self._bring_level(source, self.collection(name), name)
            if name in self._behind:
                notes.append(
                    f"store {name!r} is behind the one in use: {self._behind[name]}. The next ingestion "
                    f"makes up for it, and so does: ragkit migrate --to {name}"
                )
        return tuple(notes)

    def collection(self, name: str) -> StoreCollection:
        """The collection in one of the stores.

        Raises:
            ConfigError: it was made with another model, analyzer or other fields.
            StoreError: it cannot be opened.
        """
        if name not in self._opened:
            self._opened[name] = self._opens[name]()
        return self._opened[name]

    def close(self) -> None:
        """Releases the stores."""
        while self._opened:
            self._opened.popitem()[1].close()

    def _bring_level(self, source: StoreCollection, target: StoreCollection, name: str) -> None:
        ours, theirs = (ContentReader(one.store, source.fields) for one in (source, target))
        with source.writing(), target.writing():
            copy_missing(ours, theirs, source, target)
            note = tidy(target)
            n_foreign = len(foreign_to(ours, theirs))
        if note is not None:
            raise StoreError(note)
        if n_foreign:
            raise StoreError(
                f"it holds {n_foreign} documents that the other does not. To remove them: ragkit migrate "
                f"--to {name} --remove-others"
            )

    @contextmanager
    def _noting(self, name: str) -> Iterator[None]:
        try:
            yield
        except (StoreError, ConfigError) as e:
            self._behind[name] = _line(e)


def _line(error: RagkitError) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
