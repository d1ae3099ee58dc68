from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit.errors import ConfigError, ModelError, StoreError, TenantError
from ragkit.fields import FieldSpec, FieldType
from ragkit.ingest.chunk.recursive import RecursiveChunker
from ragkit.ingest.pipeline import Ingestor
from ragkit.ingest.report import IngestReport
from ragkit.protocols import Change, TextKind, Vectors
from ragkit.store.collection import StoreCollection
from ragkit.store_spec import StoreSpec
from ragkit.testing.oracle import OracleStore
from ragkit.text.analyze import Analyzer
from ragkit.types import Document, Section, Span
from tests.hostile import DEEP

DIMENSION = 4


class HashEmbedder:
    """Vectors from a hash of the text; refuses texts with the word it is told to."""

    name = "hash"
    dimension = DIMENSION
    max_tokens = 1_000
    languages: frozenset[str] = frozenset()

    def __init__(self, *, fingerprint: str = "hash/1", refuses: str | None = None) -> None:
        self.fingerprint = fingerprint
        self.refuses = refuses
        self.batches: list[int] = []

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        if self.refuses is not None and any(self.refuses in text for text in texts):
            raise ModelError("NaN")
        self.batches.append(len(texts))
        rows = [np.frombuffer(hashlib.sha256(t.encode()).digest()[:DIMENSION], np.uint8) for t in texts]
        vectors = np.array(rows, np.float32).reshape(len(texts), DIMENSION) + 1
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


class CountingStore(OracleStore):
    """Counts its commits, and fails at the one it is told to."""

    commits = 0
    fails_at = 0

    def commit(self, changes: Iterable[Change]) -> int:
        self.commits += 1
        if self.commits == self.fails_at:
            raise StoreError("disk full")
        return super().commit(changes)


class Bench:
    """A collection over the oracle store, a folder, and a way to ingest one into the other."""

    def __init__(self, folder: Path, **declared: FieldSpec) -> None:
        self.folder = folder
        self.embedder = HashEmbedder()
        self.store = CountingStore(
            StoreSpec("hash", embedder_fingerprint="hash/1", dimension=DIMENSION, fields=declared)
        )
        self.collection = self._collection(declared)
        self.declared = declared

    def _collection(self, declared: dict[str, FieldSpec]) -> StoreCollection:
        return StoreCollection(self.store, embedder=self.embedder, analyzer=Analyzer(), fields=declared)

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / f"{name}.md").write_text(text)

    def ingest(self, sources: Any = None, *, size: int = 350, **options: Any) -> IngestReport:
        chunker = RecursiveChunker(size=size, overlap=0)
        report = Ingestor(self.collection, chunker).run(
            self.folder if sources is None else sources, **options
        )
        assert report.seen == report.committed + report.unchanged + report.quarantined + report.rejected
        assert report.seen - report.committed - report.unchanged + report.deleted == len(report.documents)
        return report

    def texts(self, tenant: str = "") -> dict[str, str]:
        states = self.store.states(tenant)
        sources = {s.document_id: self.store.source(tenant, s.document_id) for s in states}
        return {key: document.text for key, document in sources.items() if document is not None}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_folder_is_committed_and_its_chunks_can_be_found(bench: Bench) -> None:
    bench.write(a="# Lamps\n\nThe lamp burns.", b="# Oil\n\nBuy oil.")
    report = bench.ingest()
    assert (report.seen, report.committed, report.chunks, report.embedded_chunks) == (2, 2, 2, 2)
    plan = bench.collection.plan("oil")
    (hits,) = bench.collection.bm25(["oil"], 5, plan)
    (chunk,) = bench.collection.fetch(hits.id_list(), plan)
    assert chunk is not None
    source = bench.collection.source(chunk.document_id)
    assert source.text[chunk.span.start : chunk.span.end] == chunk.text == "Oil\n\nBuy oil."


def test_the_same_again_embeds_nothing_and_writes_nothing(bench: Bench) -> None:
    bench.write(a="one", b="two", broken="x")
    (bench.folder / "broken.md").write_bytes(b"caf\xff\x81")
    bench.ingest()
    commits, batches = bench.store.commits, len(bench.embedder.batches)
    report = bench.ingest()
    assert (report.unchanged, report.committed, report.quarantined, report.embedded_chunks) == (2, 0, 1, 0)
    assert (bench.store.commits, len(bench.embedder.batches)) == (commits, batches)


def test_only_what_changed_is_embedded(bench: Bench) -> None:
    bench.write(a="one", b="two")
    bench.ingest()
    bench.write(b="two and more")
    report = bench.ingest()
    assert (report.unchanged, report.committed, report.embedded_chunks) == (1, 1, 1)
    assert bench.texts() == {"a.md": "one", "b.md": "two and more"}


def test_another_chunk_size_makes_everything_anew(bench: Bench) -> None:
    bench.write(a="The lamp burns. " * 20)
    bench.ingest()
    assert bench.ingest(size=20).committed == 1
    assert bench.ingest(size=20).unchanged == 1


def test_other_access_groups_or_metadata_are_a_change(tmp_path: Path) -> None:
    bench = Bench(tmp_path, acl=FieldSpec("acl", many=True))
    bench.write(a="one")
    bench.ingest(acl=["staff"])
    assert bench.ingest(acl=["staff"]).unchanged == 1
    assert bench.ingest(acl=["boss"]).committed == 1
    assert bench.ingest(acl=["boss"], metadata={"team": "x"}).committed == 1


def test_a_poison_document_is_quarantined_and_the_next_goes_on(bench: Bench) -> None:
    bench.write(a="one", c="three")
    (bench.folder / "b.md").write_bytes(b"caf\xff\x81 au lait")
    (bench.folder / "d.bin").write_bytes(b"\x00\x01")
    (bench.folder / "e.md").write_text("  ")
    report = bench.ingest()
    assert (report.committed, report.quarantined, report.rejected) == (2, 1, 2)
    assert [(Path(d.uri).name, d.state, d.stage) for d in report.documents] == [
        ("b.md", "quarantined", "load"),
        ("d.bin", "rejected", "load"),
        ("e.md", "rejected", "parse"),
    ]
    state = bench.collection.state("b.md")
    assert state is not None
    assert (state.state, state.stage) == ("quarantined", "load")
    assert "not valid UTF-8 at byte 3" in (state.reason or "")
    assert bench.collection.state("d.bin") is None


def test_a_document_that_turns_bad_keeps_its_last_good_content(bench: Bench) -> None:
    bench.write(a="one")
    bench.ingest()
    (bench.folder / "a.md").write_bytes(b"caf\xff\x81")
    assert bench.ingest().quarantined == 1
    assert bench.texts() == {"a.md": "one"}


def test_a_mended_document_leaves_quarantine(bench: Bench) -> None:
    (bench.folder / "a.md").write_bytes(b"caf\xff\x81")
    bench.ingest()
    bench.write(a="café")
    assert bench.ingest().committed == 1
    state = bench.collection.state("a.md")
    assert state is not None
    assert (state.state, state.reason) == ("committed", None)


def test_only_the_document_that_the_model_refuses_is_quarantined(bench: Bench) -> None:
    bench.embedder.refuses = "poison"
    bench.write(a="one", b="poison", c="three")
    report = bench.ingest()
    assert (report.committed, report.quarantined, report.embedded_chunks) == (2, 1, 2)
    (outcome,) = report.documents
    assert (outcome.stage, outcome.reason) == (
        "embed",
        "hash cannot embed it (ModelError: NaN). Check the text, or leave it out",
    )


def test_a_model_that_cannot_embed_at_all_ends_the_run(bench: Bench) -> None:
    bench.embedder.refuses = ""
    bench.write(a="one", b="two")
    with pytest.raises(ModelError, match="NaN"):
        bench.ingest()
    assert bench.store.counts().quarantined == 0


def test_vectors_that_are_no_unit_vectors_never_reach_the_store(bench: Bench, monkeypatch: Any) -> None:
    monkeypatch.setattr(
        bench.embedder, "embed", lambda texts, kind: np.zeros((len(texts), DIMENSION), np.float32)
    )
    bench.write(a="one")
    with pytest.raises(ModelError, match="hash gave vectors that are not of unit length, or NaN"):
        bench.ingest()
    assert bench.store.commits == 0


def test_a_chunker_that_fails_quarantines_the_document(bench: Bench) -> None:
    class Failing(RecursiveChunker):
        def split(self, document: Document) -> Any:
            raise ValueError("no way")

        def measured_by(self, embedder: Any) -> RecursiveChunker:
            return self

    bench.write(a="one")
    report = Ingestor(bench.collection, Failing()).run(bench.folder)
    assert [(d.stage, d.reason) for d in report.documents] == [
        ("chunk", "the chunker failed (ValueError: no way)")
    ]


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragkit.ingest.run.MAX_DOCUMENTS", 64)


@pytest.mark.usefixtures("small_batches")
def test_a_run_that_was_stopped_is_finished_by_the_next(bench: Bench) -> None:
    documents = [Document(f"d{i:03}", f"text of document {i}") for i in range(200)]
    bench.store.fails_at = 2
    with pytest.raises(StoreError, match="disk full"):
        bench.ingest(documents)
    done = len(bench.texts())
    report = bench.ingest(documents)
    assert 0 < done < 200
    assert (report.unchanged, report.committed) == (done, 200 - done)
    assert bench.texts() == {d.id: d.text for d in documents}


@pytest.mark.usefixtures("small_batches")
def test_what_progress_raises_ends_the_run_and_leaves_whole_documents(bench: Bench) -> None:
    def cancel(done: int, total: int | None, what: str) -> None:
        if done >= 64:
            raise KeyboardInterrupt

    documents = [Document(f"d{i:03}", f"text of document {i}") for i in range(200)]
    with pytest.raises(KeyboardInterrupt):
        bench.ingest(documents, progress=cancel)
    assert set(bench.texts()) == {f"d{i:03}" for i in range(64)}


def test_documents_of_one_batch_are_one_commit(bench: Bench) -> None:
    bench.ingest([Document(f"d{i}", f"text {i}") for i in range(50)])
    assert (bench.store.commits, bench.embedder.batches) == (1, [50])


def test_a_document_longer_than_a_batch_is_one_commit(bench: Bench) -> None:
    report = bench.ingest([Document("a", "The lamp burns for long. " * 9_000)], size=20)
    assert (report.committed, bench.store.commits) == (1, 1)
    assert report.chunks == report.embedded_chunks > 2_000


def test_documents_made_in_code_keep_their_own_fields(tmp_path: Path) -> None:
    bench = Bench(tmp_path, acl=FieldSpec("acl", many=True), year=FieldSpec("year", type=FieldType.INTEGER))
    bench.ingest(Document("a", "one", metadata={"year": 2026}, uri="db://a", acl=("staff",)))
    document = bench.collection.source("a", acl=["staff"])
    assert (dict(document.metadata), document.uri, document.acl) == ({"year": 2026}, "db://a", ("staff",))


def test_the_same_document_twice_in_a_run_is_one(bench: Bench) -> None:
    report = bench.ingest([Document("a", "one"), Document("a", "one")])
    assert (report.seen, report.committed, report.unchanged) == (2, 1, 1)


def test_two_documents_of_one_id_are_not_silently_one(bench: Bench) -> None:
    report = bench.ingest([Document("a", "one", uri="x"), Document("a", "two", uri="y")])
    assert (report.committed, report.rejected) == (1, 1)
    assert "its id 'a' was used in the same run by document 1. Give" in (report.documents[0].reason or "")
    assert bench.texts() == {"a": "one"}


def test_replacing_the_file_of_another_folder_is_said(bench: Bench, tmp_path: Path) -> None:
    for name in ("v1", "v2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.md").write_text(f"text of {name}")
    assert bench.ingest(tmp_path / "v1").notes == ()
    (note,) = bench.ingest(tmp_path / "v2").notes
    assert (
        "1 documents replaced ones of the same id that came from elsewhere (first: v2/a.md replaced v1/a.md)"
        in note
    )
    assert bench.texts() == {"a.md": "text of v2"}


def test_a_field_that_does_not_fit_is_quarantined(tmp_path: Path) -> None:
    bench = Bench(tmp_path, year=FieldSpec("year", type=FieldType.INTEGER))
    bench.write(a="---\nyear: soon\n---\nText", b="---\nyear: 2026\n---\nText")
    report = bench.ingest()
    assert (report.committed, report.quarantined) == (1, 1)
    assert report.documents[0].stage == "write"
    assert "metadata.year: 'soon'" in (report.documents[0].reason or "")


def test_front_matter_is_fitted_to_declared_fields(tmp_path: Path) -> None:
    bench = Bench(tmp_path, version=FieldSpec("version"), tags=FieldSpec("tags", many=True))
    bench.write(a="---\nversion: 3.1\ntags: oil\n---\nText")
    bench.ingest()
    metadata = bench.collection.source("a.md").metadata
    assert (metadata["version"], list(metadata["tags"])) == ("3.1", ["oil"])  # type: ignore[arg-type]


def test_a_file_cannot_say_whose_it_is_or_who_may_read_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tenant=FieldSpec("tenant", required=True), acl=FieldSpec("acl", many=True))
    bench.write(a="---\ntenant: other\nacl: [everyone]\n---\nText")
    bench.ingest(tenant="acme", acl=["staff"])
    document = bench.collection.source("a.md", tenant="acme", acl=["staff"])
    assert document.acl == ("staff",)
    assert {"tenant", "acl"}.isdisjoint(document.metadata)


def test_tenants_do_not_see_or_replace_each_other(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tenant=FieldSpec("tenant", required=True))
    bench.write(a="one")
    assert bench.ingest(tenant="acme").committed == 1
    assert bench.ingest(tenant="other").committed == 1
    bench.write(a="two")
    bench.ingest(tenant="other")
    assert (bench.texts("acme"), bench.texts("other")) == ({"a.md": "one"}, {"a.md": "two"})


def test_a_missing_tenant_is_refused_before_any_file_is_read(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tenant=FieldSpec("tenant", required=True))
    with pytest.raises(TenantError, match="tenant"):
        bench.ingest(tmp_path / "missing")


def test_a_missing_path_is_an_error(bench: Bench) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        bench.ingest([bench.folder / "nothing.md"])


def test_progress_ends_at_the_total(bench: Bench) -> None:
    bench.write(a="one", b="two", c=" ")
    calls: list[tuple[int, int | None]] = []
    bench.ingest(progress=lambda done, total, what: calls.append((done, total)))
    assert calls[-1] == (3, 3)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_the_report_as_json_has_the_promised_keys(bench: Bench) -> None:
    (bench.folder / "a.md").write_bytes(b"")
    json = bench.ingest().as_json()
    assert set(json) >= {
        *("seen", "committed", "unchanged", "quarantined", "rejected", "deleted"),
        *("chunks", "embedded_chunks", "seconds", "documents"),
    }
    assert set(json["documents"][0]) == {"uri", "state", "stage", "reason"}
    assert json["documents"][0]["reason"].startswith("the file is empty")


BAD: dict[str, Any] = {"k": object()}


@pytest.mark.parametrize(
    ("documents", "states"),
    [
        ((Document("a", "good"), Document("a", "bad", metadata=BAD)), ["committed"]),
        ((Document("a", "bad", metadata=BAD), Document("a", "good")), ["quarantined"]),
        ((Document("a", "bad", metadata=BAD), Document("a", "worse", metadata=BAD)), ["quarantined"]),
    ],
)
def test_the_first_document_of_an_id_decides_whatever_fails(
    bench: Bench, documents: tuple[Document, ...], states: list[str]
) -> None:
    for _ in range(2):
        report = Ingestor(bench.collection).run([*documents, Document("b", "other")])
        assert report.seen == 3
        assert [s.state for s in bench.collection.states()] == [*states, "committed"]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (Document("a", "x", metadata={"n": 10**5000}), "a number of thousands of digits"),
        (Document("a", "x", metadata={"\ud800": 1}), "metadata.'.ud800'"),
        (
            Document("a", "x", sections=(Section("\udc00", span=Span(0, 1), level=1),)),
            "its section title holds",
        ),
        (Document(7, "x"), "id=7: expected text"),  # type: ignore[arg-type]
        (Document(10**5000, "x"), "id=a number of thousands of digits: expected text"),  # type: ignore[arg-type]
        (Document(DEEP, "x"), "id=a list that cannot be written out: expected text"),  # type: ignore[arg-type]
        (Document("a", None), "text=None: expected text"),  # type: ignore[arg-type]
        (Document("a", "x", uri=Path("a")), "uri=.*: expected text or None"),  # type: ignore[arg-type]
        (Document("a", "x", acl=5), "acl=5: expected a list of groups"),  # type: ignore[arg-type]
        (Document("a", "x", acl=None), "acl=None: expected a list of groups"),  # type: ignore[arg-type]
        (Document("a", "x", metadata=None), "metadata=None: expected a mapping"),  # type: ignore[arg-type]
        (Document("a", "x", pages=(1,)), "pages=.*: expected a list of Span"),  # type: ignore[arg-type]
        (Document("a", "x", sections=5), "sections=5: expected a list of Section"),  # type: ignore[arg-type]
    ],
)
def test_a_document_that_no_store_can_hold_ends_alone(bench: Bench, document: Document, reason: str) -> None:
    report = Ingestor(bench.collection).run([document, Document("b", "other")])
    assert (report.committed, report.seen) == (1, 2)
    assert re.search(reason, report.documents[0].reason or "")


def test_front_matter_numbers_beyond_64_bits_become_text(bench: Bench) -> None:
    bench.write(a=f"---\nid: {10**30}\nbig: 0x{'f' * 5000}\n---\nText.")
    assert bench.ingest().committed == 1
    metadata = bench.collection.source("a.md").metadata
    assert metadata["id"] == str(10**30)
    assert metadata["big"] == "0x" + "f" * 5000


NO_GROUPS = ["boss", 5, 0, 10**5000, DEEP, [5], ["boss "], {"boss": 1}, iter(["boss"])]


@pytest.mark.parametrize("acl", NO_GROUPS, ids=range(len(NO_GROUPS)))
def test_malformed_groups_are_refused_before_anything_is_read(tmp_path: Path, acl: Any) -> None:
    bench = Bench(tmp_path, acl=FieldSpec("acl", many=True))
    documents = iter([Document("a", "one")])
    with pytest.raises(TenantError, match="acl="):
        bench.ingest(documents, acl=acl)
    assert next(documents).id == "a"


def test_groups_where_none_are_declared_are_refused_at_once(bench: Bench) -> None:
    with pytest.raises(TenantError, match=r"acl=\['boss'\]: this collection declares no acl"):
        bench.ingest([Document("a", "one")], acl=["boss"])
    assert bench.ingest([Document("a", "one")], acl=[]).committed == 1


@pytest.mark.parametrize("metadata", ["x", "", 5, 0, 10**5000, [("lang", "en")], DEEP], ids=range(7))
def test_metadata_that_is_no_mapping_is_refused_at_once(bench: Bench, metadata: Any) -> None:
    with pytest.raises(ConfigError, match=r"metadata=.*: expected fields with their values"):
        bench.ingest([Document("a", "one")], metadata=metadata)


def test_front_matter_that_was_kept_as_text_is_said(bench: Bench) -> None:
    bench.write(
        a="---\ntitle: one\n---\nText", b="---\ntitle: [one\n---\nText", c="+++\ntitle one\n+++\nText"
    )
    report = bench.ingest()
    assert report.committed == 3
    expected = (
        r"front matter of 2 files is not valid YAML or TOML and was kept as text \(first: .*/b\.md\)\. Mend"
    )
    assert [note for note in report.notes if re.match(expected, note)] == list(report.notes)
    assert bench.ingest().notes == ()


def test_documents_that_nobody_can_read_are_said(tmp_path: Path) -> None:
    bench = Bench(tmp_path, acl=FieldSpec("acl", many=True))
    report = bench.ingest([Document("a", "one"), Document("b", "two", acl=("staff",))])
    assert report.committed == 2
    assert "1 documents have no acl" in report.notes[0]
