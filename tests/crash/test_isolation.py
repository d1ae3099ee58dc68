"""No call, however made, shows one tenant or group what belongs to another.

Ten tenants, whose names a careless store would mix up, hold documents with marks in the text, the id, the
uri, the metadata (keys too) and the headings. Each call ends in the caller's own data or in a typed error,
and nothing that comes back (results, errors and their causes, states) has a mark that is neither the
caller's own nor was in the call itself.
"""

from __future__ import annotations

import random
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit.arrays import HitBatch
from ragkit.errors import DocumentError, FilterError, QueryError, RagkitError, StoreError, TenantError
from ragkit.fields import parse_fields
from ragkit.protocols import Change, DocumentState, Scope, TextKind, Vectors
from ragkit.store.collection import StoreCollection
from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put, remove, unit
from ragkit.types import Chunk, Document, QueryPlan
from tests.hostile import (
    GROUPS,
    MALFORMED,
    MALFORMED_ACLS,
    STRANGE_ACLS,
    STRANGERS,
    TENANTS,
    WIDENING,
    malformed_filters,
)
from tests.scale import scaled

SEED = 20
N_CALLS = scaled(100_000)
FIELDS = parse_fields({"tenant": "keyword!", "acl": ["keyword"], "lang": "keyword", "note": "text"})
WORDS = ("vault", "door", "code", "warranty", "red", "blue")
MARK = re.compile(r"qz(\d)x(\d)x[a-z]+qz", re.IGNORECASE)
TYPED = (TenantError, FilterError, QueryError, StoreError, DocumentError)


def mark(tenant: int, group: int, kind: str) -> str:
    return f"qz{tenant}x{group}x{kind}qz"


@dataclass(frozen=True)
class Caller:
    """Who calls: any values. `owns` says which marks are then the caller's."""

    tenant: Any
    acl: Any

    @property
    def has_malformed_acl(self) -> bool:
        return any(self.acl is acl for acl in MALFORMED_ACLS)

    @property
    def groups(self) -> set[str]:
        return set() if self.acl is None or self.has_malformed_acl else set(self.acl)

    def owns(self, tenant: int, group: int, *, groups_count: bool = True) -> bool:
        if not isinstance(self.tenant, str) or TENANTS[tenant] != self.tenant:
            return False
        return not groups_count or GROUPS[group] in self.groups


def _is_name(tenant: object) -> bool:
    return isinstance(tenant, str) and (tenant in TENANTS or tenant in STRANGERS)


class Compass:
    name, fingerprint, dimension, max_tokens = "compass", "compass-1", 2, 64
    languages: frozenset[str] = frozenset()

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        return np.stack([unit(random.Random(text).choices((-1, 0, 0.5, 1), k=2)) for text in texts])


class Words:
    fingerprint = "words"

    def terms(self, text: str) -> list[str]:
        return text.split()


class CountingStore(LocalStore):
    """The embedded store; `calls` counts whatever a collection asks of it."""

    calls = 0

    def head(self) -> int:
        self.calls += 1
        return super().head()

    @contextmanager
    def hold(self) -> Iterator[int]:
        self.calls += 1
        with super().hold() as commit:
            yield commit

    def search(self, vectors: Vectors, k: int, scope: Scope) -> list[HitBatch]:
        self.calls += 1
        return super().search(vectors, k, scope)

    def search_terms(self, queries: Sequence[Sequence[str]], k: int, scope: Scope) -> list[HitBatch]:
        self.calls += 1
        return super().search_terms(queries, k, scope)

    def fetch(self, ids: Sequence[str], scope: Scope) -> list[Chunk | None]:
        self.calls += 1
        return super().fetch(ids, scope)

    def vectors(self, ids: Sequence[str], scope: Scope) -> Vectors:
        self.calls += 1
        return super().vectors(ids, scope)

    def commit(self, changes: Iterable[Change]) -> int:
        self.calls += 1
        return super().commit(changes)

    def state(self, tenant: str, document_id: str) -> DocumentState | None:
        self.calls += 1
        return super().state(tenant, document_id)

    def states(self, tenant: str | None = None) -> Iterator[DocumentState]:
        self.calls += 1
        return super().states(tenant)

    def source(self, tenant: str, document_id: str, commit: int | None = None) -> Document | None:
        self.calls += 1
        return super().source(tenant, document_id, commit)


def secret(tenant: int, group: int, document_id: str) -> Change:
    """A document with marks wherever a document holds anything."""

    def own(kind: str) -> str:
        return mark(tenant, group, kind)

    rng = random.Random(f"{tenant} {group} {document_id}")
    passages = [
        (f"{' '.join(rng.choices(WORDS, k=4))} {own('text')} {n}", unit(rng.choices((-1, 0, 0.5, 1), k=2)))
        for n in range(2)
    ]
    change = put(
        document_id,
        passages,
        tenant=TENANTS[tenant],
        metadata={"lang": "en", "note": own("meta"), own("key"): own("value")},
        acl=[GROUPS[group]],
    )
    assert change.document is not None
    uri = f"test://{own('uri')}"
    records = tuple(
        replace(r, chunk=replace(r.chunk, uri=uri, headings=(own("heading"),))) for r in change.records
    )
    return Change(replace(change.state, uri=uri), document=replace(change.document, uri=uri), records=records)


def secrets(tenant: int) -> list[Change]:
    """Two documents of each group: one whose id has a mark, and one whose id all tenants use."""
    return [
        secret(tenant, group, name)
        for group in range(len(GROUPS))
        for name in (mark(tenant, group, "id"), f"shared-{group}")
    ]


def opened(path: Path, changes: Sequence[Change]) -> StoreCollection:
    spec = StoreSpec("compass", embedder_fingerprint="compass-1", dimension=2, fields=FIELDS)
    store = CountingStore(path=path).open(spec)
    collection = StoreCollection(store, embedder=Compass(), analyzer=Words(), fields=FIELDS)
    collection.commit(changes)
    return collection


@dataclass
class Attack:
    """A collection under random calls, and what each tenant's documents must still be at the end."""

    collection: StoreCollection
    rng: random.Random
    texts: dict[tuple[str, str], str | None] = field(default_factory=dict)
    owners: dict[str, set[tuple[str, tuple[str, ...]]]] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    # Marks that a tenant has written itself, as the id of a document of its own.
    written: dict[str, set[tuple[str, str]]] = field(default_factory=dict)

    def note(self, changes: Iterable[Change]) -> None:
        """Takes in what was committed."""
        for change in changes:
            key = (change.state.tenant, change.state.document_id)
            self.texts[key] = None if change.document is None else change.document.text
            for record in change.records:
                self.owners.setdefault(record.chunk.id, set()).add((key[0], record.chunk.acl))

    # --- what is sent -----------------------------------------------------------------------------

    def caller(self) -> Caller:
        rng = self.rng
        tenant = rng.choice((rng.choice(TENANTS), rng.choice(TENANTS), rng.choice((*MALFORMED, *STRANGERS))))
        own = rng.sample(GROUPS, rng.randrange(1, 4))
        return Caller(tenant, rng.choice((own, own, rng.choice((*MALFORMED_ACLS, *STRANGE_ACLS)))))

    def filter(self) -> Any:
        rng = self.rng
        wrong = malformed_filters(rng.choice(TENANTS), rng.choice(GROUPS))
        return rng.choice((None, None, {"lang": "en"}, rng.choice(WIDENING), rng.choice(wrong)))

    def question(self) -> str:
        rng = self.rng
        foreign = mark(rng.randrange(10), rng.randrange(3), "text")
        return " ".join([*rng.choices(WORDS, k=2), *rng.choice(((), (foreign,)))])

    def name(self) -> str:
        rng = self.rng
        tenant, group = rng.randrange(10), rng.randrange(3)
        own = mark(tenant, group, "id")
        return rng.choice(
            (
                own,
                f"shared-{group}",
                f"test://{mark(tenant, group, 'uri')}",
                own.upper(),
                f"{own}\x00",
                "",
                "%",
            )
        )

    def chunk_ids(self) -> list[str]:
        ids = self.rng.choices(list(self.owners), k=6)
        return [*ids, ids[0].upper(), f" {ids[1]}", "", "%", "f" * 32, "é" * 32]

    def change(self, tenant: Any) -> Change:
        """A write for `tenant`: on another's document id, with another's chunk id, as another's chunk."""
        rng = self.rng
        name, group = rng.choice(("shared-0", "shared-1", "mine", self.name())), rng.choice(GROUPS)
        if rng.random() < 0.3:
            change = remove(name)
            return replace(change, state=replace(change.state, tenant=tenant))
        made = put(name, [(f"intruder {rng.random()}", unit([1, 0]))], metadata={"lang": "en"}, acl=[group])
        owner = rng.choice((tenant, tenant, tenant, rng.choice(TENANTS)))
        forged = rng.choice(
            (made.records[0].chunk.id, made.records[0].chunk.id, rng.choice(list(self.owners)))
        )
        records = tuple(replace(r, chunk=replace(r.chunk, tenant=owner, id=forged)) for r in made.records)
        return replace(made, state=replace(made.state, tenant=tenant), records=records)

    # --- what is called ---------------------------------------------------------------------------

    def read(self, caller: Caller) -> tuple[Callable[[], object], object]:
        """A read through a plan, made by the collection or by hand, and what was sent."""
        rng, collection = self.rng, self.collection
        question, wanted, ids = self.question(), self.filter(), self.chunk_ids()
        k = rng.choice((1, 5, 1000))
        by_hand = rng.random() < 0.4

        def plan() -> QueryPlan:
            if by_hand:
                # What a stage that goes its own way would hand on.
                return replace(QueryPlan.of(question), tenant=caller.tenant, acl=caller.acl, filter=wanted)
            return collection.plan(question, tenant=caller.tenant, acl=caller.acl, filter=wanted)

        def all_of_it() -> object:
            own = plan()
            found = collection.bm25([question], k, own)[0]
            chunks = [c for c in collection.fetch(found.id_list(), own) if c is not None]
            return found, chunks, [collection.sentences(c) for c in chunks]

        reads: tuple[Callable[[], object], ...] = (
            lambda: collection.dense([question], k, plan()),
            lambda: collection.bm25([question], k, plan()),
            lambda: collection.fetch(ids, plan()),
            lambda: self.owned(ids, collection.vectors(ids, plan())),
            lambda: collection.term_weights(question.split(), plan()),
            lambda: collection.plan(question, tenant=caller.tenant, acl=caller.acl, filter=wanted),
            all_of_it,
        )
        return rng.choice(reads), (question, ids, "" if wanted is None else _text(wanted))

    def owned(self, ids: Sequence[str], vectors: Vectors) -> list[str]:
        """The ids whose vectors were given: those must be the caller's own."""
        return [i for i, vector in zip(ids, vectors, strict=True) if vector.any()]

    def look_up(self, caller: Caller) -> tuple[Callable[[], object], object]:
        """A look-up by name, and what was sent."""
        name, tenant, acl = self.name(), caller.tenant, caller.acl
        call: Callable[[], object] = lambda: self.collection.source(name, tenant=tenant, acl=acl)  # noqa: E731
        return call, name

    def administer(self, caller: Caller) -> tuple[Callable[[], object], object]:
        """What is asked about a tenant's documents, whoever in it may read them, and what was sent."""
        name, tenant, collection = self.name(), caller.tenant, self.collection
        calls: tuple[Callable[[], object], ...] = (
            lambda: collection.state(name, tenant=tenant),
            lambda: list(collection.states_of(tenant)),
            lambda: collection.admit(Document("mine", "x", acl=caller.acl), tenant=tenant),
        )
        return self.rng.choice(calls), name

    # --- what comes back --------------------------------------------------------------------------

    def check(self, caller: Caller, sent: object, back: object, *, groups_count: bool = True) -> None:
        """No mark and no chunk that is neither the caller's own nor was sent."""
        known = set(MARK.findall(_text(sent)))
        if isinstance(caller.tenant, str):
            known |= self.written.get(caller.tenant, set())
        for found in MARK.finditer(_text(back)):
            tenant, group = found.groups()
            is_own = caller.owns(int(tenant), int(group), groups_count=groups_count)
            assert is_own or (tenant, group) in known, (
                f"{found.group()} shown to {_text(caller)} by {_text(sent)}"
            )
        for chunk_id in _chunk_ids(back):
            owners = self.owners[chunk_id]
            assert any(t == caller.tenant and set(acl) & caller.groups for t, acl in owners), chunk_id

    def call(
        self, caller: Caller, call: Callable[[], object], sent: object, *, groups_count: bool = True
    ) -> None:
        """Makes a call and judges its end."""
        store = self.collection.store
        assert isinstance(store, CountingStore)
        before = store.calls
        try:
            back = call()
        except TYPED as e:
            outcome = type(e).__name__
            is_early = store.calls == before or not isinstance(e, TenantError | FilterError)
            assert is_early, f"{e!r} came after a call of the store"  # noqa: PT017  (most calls raise nothing)
            self.check(
                caller,
                sent,
                "".join(traceback.format_exception(e)) + repr(e.__dict__),
                groups_count=groups_count,
            )
        else:
            outcome = "own data"
            assert _is_name(caller.tenant), f"answered {_text(caller)}"
            assert not (groups_count and caller.has_malformed_acl), f"answered {_text(caller)}"
            self.check(caller, sent, back, groups_count=groups_count)
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    def write(self, caller: Caller) -> None:
        """A commit for the caller, alone or behind one that is in order."""
        change = self.change(caller.tenant)
        good = put("ours", [("intruder", unit([1, 0]))], tenant="globex", acl=["staff"])
        changes = [good, change] if self.rng.random() < 0.2 and caller.tenant != "globex" else [change]

        def commit() -> object:
            number = self.collection.commit(changes)
            assert _is_name(caller.tenant), f"written for {_text(caller)}"
            self.note(changes)
            marks = MARK.findall(change.state.document_id)
            self.written.setdefault(caller.tenant, set()).update(marks)
            return number

        sent = [change.state.document_id, *[record.chunk.id for record in change.records]]
        self.call(caller, commit, sent, groups_count=False)


def _text(value: object) -> str:
    try:
        return value if isinstance(value, str) else repr(value)
    except Exception:
        return f"a {type(value).__name__} that cannot be written out"


def _chunk_ids(back: object) -> Iterator[str]:
    if isinstance(back, HitBatch):
        yield from back.id_list()
    elif isinstance(back, Chunk):
        yield back.id
    elif isinstance(back, list | tuple):
        for part in back:
            yield from _chunk_ids(part)


@pytest.fixture
def attack(tmp_path: Path) -> Iterator[Attack]:
    changes = [change for tenant in range(len(TENANTS)) for change in secrets(tenant)]
    collection = opened(tmp_path / "index", changes)
    under_attack = Attack(collection, random.Random(SEED))
    under_attack.note(changes)
    yield under_attack
    collection.close()


def test_no_call_shows_what_belongs_to_another(attack: Attack) -> None:
    print(f"seed {SEED}: {N_CALLS} calls")
    for _ in range(N_CALLS):
        caller, luck = attack.caller(), attack.rng.random()
        if luck < 0.8:
            attack.call(caller, *attack.read(caller))
        elif luck < 0.9:
            attack.call(caller, *attack.look_up(caller))
        elif luck < 0.98:
            attack.call(caller, *attack.administer(caller), groups_count=False)
        else:
            attack.write(caller)
    print(attack.outcomes)
    assert attack.outcomes["own data"] > N_CALLS // 10
    assert attack.outcomes["TenantError"] > N_CALLS // 10
    assert attack.outcomes["FilterError"] > N_CALLS // 20
    for (tenant, document_id), text in attack.texts.items():
        if text is None:
            with pytest.raises(QueryError):
                attack.collection.source(document_id, tenant=tenant, acl=GROUPS)
        else:
            assert attack.collection.source(document_id, tenant=tenant, acl=GROUPS).text == text


@pytest.mark.parametrize("number", range(len(TENANTS)))
def test_other_tenants_change_no_score_and_no_weight(attack: Attack, tmp_path: Path, number: int) -> None:
    alone = opened(tmp_path / "alone", secrets(number))
    rng, crowded = random.Random(SEED + number), attack.collection
    for _ in range(scaled(400)):
        question = attack.question()
        acl = rng.sample(GROUPS, rng.randrange(1, 4))
        plans = [c.plan(question, tenant=TENANTS[number], acl=acl) for c in (alone, crowded)]
        terms = question.split()
        weights = [c.term_weights(terms, p) for c, p in zip((alone, crowded), plans, strict=True)]
        assert weights[0] == weights[1]
        for arm in ("dense", "bm25"):
            ours, theirs = (
                getattr(c, arm)([question], 50, p)[0] for c, p in zip((alone, crowded), plans, strict=True)
            )
            assert ours.id_list() == theirs.id_list()
            np.testing.assert_array_equal(ours.scores, theirs.scores)
        other = TENANTS[(number + rng.randrange(1, 10)) % 10]
        if rng.random() < 0.1:
            crowded.commit([put("more", [(question, unit([1, 0]))], tenant=other, acl=["staff"])])
        crowded.term_weights(terms, crowded.plan(question, tenant=other, acl=acl))
    alone.close()


@pytest.mark.parametrize("tenant", MALFORMED, ids=range(len(MALFORMED)))
def test_every_malformed_tenant_is_refused_by_every_call_before_any_io(attack: Attack, tenant: Any) -> None:
    collection, store = attack.collection, attack.collection.store
    assert isinstance(store, CountingStore)
    plan = replace(QueryPlan.of("vault"), tenant=tenant, acl=GROUPS)
    state = replace(secret(0, 0, "x").state, tenant=tenant)
    calls: list[Callable[[], object]] = [
        lambda: collection.plan("vault", tenant=tenant, acl=GROUPS),
        lambda: collection.dense(["vault"], 5, plan),
        lambda: collection.bm25(["vault"], 5, plan),
        lambda: collection.fetch(list(attack.owners), plan),
        lambda: collection.vectors(list(attack.owners), plan),
        lambda: collection.term_weights(["vault"], plan),
        lambda: collection.source("shared-0", tenant=tenant, acl=GROUPS),
        lambda: collection.state("shared-0", tenant=tenant),
        lambda: collection.states_of(tenant),
        lambda: collection.admit(Document("a", "x", acl=("staff",)), tenant=tenant),
        lambda: collection.commit([replace(secret(0, 0, "x"), state=state)]),
        lambda: collection.commit([Change(state)]),
    ]
    before = store.calls
    for call in calls:
        with pytest.raises(TenantError):
            call()
    assert store.calls == before


SCOPES = [
    *(Scope(tenant, ("staff",)) for tenant in MALFORMED if tenant != "x" * 10_000),
    *(Scope("acme", acl) for acl in MALFORMED_ACLS),
    Scope("acme", "staff"),  # type: ignore[arg-type]
    Scope("acme", ("staff",), {"lang": "en"}),  # type: ignore[arg-type]
    Scope("acme", ("staff",), "en"),  # type: ignore[arg-type]
    Scope("acme", ("staff",), None, "1"),  # type: ignore[arg-type]
    Scope("acme", ("staff",), None, -1),
    Scope("acme", ("staff",), None, 10**30),
    Scope(None, ("staff",)),
    Scope("acme", None),
]


@pytest.mark.parametrize("scope", SCOPES, ids=range(len(SCOPES)))
def test_a_malformed_scope_shows_nothing_of_the_store_beneath(attack: Attack, scope: Scope) -> None:
    store, ids = attack.collection.store, list(attack.owners)
    assert isinstance(store, CountingStore)
    reads: list[Callable[[], object]] = [
        lambda: store.search(unit([1, 0])[None], 50, scope),
        lambda: store.search_terms([["vault"]], 50, scope),
        lambda: [c for c in store.fetch(ids, scope) if c is not None],
        lambda: attack.owned(ids, store.vectors(ids, scope)),
    ]
    for read in reads:
        try:
            back = read()
        except RagkitError as e:
            back = str(e)
        assert list(_chunk_ids(back)) == []
        assert MARK.search(_text(back)) is None
        assert back in ([], "") or isinstance(back, str) or len(back[0]) == 0  # type: ignore[index]


def test_a_forged_chunk_id_shows_nothing_of_the_chunk_whose_id_it_is(attack: Attack) -> None:
    collection = attack.collection
    (theirs, *_) = secret(0, 0, mark(0, 0, "id")).records
    victim = collection.plan("?", tenant=TENANTS[0], acl=GROUPS)
    for chunk in collection.fetch([theirs.chunk.id], victim):
        assert chunk is not None
        assert MARK.search(_text(collection.sentences(chunk)))
    mine = put("mine", [("intruder", unit([1, 0]))], tenant=TENANTS[1], acl=["staff"])
    forged = tuple(replace(r, chunk=replace(r.chunk, id=theirs.chunk.id)) for r in mine.records)
    collection.commit([replace(mine, records=forged)])
    (found,) = collection.fetch([theirs.chunk.id], collection.plan("?", tenant=TENANTS[1], acl=GROUPS))
    assert found is not None
    assert [sentence.text for sentence in collection.sentences(found)] == ["intruder"]
