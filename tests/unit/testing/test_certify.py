"""What a certificate says of a store that is right, wrong, a stand-in, or silent about its engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit import registry
from ragkit.arrays import HitBatch
from ragkit.cli import main
from ragkit.errors import ConfigError, StoreError
from ragkit.filters import Ne
from ragkit.protocols import Scope
from ragkit.settings import Settings
from ragkit.store.abilities import Compaction, Engine
from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec
from ragkit.testing.certify import certify
from ragkit.testing.congruence import check_batch, congruence
from ragkit.testing.oracle import OracleStore
from tests.scale import scaled

ENGINE = Engine("oracle", version="1")
LEFT: list[str] = []


class ListStore(OracleStore):
    """The oracle as a third party's store, which YAML names and `ragkit certify` opens."""

    use = "store/list"
    ENGINE: Engine | None = ENGINE

    class Config(Settings):
        """None."""

    def __init__(self, **settings: Any) -> None:
        self.config = self.Config.checked(self.use, settings)

    def open(self, spec: StoreSpec, **options: Any) -> ListStore:
        OracleStore.__init__(self, spec)
        return self

    @contextmanager
    def scratch(self, name: str) -> Iterator[ListStore]:
        LEFT.append(name)
        try:
            yield type(self)()
        finally:
            LEFT.pop()

    def engine(self) -> Engine | None:
        return self.ENGINE


class Approximate(ListStore):
    """Misses the best chunk whenever it finds more than one."""

    @property
    def capabilities(self) -> Any:
        return replace(super().capabilities, exact_dense=False)

    def search(self, vectors: Any, k: int, scope: Scope) -> list[HitBatch]:
        found = super().search(vectors, k + 1, scope)
        return [HitBatch(b.ids[-k:], b.scores[-k:]) for b in found]


class ForgetsFilters(ListStore):
    """Takes `ne` for no filter at all."""

    def search(self, vectors: Any, k: int, scope: Scope) -> list[HitBatch]:
        return super().search(vectors, k, replace(scope, filter=None) if is_ne(scope) else scope)


def is_ne(scope: Scope) -> bool:
    return isinstance(scope.filter, Ne)


class Collects(ListStore):
    """Collects something every other time."""

    n = 0

    def holdings(self) -> None: ...

    def erase(self, changes: Any, *, wait_s: float = 0.0) -> None: ...

    def compact(self, *, wait_s: float = 0.0) -> Compaction:
        Collects.n += 1
        return Compaction(Collects.n % 2, n_held=0, erased=True)


class LosesOne(ListStore):
    """Keeps the last hit to itself."""

    def search(self, vectors: Any, k: int, scope: Scope) -> list[HitBatch]:
        return [HitBatch(b.ids[:-1], b.scores[:-1]) for b in super().search(vectors, k, scope)]


class StandIn(ListStore):
    ENGINE = Engine("vendor", version="2", stand_in="the client's local mode")


class TenantsOnly(ListStore):
    """Guards tenants by itself, and takes no index without them."""

    def open(self, spec: StoreSpec, **options: Any) -> ListStore:
        if not spec.has_tenants:
            raise ConfigError("it takes no index without tenants")
        return super().open(spec)


class Silent(OracleStore):
    """Has neither engine() nor scratch()."""


def test_a_store_that_is_right_is_certified() -> None:
    done = certify(ListStore(), "store/list", cases=20)
    assert (done.verdict, done.n_cases, done.failures, LEFT) == ("certified", 20, (), [])
    assert done.counts == {"passed": 37, "failed": 0, "skipped": 1}
    (skipped,) = [check for check in done.checks if check.outcome == "skipped"]
    assert (skipped.group, skipped.reason) == (
        "CollectingStoreChecks",
        "it is not both a HoldingStore and a CollectingStore",
    )


def test_the_embedded_store_is_certified_and_nothing_is_left(tmp_path: Path) -> None:
    done = certify(LocalStore(path=tmp_path / "never" / "made"), "store/local", cases=6)
    assert (done.verdict, done.failures, list(tmp_path.iterdir())) == ("certified", (), [])
    assert done.counts == {"passed": 42, "failed": 0, "skipped": 0}
    assert done.engine is not None
    assert done.engine.name == "SQLite + index/exact"


def test_what_a_store_does_wrong_is_told() -> None:
    done = certify(ForgetsFilters(), "store/list", cases=0)
    assert (done.verdict, LEFT) == ("failed", [])
    assert any("FilterChecks.test_a_missing_field_satisfies_no_comparison" in line for line in done.failures)


def test_a_case_hangs_on_no_earlier_one() -> None:
    """Otherwise Hypothesis, which tries the beginning of a case again, would take it for flaky."""
    found = congruence(lambda spec: Collects().open(spec), cases=scaled(2000), seed=3)
    assert (found.failure, found.n_cases) == (None, scaled(2000))


def test_a_case_that_differs_is_told() -> None:
    found = congruence(lambda spec: LosesOne().open(spec), cases=20, seed=0)
    assert found.failure is not None
    assert "0 hits, expected 1" in found.failure
    assert "_compare_dense" in found.failure
    assert "Draw" in found.failure


def test_an_approximate_store_must_find_nearly_all() -> None:
    done = certify(Approximate(), "store/list", cases=30)
    assert any("of the oracle's nearest chunks" in line for line in done.failures)


def test_a_stand_in_is_not_certified() -> None:
    done = certify(StandIn(), "store/list", cases=2)
    assert done.verdict == "not certified"
    assert done.reservations == ("it ran against the client's local mode, not against vendor itself",)


def test_without_a_case_nothing_is_certified() -> None:
    assert certify(ListStore(), "store/list", cases=0).verdict == "not certified"


def test_without_hypothesis_the_reason_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (reason,) = certify(ListStore(), "store/list", cases=2).reservations
    assert "pip install 'ragkit[certify]'" in reason


def test_checks_that_the_settings_do_not_allow_are_skipped() -> None:
    done = certify(TenantsOnly(), "store/list", cases=10)
    assert (done.verdict, done.n_cases) == ("certified", 5)
    assert done.counts["skipped"] > done.counts["passed"] > 0


def test_a_store_without_scratch_places_is_refused() -> None:
    with pytest.raises(StoreError, match=r"store/x cannot be certified: it has no scratch\(name\)"):
        certify(Silent(StoreSpec("m", embedder_fingerprint="v", dimension=2)), "store/x")


@pytest.mark.parametrize("raised", [KeyboardInterrupt, RuntimeError])
def test_what_was_made_is_removed_when_it_is_interrupted(tmp_path: Path, raised: type[BaseException]) -> None:
    def stop(done: int, total: int, what: str) -> None:
        if done == 8:
            raise raised

    with pytest.raises(raised):
        certify(LocalStore(path=tmp_path / "index"), "store/local", cases=2, progress=stop)
    assert list(tmp_path.iterdir()) == []


def hits(*pairs: tuple[str, float]) -> HitBatch:
    ids = np.array([name.encode() for name, _ in pairs], dtype="S32")
    return HitBatch(ids, np.array([score for _, score in pairs], dtype=np.float32))


@pytest.mark.parametrize(
    ("ours", "problem"),
    [
        (hits(("x", 1.0)), "is not among the hits"),
        (hits(("b", 1.0), ("a", 1.0)), "score descending, then id"),
        (hits(("a", 1.0), ("a", 1.0)), "came twice"),
        (hits(("a", 1.0), ("c", 0.5)), "scores"),
        (hits(("a", 1.0)), "1 hits, expected 2"),
    ],
)
def test_a_difference_is_named(ours: HitBatch, problem: str) -> None:
    everything = hits(("a", 1.0), ("b", 1.0), ("c", 0.5))
    with pytest.raises(AssertionError, match=problem):
        check_batch(ours, everything, 2)
    check_batch(hits(("a", 1.0), ("b", 1.0)), everything, 2)


# --- the verb ---------------------------------------------------------------------------------------

YAML = """\
ragkit: 1
models: {embed: {use: embed/bundled}}
stores: {mine: {use: USE}}
collection: {store: mine, embed: embed}
query:
  dense: {use: retrieve/dense, in: question}
  sparse: {use: retrieve/bm25, in: question}
  fuse: {use: fuse/weighted, in: [dense, sparse]}
  generate: generate/extractive
  verify: verify/citations
"""


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    monkeypatch.chdir(tmp_path)

    def run(store: type[ListStore], *argv: str) -> tuple[int, str, str]:
        monkeypatch.setitem(registry._registered, "store/list", store)
        (tmp_path / "rag.yaml").write_text(YAML.replace("USE", "store/list"))
        code = main(["certify", *argv])
        out, err = capfd.readouterr()
        return code, out, err

    yield run
    assert [path.name for path in tmp_path.iterdir()] == ["rag.yaml"]


def test_a_third_partys_store_is_certified_by_its_name(call: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = call(ListStore, "mine", "--cases", "4")
    assert (code, err) == (0, "")
    for line in ("CERTIFIED", "engine: oracle 1", "37 passed, 0 failed, 1 skipped", "plain: 2 cases, seed 0"):
        assert line in out
    code, out, _ = call(ListStore, "mine", "--cases", "4", "--seed", "7", "--json")
    facts = json.loads(out)
    assert (code, facts["verdict"], facts["n_cases"], facts["seed"]) == (0, "certified", 4, 7)


@pytest.mark.parametrize(
    ("store", "argv", "code", "said"),
    [
        (ForgetsFilters, ["mine", "--cases", "2"], 1, "FAILED"),
        (StandIn, ["mine", "--cases", "2"], 3, "NOT CERTIFIED"),
        (ListStore, ["mien"], 2, "Did you mean 'mine'?"),
        (ListStore, ["mine", "--cases", "-1"], 2, "--cases -1: expected"),
    ],
)
def test_the_exit_code_says_how_it_ended(
    call: Callable[..., tuple[int, str, str]],
    store: type[ListStore],
    argv: Sequence[str],
    code: int,
    said: str,
) -> None:
    got, out, err = call(store, *argv)
    assert (got, said in out + err) == (code, True)
