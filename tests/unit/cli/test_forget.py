"""`ragkit forget` and `ragkit compact` as a user calls them, on an index made by the bundled model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import ragkit
from ragkit.cli import main
from ragkit.cli.show import print_status
from ragkit.status import Status
from ragkit.store.abilities import Holdings

Call = Callable[..., tuple[int, str, str]]
TENANTS = """
ragkit: 1
models: {embed: {use: embed/bundled}}
stores: {local: {use: store/local, path: ./index}}
collection: {store: local, embed: embed, fields: {tenant: keyword!}}
query:
  sparse: {use: retrieve/bm25, in: question}
  fuse: {use: fuse/rrf, in: [sparse]}
  generate: {use: generate/extractive}
"""


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Call:
    def call(*argv: object) -> tuple[int, str, str]:
        code = main([str(a) for a in argv])
        out, err = capfd.readouterr()
        return code, out, err

    return call


@pytest.fixture
def index(tmp_path: Path) -> Path:
    docs = tmp_path / "docs"
    (docs / "guide").mkdir(parents=True)
    (docs / "guide/returns.md").write_text("# Returns\n\nGoods can be returned within a month.\n")
    (docs / "guide/secret.md").write_text("# Xanadu\n\nThe xylophone is kept in the quagmire vault.\n")
    with ragkit.open(tmp_path / "index") as rag:
        rag.ingest(docs, progress=False)
    return tmp_path / "index"


def holding(folder: Path, needle: str) -> list[str]:
    return [p.name for p in folder.rglob("*") if p.is_file() and needle.encode() in p.read_bytes().lower()]


def test_a_document_is_forgotten_in_answers_and_in_every_file(run: Call, index: Path) -> None:
    assert len(holding(index, "xylophon")) >= 2  # the manifest, and the words of BM25
    code, out, _ = run("forget", "docs/guide/secret.md", "--index", index, "--json")
    assert (code, json.loads(out)) == (
        0,
        {"forgotten": ["guide/secret.md"], "chunks": 1, "unknown": [], "erased": True, "notes": []},
    )
    for needle in ("xylophon", "quagmir", "xanadu", "secret.md"):
        assert holding(index, needle) == []
    code, out, _ = run(
        "retrieve", "xylophone quagmire vault", "--index", index, "--retriever", "bm25", "--json"
    )
    assert json.loads(out)["hits"] == []
    assert run("verify", "--index", index)[0] == 0


def test_what_is_not_there_is_said(run: Call, index: Path) -> None:
    code, out, _ = run("forget", "guide/returns.md", "guide/no.md", "--index", index)
    assert (code, out) == (1, "forgotten: 1 (chunks: 1)\nnot here: guide/no.md\n")
    code, _, err = run("forget", "--index", index)
    assert (code, err.split(":")[1]) == (1, " nothing is named to be forgotten")
    code, _, err = run("forget", "--tenant", "acme", "--index", index)
    assert code == 1
    assert "declares no tenants" in err


def test_a_tenant_is_forgotten_and_the_others_stay(run: Call, tmp_path: Path) -> None:
    config = tmp_path / "rag.yaml"
    config.write_text(TENANTS)
    with ragkit.load(config, set={"stores.local.path": str(tmp_path / "index")}) as rag:
        for tenant in ("acme", "umbrella"):
            documents = [ragkit.Document(f"{n}.md", f"{tenant} keeps {n} boxes.") for n in range(3)]
            rag.ingest(documents, tenant=tenant, progress=False)
    # The folder alone is enough: the fields are those that it was made with.
    assert run("status", "--index", tmp_path / "index")[0] == 0
    assert "requires a tenant" in run("forget", "0.md", "--index", tmp_path / "index")[2]
    options = ("--config", config, "--set", f"stores.local.path={tmp_path / 'index'}")
    code, _, err = run("forget", "0.md", *options)
    assert (code, "requires a tenant" in err) == (1, True)
    code, out, _ = run("forget", "--tenant", "umbrella", "--json", *options)
    done = json.loads(out)
    assert (code, done["forgotten"], done["erased"]) == (0, ["0.md", "1.md", "2.md"], True)
    assert holding(tmp_path / "index", "umbrella") == []
    code, out, _ = run("status", "--json", *options)
    status = json.loads(out)
    assert (status["documents"], status["tenants"]) == (3, 1)
    assert (status["generation"], status["replaced_chunks"], status["to_erase"]) == (1, 0, False)


def test_compact_takes_out_what_was_replaced(run: Call, index: Path) -> None:
    with ragkit.open(index) as rag:
        rag.ingest([ragkit.Document("guide/secret.md", "Nothing is kept here.")], progress=False)
    assert holding(index, "xylophon")
    code, out, _ = run("compact", "--index", index, "--json")
    assert (code, json.loads(out)) == (0, {"collected": 2, "held": 0, "erased": True})
    assert holding(index, "xylophon") == []
    assert (
        run("compact", "--index", index)[1]
        == "taken out of the files: 0 replaced or removed versions and chunks\n"
    )


def test_an_erasure_that_was_interrupted_is_ended_by_the_next_ingestion(index: Path) -> None:
    with ragkit.open(index) as rag, rag._parts.collection.held(rag._plan("vault", None, None, None, ())):
        done = rag.forget("guide/secret.md", wait_s=0)
        assert (done.documents, done.erased) == (("guide/secret.md",), False)
        assert rag.status().as_json()["to_erase"]
    assert holding(index, "xylophon")
    with ragkit.open(index) as rag:
        rag.ingest([ragkit.Document("new", "Something else.")], progress=False)
        assert not rag.status().as_json()["to_erase"]
    assert holding(index, "xylophon") == []


def test_all_documents_that_came_from_one_place_are_forgotten(index: Path) -> None:
    with ragkit.open(index) as rag:
        page = "http://intranet/page"
        documents = [ragkit.Document(name, f"The {name} quokka.", uri=page) for name in ("first", "second")]
        rag.ingest([*documents, ragkit.Document(page, "The third quokka.")], progress=False)
        done = rag.forget(page)
        assert sorted(done.documents) == ["first", page, "second"]
        assert rag.retrieve("quokka", retriever="bm25").hits == ()
    assert holding(index, "quokka") == []


@pytest.mark.parametrize("wait", ["nan", "-1", "inf"])
def test_a_wait_that_is_none_is_refused(run: Call, index: Path, wait: str) -> None:
    for verb in (("forget", "guide/returns.md"), ("compact",)):
        code, _, err = run(*verb, "--wait", wait, "--index", index)
        assert code == 1
        assert "expected seconds, from 0 to 86,400" in err


@pytest.mark.parametrize("erases_files", [True, False])
def test_a_server_is_not_said_to_have_emptied_its_files(
    capsys: pytest.CaptureFixture[str], erases_files: bool
) -> None:
    """Nothing that was forgotten can be read: whether its bytes are gone, another engine does not tell."""
    holdings = Holdings(
        2,
        kept_from=2,
        generation=1,
        n_chunks=3,
        n_ended=0,
        n_bytes=9,
        to_erase=False,
        erases_files=erases_files,
    )
    status = Status(3, 3, 0, "store/x", "mini", 1, 2, (), holdings)
    assert status.as_json()["erases_files"] is erases_files
    print_status(status)
    out = capsys.readouterr().out
    assert ("forgotten content still in the files: False" in out) is erases_files
    assert ("forgotten content that can still be read" in out) is not erases_files
