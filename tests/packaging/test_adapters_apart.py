"""The adapter of one framework loads no other one, and the package of adapters loads none at all."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

FRAMEWORKS = {
    "langchain_core",
    "langchain",
    "langchain_community",
    "llama_index",
    "torch",
    "openai",
    "litellm",
}
FRAMEWORKS |= {"ragas", "ray", "transformers", "sentence_transformers", "faiss", "qdrant_client", "haystack"}
LANGCHAIN = (
    "LangChainChat", "LangChainChunker", "LangChainEmbedder", "LangChainLoader", "LangChainRetrieve", "offer",
    "RagkitCitationCheck", "RagkitCompressor", "RagkitReranker", "RagkitRetriever", "RagkitRunnable",
)  # fmt: skip
LLAMAINDEX = (
    "LlamaIndexChat", "LlamaIndexChunker", "LlamaIndexEmbedder", "LlamaIndexLoader", "LlamaIndexRetrieve",
    "RagkitChatEngine", "RagkitCitationCheck", "RagkitCompressor", "RagkitQueryEngine", "RagkitReranker",
    "RagkitRetriever", "offer",
)  # fmt: skip


def loaded_by(statement: str) -> set[str]:
    script = f"{statement}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])} & FRAMEWORKS


def test_all_of_langchains_adapters_load_langchain_core_alone() -> None:
    pytest.importorskip("langchain_core", reason="needs the extra langchain")
    names = ", ".join(LANGCHAIN)
    assert loaded_by(f"from ragkit_connectors.langchain import {names}") == {"langchain_core"}


def test_all_of_llamaindexs_adapters_load_llama_index_alone() -> None:
    pytest.importorskip("llama_index.core", reason="needs the extra llamaindex")
    names = ", ".join(LLAMAINDEX)
    assert loaded_by(f"from ragkit_connectors.llamaindex import {names}") == {"llama_index"}


def test_what_is_named_in_a_file_loads_none() -> None:
    inwards = "LangChainChat, LangChainChunker, LangChainEmbedder, LangChainLoader, LangChainRetrieve, offer"
    assert loaded_by(f"from ragkit_connectors.langchain import {inwards}") == set()
    inwards = ", ".join(name for name in LLAMAINDEX if not name.startswith("Ragkit"))
    assert loaded_by(f"from ragkit_connectors.llamaindex import {inwards}") == set()
    assert loaded_by("from ragkit.config.schema import json_schema; json_schema()") == set()


def test_an_unknown_name_is_an_attribute_error() -> None:
    from ragkit_connectors import langchain, llamaindex

    for adapters, names in ((langchain, LANGCHAIN), (llamaindex, LLAMAINDEX)):
        with pytest.raises(AttributeError, match="has no attribute 'RagkitMagic'"):
            _ = adapters.RagkitMagic
        assert set(adapters.__all__) == set(names)
