"""What holds of a store on any server that is imitated here: faults, writers, tenants, strange texts.

A test module of a connector subclasses these with its `Stores`: `make` opens a store over HTTP,
`make_here` one whose client hands its requests over, `server` is the `Loopback` between them, `loud` the
server's own faults.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from ragkit.errors import StoreError, TransientStoreError
from ragkit.filters import And, Contains, Eq, Exists, Filter, In, Ne, Not, NotIn, Or
from ragkit.protocols import Change, Scope
from ragkit.store.remote import head as heads
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put, quarantine, remove, unit
from ragkit.testing.stores import EAST, spec_of, texts
from tests.connectors import across_tenants, loopback
from tests.connectors.across_tenants import call_across_tenants
from tests.connectors.loopback import Fault
from tests.crash.checking import matched
from tests.crash.ledger import Ledger, Notes
from tests.crash.workloads import DIMENSION, vector_of
from tests.hostile import STRANGERS
from tests.scale import IS_FULL, scaled

SPEC = StoreSpec("hash", embedder_fingerprint="hash/1", dimension=DIMENSION)


def document(name: str, version: int) -> Change:
    """A document of three passages."""
    lines = [f"common {name} version {version} part {i}" for i in range(3)]
    return put(name, [(text, vector_of(text)) for text in lines])


def seen(store: Any) -> list[str]:
    """The texts of all chunks, by each way of search, and what the states say of them."""
    (dense,) = store.search(vector_of("x")[None], 1000, Scope())
    (sparse,) = store.search_terms([["common"]], 1000, Scope())
    assert sorted(dense.id_list()) == sorted(sparse.id_list())
    chunks = store.fetch(dense.id_list(), Scope())
    found = sorted(chunk.text for chunk in chunks if chunk is not None)
    states = list(store.states())
    assert len(found) == len(dense) == store.counts().chunks == sum(s.n_chunks for s in states)
    sources = [store.source("", s.document_id) for s in states if s.n_chunks]
    assert sorted(line for s in sources if s is not None for line in s.text.split("\n")) == found
    assert store.verify() == []
    return found


def texts_of(*changes: Change) -> list[str]:
    """The texts of some documents."""
    return sorted(record.chunk.text for change in changes for record in change.records)


class Imitated:
    """Stores for the time of a test."""

    kind: ClassVar[type[Any]]  # a connector's `Stores`
    settings: ClassVar[dict[str, Any]] = {}
    loud: ClassVar[tuple[Fault, ...]]

    @pytest.fixture(autouse=True)
    def _stores(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        self.hasten(monkeypatch)
        self.stores = self.kind()
        yield
        self.stores.close()

    def hasten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Makes waits before a second try short."""
        raise NotImplementedError

    def store(self, spec: StoreSpec = SPEC, **settings: Any) -> Any:
        return self.stores.make(spec, **{**self.settings, **settings})

    def store_here(self, spec: StoreSpec = SPEC, **settings: Any) -> Any:
        return self.stores.make_here(spec, **{**self.settings, **settings})


class HistoryChecks(Imitated):
    """Random histories of requests that are dropped, answered too late, or done by half."""

    def faults(self) -> list[Fault]:
        return [loopback.dropped, loopback.answer_lost, *self.loud]

    def test_histories_of_faults_lose_and_double_nothing(self) -> None:
        """Random scripts: what returned is there, what failed is there or not."""
        rng = random.Random(20)
        for _ in range(scaled(40)):
            store, held = self.store_here(attempts=2), dict[str, Change]()
            for version in range(6):
                names = rng.sample("abcdef", 3)
                changes = [remove(n) if rng.random() < 0.2 else document(n, version) for n in names]
                chosen = {i: rng.choice(self.faults()) for i in range(80) if rng.random() < 0.2}
                self.stores.server.plan(chosen)
                wanted = {**held, **{c.state.document_id: c for c in changes}}
                try:
                    store.commit(changes)
                    options = [wanted]
                except TransientStoreError:
                    options = [held, wanted]
                self.stores.server.plan({})
                there = seen(store)
                held = next(option for option in reversed(options) if texts_of(*option.values()) == there)


class FaultChecks(HistoryChecks):
    """Nothing is lost, nothing is there twice, whatever goes wrong and wherever."""

    def test_what_passes_is_made_again(self) -> None:
        store = self.store_here()
        for n, fault in enumerate(self.faults()):
            store.commit([document("a", n), document("b", n)])
            self.stores.server.plan(dict.fromkeys(range(0, 60, 2), fault))
            store.commit([document("a", n + 50), document(f"c{n}", 1), quarantine("q")])
            self.stores.server.plan({})
        last = len(self.faults()) - 1
        others = [document(f"c{n}", 1) for n in range(last + 1)]
        assert seen(store) == texts_of(document("a", last + 50), document("b", last), *others)
        assert store.head() == 2 * (last + 1)

    @pytest.mark.parametrize("place", range(8))
    def test_a_commit_that_fails_anywhere_is_whole_or_not_there(self, place: int) -> None:
        """After its lease ended or not: the next one settles what was left."""
        for fault in self.faults() if IS_FULL else random.Random(place).sample(self.faults(), 2):
            store = self.store_here(attempts=1)
            store.commit([document("a", 1), document("b", 1)])
            before, after = seen(store), texts_of(document("a", 2), document("c", 1))
            self.stores.server.plan({place: fault})
            error: StoreError | None = None
            try:
                store.commit([document("a", 2), remove("b"), document("c", 1)])
            except StoreError as e:
                error = e
            self.stores.server.plan({})
            assert seen(store) in ([after] if error is None else [before, after])
            assert error is None or isinstance(error, TransientStoreError)
            store.commit([document("a", 2), remove("b"), document("c", 1)])
            assert seen(store) == after
            store.compact()
            assert seen(store) == after
            assert store.holdings().n_ended == 0

    def test_an_answer_that_comes_too_late_is_waited_for_once(self) -> None:
        store = self.store(timeout_s=1)
        self.stores.server.plan({2: loopback.answer_late})
        assert store.commit([document("a", 1)]) == 1
        assert seen(store) == texts_of(document("a", 1))

    def test_any_request_may_fail_reading_ones_too(self) -> None:
        store, rng, usual = self.store_here(attempts=8), random.Random(7), self.stores.service.answer

        def shaky(request: Any) -> Any:
            if rng.random() < 0.2:
                return rng.choice(self.loud)(request, lambda: None)
            return usual(request)

        self.stores.service.answer = shaky
        for version in range(2):
            store.commit([document("a", version), document("b", version)])
        assert seen(store) == texts_of(document("a", 1), document("b", 1))

    def test_a_server_that_is_killed_and_started_again_in_mid_ingest(self) -> None:
        """Documents are kept, as a real server keeps what it acknowledged; connections are not."""
        store, rng, done = self.store(attempts=12), random.Random(3), threading.Event()

        def kill() -> None:
            while not done.wait(rng.uniform(0.05, 0.2)):
                self.stores.server.stop()
                done.wait(0.03)
                self.stores.server.start()

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            for version in range(scaled(40)):
                store.commit([document(name, version) for name in "abc"])
        finally:
            done.set()
            killer.join()
        assert seen(store) == texts_of(*(document(name, scaled(40) - 1) for name in "abc"))

    def test_threads_of_one_store_write_in_turn_and_read_meanwhile(self) -> None:
        store = self.store()
        with ThreadPoolExecutor(8) as pool:
            written = [pool.submit(store.commit, [document(name, 1)]) for name in "abcd"]
            read = [pool.submit(_seen_at_head, store) for _ in range(8)]
            assert sorted(future.result() for future in written) == list(range(1, 5))
            assert all(future.result() % 3 == 0 for future in read)
        assert seen(store) == texts_of(*(document(name, 1) for name in "abcd"))

    # --- two writers ------------------------------------------------------------------------------

    def second(self, store: Any) -> Any:
        """Another process' store over the same index."""
        return self.store_here(name=store.config.name)

    def test_a_second_writer_is_told_who_writes(self) -> None:
        store = self.store_here()
        other = self.second(store)
        with store.writing():
            with pytest.raises(TransientStoreError, match=r"process \d+ on .* is writing.*lease ends"):
                other.commit([document("a", 1)])
            assert other.head() == 0
        assert other.commit([document("a", 1)]) == 1

    first_write: ClassVar[int] = 2  # of a commit, after the lease and the intent

    @pytest.mark.parametrize("place", range(4))
    def test_a_writer_that_slept_through_its_lease_cannot_move_the_pointer(self, place: int) -> None:
        """And what it wrote before, and what arrives of it later, is as if unwritten."""
        store = self.store_here()
        store.commit([document("a", 1), document("b", 1)])
        other, late = self.second(store), list[Any]()

        def overtaken(request: Any, usual: Any) -> Any:
            """Another writer takes over and commits first; the request arrives after that, twice."""
            self.stores.server.plan({})
            heads.change(other._server, {"expires_ms": 0}, owner=store._lease.owner)
            assert other.commit([document("a", 7), document("c", 1)]) == 3
            late.append(usual)
            return usual()

        self.stores.server.plan({self.first_write + place: overtaken})
        with pytest.raises(TransientStoreError, match=r"another one took over. Nothing of this commit is to"):
            store.commit([document("a", 2), remove("b")])
        expected = texts_of(document("a", 7), document("b", 1), document("c", 1))
        assert seen(other) == expected
        with contextlib.suppress(loopback.Refusal):
            late[0]()
        other._server.settle()
        assert seen(other) == expected
        other.commit([document("a", 3)])
        other.compact()
        assert seen(other) == texts_of(document("a", 3), document("b", 1), document("c", 1))

    def test_a_reader_whose_commit_is_collected_meanwhile_is_told(self) -> None:
        store = self.store_here()
        store.commit([document("a", 1)])
        other, usual, is_first = self.second(store), self.stores.service.answer, True

        def collected(request: Any) -> Any:
            nonlocal is_first
            if is_first and self.is_search(request):
                is_first = False
                other.commit([document("a", 2)])
                other.compact()
            return usual(request)

        self.stores.service.answer = collected
        with pytest.raises(StoreError, match=r"commit 1 is not kept any more.*the current commit is 2"):
            store.search(vector_of("x")[None], 5, Scope(commit=1))

    def is_search(self, request: Any) -> bool:
        """Whether a request searches by vector."""
        raise NotImplementedError


def _seen_at_head(store: Any) -> int:
    with store.hold() as commit:
        return len(store.search(vector_of("x")[None], 100, Scope(commit=commit))[0])


# --- writers that are killed ------------------------------------------------------------------------

_SCRIPT = """
import json, os, random, signal, sys
from pathlib import Path
from ragkit import failpoints, registry
from tests.connectors.imitated import SPEC, batches
from tests.crash.ledger import Notes
left = int(sys.argv[5])
def die(name):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
store = registry.load(sys.argv[1])(**json.loads(sys.argv[2])).open(SPEC)
notes = Notes(Path(sys.argv[3]))
failpoints.watch(die)
for changes in batches(random.Random(int(sys.argv[4])), 1000):
    notes.begun(changes)
    notes(done=store.commit(changes))
    store.compact()
"""
_N_PLACES = 18  # named places that one commit and one compaction pass


def batches(rng: random.Random, n: int) -> Iterator[list[Change]]:
    """Commits that write, replace, remove and quarantine."""
    made = {"p": lambda name: document(name, rng.randrange(1000)), "r": remove, "q": quarantine}
    for _ in range(n):
        names = rng.sample([f"d{i}" for i in range(8)], 3)
        yield [made[rng.choice("pppprq")](name) for name in names]


class KillChecks(Imitated):
    """A writer dies with SIGKILL in a commit or a compaction: nothing is lost or there twice."""

    use: ClassVar[str]

    def test_killed_at_any_place_it_holds_what_was_acknowledged(self, tmp_path: Path) -> None:
        rng, path = random.Random(20), tmp_path / "ledger"
        store = self.store()
        settings = json.dumps({**self.settings, **self.place(store)})
        for _ in range(scaled(40)):
            given = [
                self.use,
                settings,
                str(path),
                str(rng.randrange(10**6)),
                str(rng.randrange(1, 3 * _N_PLACES)),
            ]
            command = [sys.executable, "-c", _SCRIPT, *given]
            root = Path(__file__).parents[2]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=root, check=False)
            assert done.returncode == -signal.SIGKILL, done.stderr
            there: Any = matched(store, Ledger.read(path))
            # The dead writer holds nobody up, and the next commit settles what it left.
            store.commit([document("next", rng.randrange(1000))])
            store.compact()
            assert store.holdings().n_ended == 0
            assert store.verify() == []
            path.write_text("")
            _note_all(Notes(path), store)
            held = dict(Ledger.read(path).acknowledged)
            assert {**there, "next": held["next"]} == held

    def place(self, store: Any) -> dict[str, Any]:
        """The settings by which another process finds a store."""
        return {"url": store.config.url, "name": store.config.name}


def _note_all(notes: Notes, store: Any) -> None:
    """Notes the content of a store as commits."""
    changes: list[Change] = []
    for state in store.states():
        source = store.source("", state.document_id)
        if source is not None:
            lines = source.text.split("\n")
            changes.append(put(state.document_id, [(text, vector_of(text)) for text in lines]))
    for some in (changes, [quarantine(state.document_id) for state in store.quarantined()]):
        notes.begun(some)
        notes(done=0)


# --- tenants ----------------------------------------------------------------------------------------

GUARDED = spec_of(tenant="keyword!", acl=["keyword"])
TENANTS = ("acme", "Acme", "acme ", "acme\0", "*", "' OR 1=1 --", "globex", "гло\u200bбекс", "a,b", "a")
GROUPS = ("staff", "legal", "staff")


class TenantChecks(Imitated):
    """No question is answered from what its reader may not see, even where the server forgets its filters."""

    def forget(self, request: Any) -> None:
        """Takes the filter out of a search for chunks."""
        raise NotImplementedError

    def test_every_answer_is_the_readers_own(self) -> None:
        store = self.store_here(GUARDED)
        store.commit(
            put(f"d{i}", [(f"{t} {g} {i}", unit([1, i]))], tenant=t, acl=[g], metadata={"year": i})
            for t in TENANTS
            for i, g in enumerate(GROUPS)
        )
        everything = [hit for t in TENANTS for hit in _found(store, t, ("staff", "legal"))]
        assert len(set(everything)) == 3 * len(TENANTS)
        for forgets in (False, True):
            store.handed_over.change = self.forget if forgets else None
            for tenant in [*TENANTS[:: 1 if IS_FULL else 3], "nobody", ""]:
                self._check_reader(store, tenant, everything)

    def _check_reader(self, store: Any, tenant: str, everything: list[str]) -> None:
        for groups, wanted in ((("staff",), {0, 2}), (("legal",), {1}), (("Staff",), set()), ((), set())):
            scope = Scope(tenant, groups)
            expected = {f"{tenant} {g} {i}" for i, g in enumerate(GROUPS) if i in wanted}
            own = {text for text in texts(store, everything, scope) if text is not None}
            assert own == (expected if tenant in TENANTS else set())
            assert set(texts(store, _found(store, tenant, groups), scope)) == own
            (sparse,) = store.search_terms([["staff", "legal"]], 50, scope)
            assert set(texts(store, sparse.id_list(), scope)) == own
            assert np.count_nonzero(store.vectors(everything, scope).any(axis=1)) == len(own)
            (filtered,) = store.search(EAST[None], 50, Scope(tenant, groups, Eq("year", 2)))
            assert len(filtered) == (len(own) and int(2 in wanted))

    def test_no_call_of_many_leaks(self) -> None:
        """Half of them on a server that forgets its filters."""
        store = self.store_here(across_tenants.SPEC)

        def forgetful(rng: random.Random) -> None:
            store.handed_over.change = self.forget if rng.random() < 0.5 else None

        assert call_across_tenants(store, scaled(20_000, part=50), forgetful).answered > scaled(
            8_000, part=50
        )


def _found(store: Any, tenant: str, groups: tuple[str, ...]) -> list[str]:
    found: list[str] = store.search(EAST[None], 50, Scope(tenant, groups))[0].id_list()
    return found


# --- texts that are queries elsewhere ---------------------------------------------------------------

_SEEDS = (
    '"}},{"match_all":{}}', '"){Get{Ours{content}}}', '"}]}}){content}} #', "\\", "\\\\", '\\"', '"', "'",
    "\\u0022", "\\u0000", "\x00", "a\x00b", "\n", "\r\n", "\t", "{", "}", "${x}", "$in", '{"$exists":true}',
    "$or", "*", "?", "a,b", "a|b", "../../", "%2e%2e%2f", "?tenant=x", "&limit=0", "#", '"""', "…", "null",
    "true", "NaN", "0", "-1", "1e400", "é", "e\u0301", "😀" * 200, "\ufeff", "\uffff", "\U0010ffff",
    "' OR 1=1 --", "__default__", "_additional", "operator:Or", "valueText", "ctx._source", " ", "x" * 9000,
    "{{x}}", "<script>", "Привет", "ПРИВЕТ\u0301",
)  # fmt: skip
_FRAMES = ("{0}", "acme{0}", "x{0}y{0}", "'{0}", '"{0}')
PAYLOADS = tuple(
    dict.fromkeys(frame.replace("{0}", seed) for frame in _FRAMES for seed in (*_SEEDS, *STRANGERS))
)
_TOKEN = re.compile(r"[0-9a-f]{24,}|[0-9a-f]{8}-[0-9a-f-]{27}|\d+(\.\d+)?([eE][-+]?\d+)?")


def wanted(text: str) -> Filter:
    """A filter that has a text in each of its places."""
    return Or((
        Eq("lang", text), In("tags", (text, "other")), Contains("tags", text), Ne("lang", text),
        NotIn("tags", (text,)), Contains("note", text), Not(And((Eq("note", text), Exists("year")))),
    ))  # fmt: skip


def change(text: str) -> Change:
    """A document with a text wherever one is taken."""
    metadata = {"lang": text, "tags": [text], f"{text}\x01": text}
    made = put("d", [(f"{text} common", EAST)], tenant=text, metadata=metadata, acl=[text])
    assert made.document is not None
    return Change(
        replace(made.state, document_id=text, uri=text, origin=text, fingerprint=text),
        document=replace(made.document, id=text, uri=text),
        records=tuple(
            replace(
                record,
                chunk=replace(record.chunk, document_id=text, uri=text, headings=(text,)),
                terms=(text, "common word"),
            )
            for record in made.records
        ),
    )


class InjectionChecks(Imitated):
    """Texts that are queries or paths elsewhere: of a request only tokens and values change."""

    def shape(self, request: Any) -> Any:
        """A request without its values; see `shape_of`."""
        body = json.loads(request.body) if request.body else None
        return (request.method, _TOKEN.sub("#", request.path), sorted(request.parameters), shape_of(body))

    def test_requests_are_the_same_whatever_the_texts(self) -> None:
        store = self.store_here(GUARDED, **self.injected())
        self._use(store, "first")
        self._use(store, "plain")
        self.stores.server.log.clear()
        self._use(store, "usual")
        expected = self._shapes()
        for payload in PAYLOADS if IS_FULL else PAYLOADS[::20]:
            self._use(store, payload)
            assert self._shapes() == expected, payload
        assert store.verify() == []

    def injected(self) -> dict[str, Any]:
        """Settings of the store."""
        return {}

    def _shapes(self) -> list[str]:
        """What was sent since the last time, each kind of request once."""
        found = sorted({json.dumps(self.shape(request)) for request in self.stores.server.log})
        self.stores.server.log.clear()
        return found

    def _use(self, store: Any, text: str) -> None:
        """Writes, reads and removes with a text; it comes back as it went in."""
        made = change(text)
        store.commit([made, quarantine(f"{text} bad", tenant=text, stage=text, reason=text)])
        identity = made.records[0].chunk.id
        scope = Scope(text, (text,), wanted(text))
        assert store.search(EAST[None], 5, scope)[0].id_list() == [identity]
        assert store.search_terms([[text, "nowhere"]], 5, scope)[0].id_list() == [identity]
        assert store.fetch([identity, text], scope) == [made.records[0].chunk, None]
        state = store.state(text, text)
        assert (state.uri, state.origin, state.fingerprint) == (text, text, text)
        assert store.source(text, text) == made.document
        assert [s.document_id for s in store.at_uri(text, text)] == [text]
        store.commit([remove(text, tenant=text), remove(f"{text} bad", tenant=text)])
        assert list(store.states(text)) == []
        store.compact()


def shape_of(value: Any) -> Any:
    """Keys and kinds; of a query in words all but its tokens and numbers."""
    if isinstance(value, dict):
        return {_TOKEN.sub("#", key): shape_of(part) for key, part in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(shape_of(part)) for part in value})
    if isinstance(value, str) and value.startswith("{"):
        bare = re.sub(r'("#",?)+', '"#"', re.sub(r'"[0-9a-f]{24}"', '"#"', value))
        return (
            re.sub(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", "0", bare) if bare.startswith(("{Get", "{Agg")) else "str"
        )
    return type(value).__name__
