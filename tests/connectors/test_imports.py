"""Indexes that other libraries made become collections: nothing is lost, embedded again, or half-written."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ragkit
from ragkit.cli import main
from ragkit.errors import ConfigError, ImportRefusedError, TenantError
from ragkit.ingest.imports.formats.rows import stacked
from ragkit.ingest.imports.importer import ImportOptions, read_index
from ragkit.protocols import ForeignIndex
from ragkit.types import Chunk
from tests.connectors import foreign_indexes
from tests.connectors.foreign_indexes import CORPUS, FILES, GOLDEN, QUESTIONS, embed, plain, texts

# library, what lies in the golden folder, the collection, whether it knows places, how it names files
KINDS = {
    "langchain-faiss": ("langchain-faiss", "langchain-faiss", None, True, ""),
    "llamaindex-storage": ("llamaindex-storage", "llamaindex-storage", None, True, "/srv/handbook/"),
    "llamaindex-faiss": ("llamaindex-storage", "llamaindex-faiss", None, True, "/srv/handbook/"),
    "haystack": ("haystack", "haystack/store.json", None, True, ""),
    "chroma": ("chroma", "chroma", "handbook", False, ""),
}
QUIET = ImportOptions(probe=False)


def golden(kind: str) -> tuple[str, Path, str | None]:
    library, place, name, *_ = KINDS[kind]
    if library == "chroma":
        pytest.importorskip("chromadb", reason="needs the extra chroma")
    return library, GOLDEN / place, name


def chunks_of(rag: ragkit.RAG) -> dict[str, tuple[Chunk, Any]]:
    """Every chunk of the collection with its vector, by the id it had in the other library."""
    found = {}
    collection = rag._parts.collection
    for state in collection.states():
        scope = collection.scope_of(state)
        hits = collection.store.search(np.eye(1, 384, dtype=np.float32), 10_000, scope)[0].id_list()
        for chunk in collection.store.fetch(hits, scope):
            assert chunk is not None
            if chunk.document_id == state.document_id:
                found[str(chunk.metadata["import_id"])] = (
                    chunk,
                    collection.store.vectors([chunk.id], scope)[0],
                )
    return found


def nearest(rag: ragkit.RAG, question: str, k: int) -> list[str]:
    """What the collection finds by the vector of a question, by the ids of the other library."""
    collection = rag._parts.collection
    plan = collection.plan(question)
    (hits,) = collection.dense([question], k, plan)
    return [str(c.metadata["import_id"]) for c in collection.fetch(hits.id_list(), plan) if c is not None]


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_becomes_a_collection(kind: str, tmp_path: Path) -> None:
    library, path, name = golden(kind)
    read = read_index(library, path, name)
    _, _, _, has_offsets, prefix = KINDS[kind]
    with ragkit.open(tmp_path / "index") as rag:
        report = rag.import_index(library, path, ImportOptions(name))
        assert (report.read, report.written, report.skipped) == (len(read.passages), len(read.passages), 0)
        assert report.documents == len(FILES)
        assert report.probe is not None
        assert report.probe.median > 0.9999
        assert report.with_offsets == (len(FILES) if has_offsets else 0)
        assert rag.verify() == []
        assert {s.document_id for s in rag._parts.collection.states()} == {prefix + f for f in FILES}
        check_content(rag, read, prefix, has_offsets=has_offsets)
        check_ranking(rag, read)
        again = rag.import_index(library, path, ImportOptions(name))
        assert (again.written, again.unchanged) == (0, len(read.passages))
        assert rag._parts.collection.head() == 1


def check_content(rag: ragkit.RAG, read: ForeignIndex, prefix: str, *, has_offsets: bool) -> None:
    found, files = chunks_of(rag), texts()
    assert set(found) == {p.id for p in read.passages}
    for row, passage in enumerate(read.passages):
        chunk, vector = found[passage.id]
        assert chunk.text == passage.text
        assert np.allclose(vector, read.vectors[row] / np.linalg.norm(read.vectors[row]), atol=1e-6)
        for key, value in passage.metadata.items():
            kept = chunk.metadata[key]
            if isinstance(kept, str) and kept.startswith("json:"):
                assert json.loads(kept.removeprefix("json:")) == value
            else:
                assert kept == value
        assert chunk.lang in {chunk.document_id.removeprefix(prefix)[:2], "und"}
        if has_offsets:
            file = files[chunk.document_id.removeprefix(prefix)]
            assert file[chunk.span.start : chunk.span.end] == passage.text


def check_ranking(rag: ragkit.RAG, read: ForeignIndex) -> None:
    """By vectors as brute force has it, and by words: a passage is found by its own first line."""
    units = read.vectors / np.linalg.norm(read.vectors, axis=1, keepdims=True)
    for question in QUESTIONS:
        best = np.argsort(-(units @ np.asarray(embed([question])[0])), kind="stable")[:5]
        assert nearest(rag, question, 5) == [read.passages[i].id for i in best]
    (hit, *_) = rag.retrieve("ремонт по гарантии", k=3, retriever="bm25").hits
    assert "гарант" in hit.chunk.text.lower()


def test_an_answer_is_cited_from_what_was_imported(tmp_path: Path) -> None:
    library, path, name = golden("llamaindex-storage")
    with ragkit.open(tmp_path / "index") as rag:
        rag.import_index(library, path, ImportOptions(name))
        answer = rag.ask("How long is the warranty of a Wick 5?")
        assert answer.citations
        for citation in answer.citations:
            assert rag.source(citation.document_id)[citation.start : citation.end] == citation.quote


# --- the libraries themselves, where they are installed ------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_it_finds_what_the_library_finds(kind: str, tmp_path: Path) -> None:
    needed = {"langchain-faiss": "langchain_community", "haystack": "haystack", "chroma": "chromadb"}
    package = needed.get(kind, "llama_index.core")
    pytest.importorskip(package)
    if kind == "llamaindex-faiss":
        pytest.importorskip("llama_index.vector_stores.faiss")
    if kind == "chroma":
        pytest.importorskip("langchain_text_splitters")
    library, _, name = golden(kind)
    made = tmp_path / "made"
    made.mkdir()
    search = foreign_indexes.MAKERS[kind](made)
    path = made / "store.json" if kind == "haystack" else made
    before = {f: f.read_bytes() for f in made.rglob("*") if f.is_file()}
    with ragkit.open(tmp_path / "index") as rag:
        report = rag.import_index(library, path, ImportOptions(name))
        assert report.written == report.read > 20
        for question in QUESTIONS:
            assert nearest(rag, question, 8) == search(question, 8)
    assert {f: f.read_bytes() for f in made.rglob("*") if f.is_file()} == before


def test_nothing_of_a_langchain_folder_is_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return os.system, (f"touch {tmp_path / 'sprung'}",)

    folder = tmp_path / "faiss"
    shutil.copytree(GOLDEN / "langchain-faiss", folder)
    (folder / "index.pkl").write_bytes(pickle.dumps(Trap()))
    with ragkit.open(tmp_path / "index") as rag:
        assert rag.import_index("langchain-faiss", folder, QUIET).written > 20
    (folder / "passages.jsonl").unlink()
    with (
        ragkit.open(tmp_path / "index") as rag,
        pytest.raises(ConfigError, match=r"index\.pkl, a pickle.*(?s:.)*reconstruct_n"),
    ):
        rag.import_index("langchain-faiss", folder, QUIET)
    assert not (tmp_path / "sprung").exists()


def test_nothing_of_a_chroma_folder_is_unpickled(tmp_path: Path) -> None:
    chromadb = pytest.importorskip("chromadb", reason="needs the extra chroma")

    class Trap:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return os.system, (f"touch {tmp_path / 'sprung'}",)

    # A collection that has grown: its vectors are in the files of HNSW alone, and their names in a pickle.
    folder, vectors = tmp_path / "chroma", np.random.default_rng(3).normal(size=(120, 8)).astype(np.float32)
    client = chromadb.PersistentClient(str(folder), chromadb.Settings(anonymized_telemetry=False))
    settings = {"hnsw": {"space": "ip", "sync_threshold": 20, "batch_size": 10}}
    collection = client.create_collection("grown", embedding_function=None, configuration=settings)
    for first in range(0, 120, 30):
        ids = [str(n) for n in range(first, first + 30)]
        collection.add(ids=ids, documents=ids, embeddings=vectors[first : first + 30])
    collection.delete(ids=["7"])
    read = read_index("chroma", folder, None)
    assert len(read.passages) == 119
    assert np.array_equal(read.vectors, vectors[[int(p.id) for p in read.passages]])
    assert read.metric == "inner product"
    (kept,) = folder.rglob("index_metadata.pickle")
    kept.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ConfigError, match="chromadb cannot read it"):
        read_index("chroma", folder, None)
    assert not (tmp_path / "sprung").exists()


def test_nodes_that_llamaindex_keeps_in_another_store(tmp_path: Path) -> None:
    schema = pytest.importorskip("llama_index.core.schema", reason="needs the extra llamaindex")
    utils = pytest.importorskip("llama_index.core.vector_stores.utils")
    related = schema.RelatedNodeInfo(node_id="doc")
    nodes = [
        schema.TextNode(
            id_=f"n{start}",
            text=text,
            metadata={"file_path": "г.md", "lang": "ru"},
            excluded_embed_metadata_keys=["lang"],
            relationships={schema.NodeRelationship.SOURCE: related},
            start_char_idx=start,
            end_char_idx=start + len(text),
        )
        for start, text in ((0, "Гарантия два года."), (20, "Ремонт бесплатный."))
    ]
    rows = [
        {"id": n.node_id, "text": n.text, "metadata": utils.node_to_metadata_dict(n, remove_text=True)}
        for n in nodes
    ]
    folder = plain(tmp_path / "x", rows, embed([n.get_content("embed") for n in nodes]))
    with ragkit.open(tmp_path / "index") as rag:
        report = rag.import_index("jsonl", folder)
        assert (report.documents, report.with_offsets) == (1, 1)
        assert report.probe is not None
        assert (report.probe.of, round(report.probe.median, 4)) == ("text with metadata", 1.0)
        assert rag.source("г.md") == "Гарантия два года.\n\nРемонт бесплатный."
        assert chunks_of(rag)["n20"][0].metadata == {"file_path": "г.md", "lang": "ru", "import_id": "n20"}


# --- what comes after ----------------------------------------------------------------------------------


def test_ingesting_the_files_replaces_what_was_imported(tmp_path: Path) -> None:
    root = tmp_path / "handbook"
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CORPUS / name, root / name)
    library, path, _ = golden("langchain-faiss")
    with ragkit.open(tmp_path / "index") as rag:
        report = rag.import_index(library, path, ImportOptions(root=root))
        assert not [note for note in report.notes if "below" in note]
        ingested = rag.ingest(root / "en", progress=False)
        assert (ingested.committed, ingested.deleted, ingested.embedded_chunks > 0) == (2, 2, True)
        ingested = rag.ingest(root, progress=False)
        assert ingested.committed == 3
        documents = {s.document_id: s.fingerprint for s in rag._parts.collection.states()}
        assert set(documents) == set(FILES)
        assert not any(f.startswith("import-") for f in documents.values())
        again = rag.import_index(library, path, ImportOptions(root=root))
        assert (again.written, again.skipped, again.unchanged) == (0, again.read, 0)
        assert "was ingested since" in again.left_out[0].reason
        assert rag.verify() == []


def test_an_index_that_changed_replaces_what_it_brought(tmp_path: Path) -> None:
    rows = [{"id": "a", "text": "One.", "source": "a"}, {"id": "b", "text": "Two.", "source": "b"}]
    with ragkit.open(tmp_path / "index") as rag:
        rag.import_index("jsonl", plain(tmp_path / "x", rows))
        rows[1]["text"] = "Three."
        report = rag.import_index("jsonl", plain(tmp_path / "x", rows))
        assert (report.written, report.unchanged, report.replaced) == (1, 1, 1)
        # Other vectors, the same texts: another content, too.
        report = rag.import_index("jsonl", plain(tmp_path / "x", rows, np.eye(2, 384)), QUIET)
        assert (report.written, report.replaced) == (2, 2)
        assert np.allclose(chunks_of(rag)["a"][1], np.eye(1, 384))


KILLED = """
import os, signal, sys
from ragkit import failpoints
import ragkit
from ragkit.ingest.imports.importer import ImportOptions
seen = 0
def reached(name):
    global seen
    seen += name == sys.argv[3]
    if seen == 2:
        os.kill(os.getpid(), signal.SIGKILL)
failpoints.watch(reached)
ragkit.open(sys.argv[1]).import_index("jsonl", sys.argv[2], ImportOptions(probe=False))
"""


@pytest.mark.parametrize("place", ["commit.document", "commit.done"])
def test_what_was_killed_is_ended_by_running_it_again(place: str, tmp_path: Path) -> None:
    rows = [{"id": f"p{n}", "text": f"Текст {n}", "source": f"d{n // 10}"} for n in range(2_100)]
    vectors = np.random.default_rng(5).normal(size=(2_100, 384))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    folder, index = plain(tmp_path / "x", rows, vectors), tmp_path / "index"
    died = subprocess.run([sys.executable, "-c", KILLED, str(index), str(folder), place], check=False)
    assert died.returncode == -signal.SIGKILL
    with ragkit.open(index) as rag:
        held = rag.status().chunks
        assert held in {0, 1_000, 2_000}
        report = rag.import_index("jsonl", folder, QUIET)
        assert (report.written, report.unchanged, report.skipped) == (2_100 - held, held, 0)
        counts = rag._parts.collection.counts()
        assert (counts.chunks, counts.documents) == (2_100, 210)
        assert rag.verify() == []


# --- what is refused -----------------------------------------------------------------------------------

GOOD: list[dict[str, Any]] = [
    {"id": "a", "text": "The warranty is two years.", "source": "w.md", "metadata": {"lang": "en"}},
    {"id": "b", "text": "Гарантия — два года.", "source": "г.md", "metadata": {"lang": "ru"}},
    {"id": "c", "text": "Returns take a week.", "source": "r.md"},
]


def changed(**fields: Any) -> list[dict[str, Any]]:
    return [GOOD[0], {**GOOD[1], **fields}, GOOD[2]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (changed(id="a"), "passage 2 (a): its id is that of passage 1, too"),
        (changed(id=7), "passage 2 (7): its id is 7: expected text"),
        (changed(id=" "), "its id is ' ': expected text"),
        (changed(text=None), "passage 2 (b): its text is NoneType: expected text"),
        (changed(text=" \n"), "its text is empty"),
        (changed(text="a\x00b"), "its text holds '\\x00' at 1, which no store takes as text"),
        (changed(text="a\ud800"), "its text holds '\\ud800' at 1"),
        (changed(metadata=["x"]), "its metadata is list: expected a JSON object"),
        (changed(metadata={"x": float("nan")}), "metadata.x: it holds what JSON cannot"),
        (changed(start=-1), "its start is -1: expected a whole number of at least 0"),
        (changed(source=5), "its source is 5: expected text"),
    ],
)
def test_a_passage_that_cannot_be_taken_stops_all_or_is_left_out(
    rows: list[dict[str, Any]], message: str, tmp_path: Path
) -> None:
    folder = plain(tmp_path / "x", rows, embed([GOOD[n]["text"] for n in range(3)]))
    with ragkit.open(tmp_path / "index") as rag:
        with pytest.raises(ImportRefusedError) as caught:
            rag.import_index("jsonl", folder)
        assert message in str(caught.value)
        assert "--skip-bad" in str(caught.value)
        assert not (tmp_path / "index").exists()
        report = rag.import_index("jsonl", folder, ImportOptions(skip_bad=True))
        assert (report.read, report.written, report.skipped) == (3, 2, 1)
        assert message.rpartition("): ")[2] in report.left_out[0].line
        assert report.left_out[0].n == 2
        assert set(chunks_of(rag)) == {"a", "c"}


@pytest.mark.parametrize(
    ("value", "message"),
    [(np.nan, "NaN or infinity"), (np.inf, "NaN or infinity"), (0.0, "its vector is of zeros")],
)
def test_a_vector_that_nothing_is_near_to(value: float, message: str, tmp_path: Path) -> None:
    vectors = np.asarray(embed([row["text"] for row in GOOD]))
    vectors[1] = value
    folder = plain(tmp_path / "x", GOOD, vectors)
    with ragkit.open(tmp_path / "index") as rag:
        with pytest.raises(ImportRefusedError, match=message):
            rag.import_index("jsonl", folder)
        assert rag.import_index("jsonl", folder, ImportOptions(skip_bad=True)).written == 2


def test_places_that_contradict_the_texts(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "text": "one two", "source": "s", "start": 0},
        {"id": "b", "text": "three", "source": "s", "start": 4},
        {"id": "c", "text": "four", "source": "t", "start": 9},
    ]
    folder = plain(tmp_path / "x", rows)
    with ragkit.open(tmp_path / "index") as rag:
        with pytest.raises(ImportRefusedError, match=r"passage b is not the text.*--ignore-offsets"):
            rag.import_index("jsonl", folder)
        report = rag.import_index("jsonl", folder, ImportOptions(ignore_offsets=True))
        assert (report.written, report.with_offsets) == (3, 0)
        assert rag.source("s") == "one two\n\nthree"


def test_another_model_of_the_same_dimension(tmp_path: Path) -> None:
    found = np.random.default_rng(1).normal(size=(3, 384))
    folder = plain(tmp_path / "x", GOOD, found / np.linalg.norm(found, axis=1, keepdims=True))
    with ragkit.open(tmp_path / "index") as rag:
        with pytest.raises(ImportRefusedError, match=r"did not make these vectors.*--no-probe"):
            rag.import_index("jsonl", folder)
        report = rag.import_index("jsonl", folder, QUIET)
        assert report.probe is None
        assert "it was not checked" in report.notes[0]


def test_a_part_that_is_of_another_model_is_told_of(tmp_path: Path) -> None:
    found = np.asarray(embed([row["text"] for row in GOOD]))
    found[2] = np.roll(found[2], 7)
    folder = plain(tmp_path / "x", GOOD, found)
    with ragkit.open(tmp_path / "index") as rag:
        report = rag.import_index("jsonl", folder)
    assert report.probe is not None
    assert (report.probe.n_far, report.as_json()["probe"]["far"]) == (1, 1)
    assert "the vectors of 1 of 3 texts are far from" in report.notes[0]


def test_a_model_that_is_near_is_told_of(tmp_path: Path) -> None:
    found = np.asarray(embed([row["text"] for row in GOOD]))
    noise = np.random.default_rng(1).normal(size=found.shape)
    noise -= np.einsum("ij,ij->i", noise, found)[:, None] * found
    found = found + 0.3 * noise / np.linalg.norm(noise, axis=1, keepdims=True)  # cosine 0.958
    folder = plain(tmp_path / "x", GOOD, found / np.linalg.norm(found, axis=1, keepdims=True))
    with ragkit.open(tmp_path / "index") as rag:
        report = rag.import_index("jsonl", folder)
    assert report.probe is not None
    assert report.probe.median == pytest.approx(0.9578, abs=1e-3)
    assert report.probe.n_far == 0
    assert "near to the stored ones and not the same" in report.notes[0]


def test_vectors_of_several_lengths_and_another_metric(tmp_path: Path) -> None:
    found = np.asarray(embed([row["text"] for row in GOOD])) * [[1], [2], [3]]
    folder = plain(tmp_path / "x", GOOD, found)
    (folder / "about.json").write_text('{"metric": "inner product"}')
    with ragkit.open(tmp_path / "index") as rag:
        with pytest.raises(ImportRefusedError, match="compares by inner product, and its vectors are 1 to 3"):
            rag.import_index("jsonl", folder)
        report = rag.import_index("jsonl", folder, ImportOptions(accept_cosine=True))
        assert "ragkit ranks by cosine, the index by inner product" in report.notes[0]


def test_another_dimension(tmp_path: Path) -> None:
    folder = plain(tmp_path / "x", GOOD, np.eye(3))
    with (
        ragkit.open(tmp_path / "index") as rag,
        pytest.raises(ConfigError, match="vectors of 3 numbers, and all-MiniLM-L6-v2 makes them of 384"),
    ):
        rag.import_index("jsonl", folder)
    assert not (tmp_path / "index").exists()


def test_a_collection_with_other_things(tmp_path: Path) -> None:
    folder = plain(tmp_path / "x", GOOD)
    with ragkit.open(tmp_path / "index") as rag:
        rag.ingest([ragkit.Document("mine", "Something else.")], progress=False)
        with pytest.raises(ConfigError, match=r"holds 1 documents that are not in the index \('mine'\)"):
            rag.import_index("jsonl", folder)
        assert rag.status().documents == 1
        assert rag.import_index("jsonl", folder, ImportOptions(add=True)).documents == 3
        assert rag.status().documents == 4


def test_tenants_groups_and_declared_fields(tmp_path: Path) -> None:
    fields = {
        "tenant": "keyword!",
        "acl": ["keyword"],
        "lang": "keyword",
        "import_id": "keyword",
        "n": "integer",
    }
    folder = plain(tmp_path / "x", [*GOOD[:2], {**GOOD[2], "metadata": {"lang": "en", "n": "x"}}])
    with ragkit.open(tmp_path / "index", set={"collection.fields": fields}) as rag:
        with pytest.raises(TenantError, match="requires a tenant"):
            rag.import_index("jsonl", folder)
        with pytest.raises(ImportRefusedError, match=r"metadata\.n: 'x': expected a whole number"):
            rag.import_index("jsonl", folder, ImportOptions(tenant="acme", acl=["staff"]))
        given: Mapping[str, Any] = {"n": 3}
        report = rag.import_index(
            "jsonl", folder, ImportOptions(tenant="acme", acl=["staff"], metadata=given)
        )
        assert report.written == 3
        found = rag.retrieve(
            "гарантия", tenant="acme", acl=["staff"], filter={"lang": "ru", "import_id": "b", "n": 3}
        )
        assert [hit.chunk.text for hit in found.hits] == [GOOD[1]["text"]]
        assert not rag.retrieve("гарантия", tenant="acme", acl=["others"]).hits
        # Another tenant's documents are no others' documents in this one's collection.
        report = rag.import_index(
            "jsonl", folder, ImportOptions(tenant="umbra", acl=["staff"], metadata=given)
        )
        assert (report.written, rag.status().documents) == (3, 6)
        assert rag.verify() == []


# --- folders that are something else, or not whole -----------------------------------------------------


@pytest.mark.parametrize(
    ("library", "kind", "message"),
    [
        ("chroma", "llamaindex-storage", "expected a folder of Chroma"),
        ("llamaindex-storage", "chroma", "It looks like a Chroma folder: ragkit import chroma"),
        ("langchain-faiss", "llamaindex-faiss", "It looks like a storage folder of LlamaIndex"),
        ("jsonl", "chroma", "It looks like a Chroma folder"),
        ("haystack", "langchain-faiss", "It looks like a FAISS folder of LangChain"),
        ("llamaindex-storage", "haystack/store.json", "It looks like a document store of Haystack"),
        ("llamaindex-storage", "nowhere", "does not exist"),
        ("lamaindex-storage", "chroma", "Did you mean 'llamaindex-storage'?"),
    ],
)
def test_a_folder_of_another_kind(library: str, kind: str, message: str) -> None:
    if library == "chroma":
        pytest.importorskip("chromadb", reason="needs the extra chroma")
    with pytest.raises(ConfigError) as caught:
        read_index(library, GOLDEN / kind, None)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "file", "message"),
    [
        ("llamaindex-storage", "docstore.json", "the docstore is not whole JSON"),
        ("llamaindex-storage", "default__vector_store.json", "the vector store is not whole JSON"),
        ("llamaindex-faiss", "default__vector_store.json", "bytes of vectors, expected"),
        ("llamaindex-faiss", "index_store.json", "the index store is not whole JSON"),
        ("haystack", "store.json", "the document store is not whole JSON"),
        ("langchain-faiss", "passages.jsonl", "not a whole JSON object"),
        ("langchain-faiss", "vectors.npy", "not a whole array as numpy.save writes it"),
        ("chroma", "chroma.sqlite3", "chromadb cannot read it"),
    ],
)
def test_a_file_that_was_cut_off(kind: str, file: str, message: str, tmp_path: Path) -> None:
    library, path, name = golden(kind)
    folder = tmp_path / "cut"
    shutil.copytree(path if path.is_dir() else path.parent, folder)
    (folder / file).write_bytes((folder / file).read_bytes()[: (folder / file).stat().st_size // 2])
    with pytest.raises(ConfigError, match=message):
        read_index(library, folder / path.name if path.is_file() else folder, name)


def test_what_lies_beside_the_files_of_chroma_is_not_copied(tmp_path: Path) -> None:
    library, path, name = golden("chroma")
    folder = tmp_path / "chroma"
    shutil.copytree(path, folder)
    (folder / "up").symlink_to(tmp_path)
    (folder / "gone").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    assert len(read_index(library, folder, name).passages) == len(read_index(library, path, name).passages)


def test_an_empty_index_is_told_of(tmp_path: Path) -> None:
    folder = plain(tmp_path / "x", [], np.zeros((0, 384), np.float32))
    with ragkit.open(tmp_path / "index") as rag:
        assert "holds no passages" in rag.import_index("jsonl", folder).notes[0]


@pytest.mark.parametrize("shape", ["(-1, 4), }", "(3, 4", "'''"])
def test_the_head_of_an_array_that_is_damaged(shape: str, tmp_path: Path) -> None:
    folder = plain(tmp_path / "x", GOOD)
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}".ljust(117) + "\n"
    data = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + bytes(64)
    (folder / "vectors.npy").write_bytes(data)
    with pytest.raises(ConfigError, match=r"vectors\.npy: not a whole array as numpy\.save writes it"):
        read_index("jsonl", folder, None)


@pytest.mark.parametrize("row", ["²", "9" * 5_000])
def test_what_names_a_row_is_no_number(row: str, tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "llamaindex-faiss", tmp_path / "li")
    store = tmp_path / "li" / "index_store.json"
    data = json.loads(store.read_text())
    (entry,) = data["index_store/data"].values()
    struct = json.loads(entry["__data__"])
    struct["nodes_dict"][row] = struct["nodes_dict"].pop("0")
    entry["__data__"] = json.dumps(struct)
    store.write_text(json.dumps(data))
    with pytest.raises(ConfigError, match="they are not of one time"):
        read_index("llamaindex-storage", tmp_path / "li", None)


def test_a_metric_of_haystack_that_is_no_text(tmp_path: Path) -> None:
    data = json.loads((GOLDEN / "haystack" / "store.json").read_text())
    data["init_parameters"]["embedding_similarity_function"] = ["cosine"]
    (tmp_path / "store.json").write_text(json.dumps(data))
    assert read_index("haystack", tmp_path / "store.json", None).metric is None


@pytest.mark.filterwarnings("error")
def test_what_is_no_number_of_a_vector() -> None:
    vectors, problems = stacked([[1.0, 2.0], ["1.0", 2.0], [1e300, 2.0]])
    assert problems == {1: "its vector holds something that is no number"}
    assert vectors[2, 0] == np.inf


def test_vectors_of_mixed_dimensions_and_nodes_without_any(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "llamaindex-storage", tmp_path / "li")
    store = tmp_path / "li" / "default__vector_store.json"
    data = json.loads(store.read_text())
    first, second, third = list(data["embedding_dict"])[:3]
    data["embedding_dict"][first] = [0.5] * 12
    del data["embedding_dict"][second]
    data["embedding_dict"]["gone"] = data["embedding_dict"][third]
    store.write_text(json.dumps(data))
    with ragkit.open(tmp_path / "index") as rag:
        report = rag.import_index("llamaindex-storage", tmp_path / "li", ImportOptions(skip_bad=True))
    assert {s.id: s.reason for s in report.left_out} == {
        first: "its vector has 12 numbers, and those of most have 384",
        second: "it has no vector",
        "gone": "its vector is there and its node is not: the docstore holds no text of it",
    }
    assert report.read == report.written + 3


def test_the_collection_is_named_where_there_are_several() -> None:
    _, path, _ = golden("chroma")
    with pytest.raises(ConfigError, match=r"2 collections: 'empty', 'handbook'\. Name one: --name NAME"):
        read_index("chroma", path, None)
    with pytest.raises(ConfigError, match="Did you mean 'handbook'"):
        read_index("chroma", path, "handbok")
    assert not read_index("chroma", path, "empty").passages


# --- the verb ------------------------------------------------------------------------------------------


def test_a_dry_run_writes_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder, index = plain(tmp_path / "x", GOOD), tmp_path / "index"
    assert main(["import", "jsonl", str(folder), "--index", str(index), "--dry-run"]) == 0
    out = capfd.readouterr().out
    assert "would be written: 3, of 3 documents (0 replaced)" in out
    assert "nothing written (dry run)" in out
    assert not index.exists()
    assert main(["import", "jsonl", str(folder), "--index", str(index), "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert (report["read"], report["written"], report["dry_run"]) == (3, 3, False)
    assert main(["import", "jsonl", str(folder), "--index", str(index), "--dry-run", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["unchanged"] == 3


def test_passages_are_grouped_as_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = [{**row, "metadata": {"book": "one", "n": n}} for n, row in enumerate(GOOD)]
    folder = plain(tmp_path / "x", rows)

    def documents(*options: str) -> int:
        found = main(
            ["import", "jsonl", str(folder), "--index", str(tmp_path / "i"), "--json", "--dry-run", *options]
        )
        assert found == 0
        count: int = json.loads(capfd.readouterr().out)["documents"]
        return count

    assert (documents(), documents("--group-by", "book"), documents("--one-each")) == (3, 1, 3)
    assert main(["import", "jsonl", str(folder), "--index", str(tmp_path / "i"), "--group-by", "boook"]) == 2
    assert "no passage has such metadata" in capfd.readouterr().err


def test_a_refusal_ends_with_1_and_says_what_to_do(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = plain(tmp_path / "x", changed(text=""), embed(["a", "b", "c"]))
    assert main(["import", "jsonl", str(folder), "--index", str(tmp_path / "index")]) == 1
    err = capfd.readouterr().err
    assert "1 of 3 passages cannot be taken, and nothing was written" in err
    assert "passage 2 (b): its text is empty" in err
    assert not (tmp_path / "index").exists()
