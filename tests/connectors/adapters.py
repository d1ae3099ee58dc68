"""What the tests of the adapters to LangChain and LlamaIndex have in common: the same promises."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import SearchStrategy

import ragkit
from ragkit import registry
from ragkit.errors import ConfigError, MissingExtraError, ModelError
from ragkit.protocols import Vectors

# What both write of the handbook's licences: the first sentence holds, the second is made up.
QUESTION = "What happens when a licence expires?"
TEXT = "A licence that expires leaves 21 more days [1]. After that it costs 99 euros [1]."


def yaml_with(library: str, *, loader: str, chunker: str, source: str, field: str) -> str:
    """A `rag.yaml` in which everything that can be is of another library.

    Args:
        library: as its registered names have it.
        loader: the loader's setting, chunker: the chunker's, both offered as `team-files` and `team-…`.
        source: what searches, as it is offered.
        field: a field that is declared, with its type.
    """
    return f"""\
ragkit: 1
models: {{embed: {{use: embed/{library}, model: team-embeddings, max_tokens: 256}}}}
stores: {{local: {{use: store/local, path: ./index}}}}
collection: {{store: local, embed: embed, fields: {{{field}}}}}
ingest:
  load: {{use: load/{library}, {loader}: team-files}}
  chunk: {{use: chunk/{library}, {chunker}: team-{chunker}}}
query:
  dense: {{use: retrieve/dense, in: question}}
  sparse: {{use: retrieve/bm25, in: question}}
  theirs: {{use: retrieve/{library}, in: question, source: {source}, k: 5}}
  fuse: {{use: fuse/rrf, in: [dense, sparse, theirs]}}
  generate: generate/extractive
  verify: verify/citations
"""


def hashed(text: str, size: int) -> list[float]:
    """A vector that depends on the words of a text."""
    vector = np.zeros(size)
    for word in text.lower().split():
        vector[sum(map(ord, word)) % size] += 1.0
    return [float(x) for x in vector + 1e-3]


def ingests_all_once(rag: ragkit.RAG) -> None:
    """Four documents are taken, and none of them again."""
    report = rag.ingest(progress=False)
    assert (report.seen, report.committed) == (4, 4)
    assert rag.ingest(progress=False).unchanged == 4


def cites_what_stands_there(rag: ragkit.RAG, question: str) -> None:
    """Each citation of an answer is its source's own text."""
    citations = rag.ask(question).citations
    assert citations
    assert all(c.quote == rag.source(c.document_id)[c.start : c.end] for c in citations)


def loses_nothing_before_a_break(folder: Path, loader: Any, last: str, *, is_async: bool) -> None:
    """Of a loader that breaks after three documents all three are there; `last` is the id of the third."""
    with ragkit.open(folder) as rag:
        if is_async:
            report = asyncio.run(rag.aingest(loader.aload(), progress=False))
        else:
            report = rag.ingest(loader, progress=False)
        assert (report.seen, report.committed, report.rejected) == (4, 3, 1)
        assert "failed after 3 document(s) (OSError: the wiki is gone)" in (report.documents[0].reason or "")
        assert rag.source(last) == "Row 2."
        assert rag.verify() == []


def some_of(metadata: SearchStrategy[dict[str, Any]]) -> list[dict[str, Any]]:
    """Thirty examples, to go through one index together."""
    found: list[dict[str, Any]] = []

    @settings(max_examples=30, database=None, deadline=None)
    @given(metadata)
    def collect(one: dict[str, Any]) -> None:
        found.append(one)

    collect()
    return found


class Lengths:
    """Scores a text by its length."""

    name, languages = "lengths", frozenset[str]()

    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        return np.array([len(text) for text in texts], dtype=np.float32)


class Broken(Lengths):
    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        return np.full(len(texts), np.nan, dtype=np.float32)


class RefusesRerankers:
    """What is no reranker is told."""

    def rerank(self, model: Any) -> Any:
        """Orders one text by a model."""
        raise NotImplementedError

    @pytest.mark.parametrize(
        ("model", "error", "why"),
        [
            (Broken(), ModelError, "a score that is no number"),
            (3, ModelError, "expected a reranker, got int"),
            ("rerank/bundeld", ConfigError, "Did you mean 'rerank/bundled'"),
        ],
    )
    def test_what_is_no_reranker_is_refused(self, model: Any, error: type[Exception], why: str) -> None:
        with pytest.raises(error, match=why):
            self.rerank(model)


class NeedsItsExtra:
    """Without the other library both sides say what to install."""

    library: str
    package: str

    @pytest.mark.parametrize("role", ["embed", "load", "chunk", "retrieve"])
    def test_the_registry_says_what_to_install(self, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(registry, "_is_installed", lambda package: False)
        with pytest.raises(MissingExtraError, match=rf"pip install 'ragkit\[{self.library}\]'"):
            registry.load(f"{role}/{self.library}")

    def test_an_adapter_s_name_says_what_to_install(self) -> None:
        script = (
            f"import sys; sys.modules['{self.package}'] = None\n"
            "import ragkit\n"
            f"try:\n    from ragkit_connectors.{self.library} import RagkitRetriever\n"
            "except ragkit.MissingExtraError as e: print(e)\n"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert f"pip install 'ragkit[{self.library}]'" in done.stdout
