"""Runs every check that a store's abilities claim, in places of their own on the user's own server."""

from __future__ import annotations

import importlib.util
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Protocol, runtime_checkable

from ragkit.errors import ConfigError, StoreError
from ragkit.filters import OPERATORS
from ragkit.protocols import Manifest, SparseIndex, VectorStore
from ragkit.store import abilities
from ragkit.store.abilities import CollectingStore, HoldingStore, NamedEngine, ScratchStore
from ragkit.store.bm25.search import DefaultBm25
from ragkit.store_spec import StoreSpec
from ragkit.testing.certificate import Agreement, Certificate, Check
from ragkit.testing.claimed import FiltersOfStore, Made, claimed, n_checks, name_of
from ragkit.testing.run import CheckResult, run_checks
from ragkit.testing.stores import spec_of
from ragkit.text.analyze import Analyzer

SCRATCH = "ragkit_certify"
_ABILITIES = (
    SparseIndex,
    Manifest,
    abilities.LockingStore,
    HoldingStore,
    CollectingStore,
    abilities.PreparingStore,
    abilities.MendableStore,
)
_NO_HYPOTHESIS = "the package hypothesis is not installed. Run: pip install 'ragkit[certify]'"


@runtime_checkable
class Opens(Protocol):
    """A store as configuration makes it, not opened."""

    def open(self, spec: StoreSpec, *, create: bool, bm25: Any, analyzer: Any) -> Any:
        """Opens it for a spec; gives the opened store."""
        ...


class Progress(Protocol):
    """Is told what is done, of how many, after each check and each case."""

    def __call__(self, done: int, total: int, what: str) -> None:
        """`done` of `total` checks and cases; `what` is at hand."""
        ...


def certify(
    store: object, name: str, *, cases: int = 500, seed: int = 0, progress: Progress | None = None
) -> Certificate:
    """Checks a store; nothing but its scratch places is touched, and these are removed.

    Args:
        store: made with its settings, not opened. It is a `ScratchStore`, and so is what others register.
        name: its registered name.
        cases: random cases to compare with the oracle, half of them with tenants and acl.
        seed: of these cases.
        progress: is told how far it is.

    Raises:
        StoreError: it cannot make scratch places, or its server cannot be reached.
        ConfigError: its settings do not fit.
    """
    if not isinstance(store, ScratchStore):
        raise StoreError(
            f"{name} cannot be certified: it has no scratch(name), which gives a store with the same "
            "settings in a place of its own (ScratchStore in ragkit.store.abilities)"
        )
    run = _Run(store, progress or _silent)
    with run.places() as places:
        try:
            opened = places.make_store(spec_of())
        except _RefusedError:
            # Such as a store that guards tenants by itself and takes no index without them.
            opened = places.make_store(spec_of(tenant="keyword!"))
        offered = tuple(p for p in _ABILITIES if isinstance(opened, p))
        capabilities = opened.capabilities
        engine = opened.engine() if isinstance(opened, NamedEngine) else None
    groups = claimed(opened)
    run.total = sum(n_checks(cls) for cls, why in groups.items() if why is None) + cases
    checks = [check for cls, why in groups.items() for check in run.checks(cls, why)]
    return Certificate(
        name,
        ragkit=version("ragkit"),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=seed,
        engine=engine,
        abilities=tuple(p.__name__ for p in offered),
        is_exact=capabilities.exact_dense,
        pushed_down=tuple(sorted(capabilities.filters & set(OPERATORS))),
        client_side=tuple(sorted(set(OPERATORS) - capabilities.filters)),
        checks=tuple(checks),
        agreements=tuple(run.agreements(cases, seed)),
    )


class _RefusedError(ConfigError):
    """A store that takes no index of this kind, by its settings."""


class _Places:
    """Makes stores in scratch places, and removes these."""

    def __init__(self, store: ScratchStore, stack: ExitStack) -> None:
        self._store, self._stack = store, stack

    def make_store(self, spec: StoreSpec) -> VectorStore:
        """An empty store.

        Raises:
            _RefusedError: its settings do not allow an index for this spec.
        """
        made: Opens = self._stack.enter_context(self._store.scratch(SCRATCH))
        try:
            opened = made.open(spec, create=True, bm25=DefaultBm25(), analyzer=Analyzer())
        except ConfigError as e:
            raise _RefusedError(e.problems) from e
        self._stack.callback(opened.close)
        return opened  # type: ignore[no-any-return]


class _Run:
    """One certification: how far it is, and the store to make scratch places with."""

    def __init__(self, store: ScratchStore, progress: Progress) -> None:
        self._store, self._progress = store, progress
        self.total, self._done = 0, 0

    @contextmanager
    def places(self) -> Iterator[_Places]:
        with ExitStack() as stack:
            yield _Places(self._store, stack)

    def checks(self, cls: type[Made], why: str | None) -> list[Check]:
        """The checks of a class, each in places of its own; skipped as a whole where there is a reason."""
        group = name_of(cls)
        if why is not None:
            return [Check(group, "", (cls.__doc__ or "").partition("\n")[0], "skipped", why)]
        results: list[Check] = []
        with ExitStack() as stack:

            def note(result: CheckResult) -> None:
                # What the check made goes before the next one starts.
                if cls is not FiltersOfStore:
                    stack.close()
                results.append(_check_of(group, result))
                self._step(f"{group}.{result.name}")

            run_checks(cls(_Places(self._store, stack).make_store), note)
        return results

    def agreements(self, cases: int, seed: int) -> Iterator[Agreement]:
        """Random cases without and with tenants and acl."""
        if importlib.util.find_spec("hypothesis") is None:
            yield Agreement("plain", 0, skipped=_NO_HYPOTHESIS)
            return
        from ragkit.testing import congruence as random

        shapes = {"plain": random.PLAIN, "tenants and acl": random.READERS}
        for i, (label, shape) in enumerate(shapes.items()):
            n = (cases + i) // len(shapes)
            if not n:
                continue
            with self.places() as places:
                try:
                    found = random.congruence(
                        places.make_store,
                        cases=n,
                        seed=seed,
                        shape=shape,
                        on_case=self._case,
                    )
                except _RefusedError as e:
                    yield Agreement(label, 0, skipped=str(e))
                    continue
            yield Agreement(label, found.n_cases, overlap=found.overlap, failure=found.failure)

    def _case(self, done: int) -> None:
        self._step(f"congruence, case {done}")

    def _step(self, what: str) -> None:
        self._done += 1
        self._progress(min(self._done, self.total), self.total, what)


def _check_of(group: str, result: CheckResult) -> Check:
    asks = " ".join(result.asks.split())
    error = result.error
    if error is None:
        return Check(group, result.name, asks, "passed")
    if isinstance(error, _RefusedError):
        return Check(group, result.name, asks, "skipped", str(error))
    frame = traceback.extract_tb(error.__traceback__)[-1]
    # A bare assert says nothing without a test framework; its line does.
    reason = f"{type(error).__name__}: {str(error) or frame.line} (line {frame.lineno} of {frame.name})"
    return Check(group, result.name, asks, "failed", reason)


def _silent(done: int, total: int, what: str) -> None:
    """Progress that nobody looks at."""
