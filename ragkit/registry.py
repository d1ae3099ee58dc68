"""Short names for components: `retrieve/dense` → a class, imported when first used.

Our own names stand in the static table below. A third party registers in code with `register`, or with
an entry point of the group `ragkit.components` whose name is the short name:

    [project.entry-points."ragkit.components"]
    "rerank/mine" = "my_package.rerank:MyRerank"
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from operator import attrgetter
from typing import Any

from ragkit.errors import ConfigError, MissingExtraError, did_you_mean

GROUP = "ragkit.components"


@dataclass(frozen=True, slots=True)
class Component:
    """A registered name. `target` is `module:Class`; `extra` and `package` say what must be installed.

    Where one of several packages is enough, `package` names them with `|` between; the component says itself
    which one its settings need.
    """

    name: str
    target: str
    summary: str
    extra: str | None = None
    package: str | None = None

    @property
    def role(self) -> str:
        """The part before the slash: `retrieve`, `store`, `embed` …"""
        return self.name.partition("/")[0]


def _ours(*rows: tuple[str, ...]) -> dict[str, Component]:
    return {row[0]: Component(*row) for row in rows}


_ST = ("sentence-transformers", "sentence_transformers")
_LANGCHAIN = ("langchain", "langchain_core")
_LLAMAINDEX = ("llamaindex", "llama_index")

BUILT_IN: dict[str, Component] = _ours(
    # models
    ("embed/bundled", "ragkit.models.bundled_embedder:BundledEmbedder", "all-MiniLM-L6-v2, English, offline"),
    (
        "embed/sentence-transformers",
        "ragkit_connectors.sentence_transformers:SentenceTransformersEmbedder",
        "any hub or local embedding model, CPU or GPU",
        *_ST,
    ),
    (
        "embed/openai",
        "ragkit_connectors.openai:OpenAIEmbedder",
        "any OpenAI-compatible endpoint for embeddings",
        "openai",
        "httpx",
    ),
    (
        "rerank/cross-encoder",
        "ragkit_connectors.sentence_transformers:CrossEncoderReranker",
        "any hub or local cross-encoder, CPU or GPU",
        *_ST,
    ),
    (
        "rerank/http",
        "ragkit_connectors.rerank_http:HttpReranker",
        "a reranker behind a server: Cohere, Jina, text-embeddings-inference, vLLM",
        "openai",
        "httpx",
    ),
    (
        "rerank/entailment",
        "ragkit_connectors.entailment:EntailmentModel",
        "whether a text entails a claim, by a hub or local model, for verify/citations",
        *_ST,
    ),
    (
        "rerank/bundled",
        "ragkit.models.bundled_reranker:BundledReranker",
        "compares question and passage token by token, English, offline",
    ),
    (
        "rerank/onnx",
        "ragkit.models.own_reranker:OwnReranker",
        "a reranker of your own, from a folder, on the CPU",
    ),
    (
        "llm/openai",
        "ragkit_connectors.openai:OpenAIChat",
        "any OpenAI-compatible endpoint",
        "openai",
        "httpx",
    ),
    (
        "llm/langchain",
        "ragkit_connectors.langchain.chat:LangChainChat",
        "any chat model of LangChain",
        "langchain",
        "langchain_core",
    ),
    (
        "llm/llamaindex",
        "ragkit_connectors.llamaindex.chat:LlamaIndexChat",
        "any LLM of LlamaIndex",
        *_LLAMAINDEX,
    ),
    (
        "llm/litellm",
        "ragkit_connectors.litellm:LiteLLMChat",
        "Bedrock, SageMaker, Vertex AI, OCI, Anthropic and the rest, by LiteLLM",
        "litellm",
        "litellm",
    ),
    ("llm/replay", "ragkit.models.replay:ReplayChat", "recorded answers, without model or network"),
    ("llm/route", "ragkit.models.route:RouteChat", "several models in turn, the next where one fails"),
    (
        "embed/langchain",
        "ragkit_connectors.langchain.embeddings:LangChainEmbedder",
        "any embedding model of LangChain",
        *_LANGCHAIN,
    ),
    (
        "embed/llamaindex",
        "ragkit_connectors.llamaindex.embeddings:LlamaIndexEmbedder",
        "any embedding model of LlamaIndex",
        *_LLAMAINDEX,
    ),
    # stores and what lies in them
    ("store/local", "ragkit.store.local.store:LocalStore", "one folder, no server"),
    (
        "store/pgvector",
        "ragkit_connectors.pgvector:PgvectorStore",
        "a PostgreSQL database with pgvector",
        "pgvector",
        "psycopg",
    ),
    (
        "store/qdrant",
        "ragkit_connectors.qdrant:QdrantStore",
        "two collections of a Qdrant server, or of its engine within the process",
        "qdrant",
        "qdrant_client|qdrant_edge",
    ),
    (
        "store/opensearch",
        "ragkit_connectors.opensearch:OpenSearchStore",
        "two indexes of an OpenSearch cluster",
        "opensearch",
        "opensearchpy",
    ),
    (
        "store/weaviate",
        "ragkit_connectors.weaviate:WeaviateStore",
        "collections of a Weaviate server",
        "weaviate",
        "httpx",
    ),
    (
        "store/pinecone",
        "ragkit_connectors.pinecone:PineconeStore",
        "namespaces of a Pinecone index",
        "pinecone",
        "httpx",
    ),
    (
        "store/milvus",
        "ragkit_connectors.milvus:MilvusStore",
        "collections of Milvus Lite or of a Milvus server",
        "milvus",
        "pymilvus",
    ),
    (
        "store/lancedb",
        "ragkit_connectors.lancedb:LanceStore",
        "one folder, searched by LanceDB, no server",
        "lancedb",
        "lancedb",
    ),
    ("bm25/default", "ragkit.store.bm25.search:DefaultBm25", "our own index: exact, tenant-aware, fast"),
    ("index/exact", "ragkit.store.local.exact:ExactIndex", "compare with every vector"),
    ("index/faiss", "ragkit_connectors.faiss:FaissIndex", "FAISS, on CPUs or GPUs", "faiss-cpu", "faiss"),
    (
        "bm25/rank-bm25",
        "ragkit_connectors.rank_bm25:RankBm25",
        "the formulas of rank_bm25, for comparison",
        "rank-bm25",
        "rank_bm25",
    ),
    # ingestion
    (
        "chunk/recursive",
        "ragkit.ingest.chunk.recursive:RecursiveChunker",
        "sections, blocks, sentences, words",
    ),
    (
        "chunk/langchain",
        "ragkit_connectors.langchain.splitter:LangChainChunker",
        "any text splitter of LangChain that only cuts",
        *_LANGCHAIN,
    ),
    (
        "chunk/llamaindex",
        "ragkit_connectors.llamaindex.parser:LlamaIndexChunker",
        "any node parser of LlamaIndex that only cuts",
        *_LLAMAINDEX,
    ),
    (
        "load/langchain",
        "ragkit_connectors.langchain.loader:LangChainLoader",
        "any document loader of LangChain",
        *_LANGCHAIN,
    ),
    (
        "load/llamaindex",
        "ragkit_connectors.llamaindex.reader:LlamaIndexLoader",
        "any reader of LlamaIndex",
        *_LLAMAINDEX,
    ),
    # indexes of other libraries
    (
        "import/jsonl",
        "ragkit.ingest.imports.formats.jsonl:JsonlIndex",
        "passages as JSON lines, vectors as .npy",
    ),
    (
        "import/langchain-faiss",
        "ragkit.ingest.imports.formats.langchain_faiss:LangChainFaiss",
        "a FAISS folder of LangChain, after an export of its texts",
    ),
    (
        "import/llamaindex-storage",
        "ragkit.ingest.imports.formats.llamaindex:LlamaIndexStorage",
        "a storage folder of LlamaIndex",
    ),
    (
        "import/haystack",
        "ragkit.ingest.imports.formats.haystack:HaystackStore",
        "an InMemoryDocumentStore of Haystack",
    ),
    ("import/chroma", "ragkit_connectors.chroma:ChromaFolder", "a folder of Chroma", "chroma", "chromadb"),
    # stages
    (
        "query/condense",
        "ragkit.query.condense:CondenseQuery",
        "follow-up questions, with what the turns before them were about",
    ),
    ("query/rewrite", "ragkit.query.rewrite:RewriteQuery", "the question in the words of documents"),
    ("query/expand", "ragkit.query.expand:ExpandQuery", "further wordings of the question"),
    ("query/hyde", "ragkit.query.hyde:HydeQuery", "search with a made-up passage that might answer"),
    ("query/decompose", "ragkit.query.decompose:DecomposeQuery", "search for each part of a question, too"),
    ("query/classify", "ragkit.query.classify:ClassifyQuery", "what kind of question it is"),
    ("query/route", "ragkit.query.route:RouteQuery", "send a question one of your ways"),
    ("query/filters", "ragkit.query.filters:FilterQuery", "what a question says of documents, as a filter"),
    ("retrieve/dense", "ragkit.retrieve.dense:DenseRetrieve", "search by meaning"),
    ("retrieve/bm25", "ragkit.retrieve.bm25:Bm25Retrieve", "search by words"),
    ("retrieve/window", "ragkit.retrieve.window:WindowRetrieve", "each hit with the sentences around it"),
    ("retrieve/parent", "ragkit.retrieve.parent:ParentRetrieve", "each hit becomes its section"),
    (
        "retrieve/auto-merge",
        "ragkit.retrieve.auto_merge:AutoMergeRetrieve",
        "hits become their section where they are most of it",
    ),
    (
        "retrieve/langchain",
        "ragkit_connectors.langchain.retrieve:LangChainRetrieve",
        "any retriever or vector store of LangChain over the same documents",
        *_LANGCHAIN,
    ),
    (
        "retrieve/llamaindex",
        "ragkit_connectors.llamaindex.retrieve:LlamaIndexRetrieve",
        "any retriever or index of LlamaIndex over the same documents",
        *_LLAMAINDEX,
    ),
    (
        "retrieve/multihop",
        "ragkit.retrieve.multihop:MultihopRetrieve",
        "search again for what the best hits name",
    ),
    ("retrieve/graph", "ragkit.retrieve.graph:GraphRetrieve", "what hits lead to by the names they share"),
    ("fuse/rrf", "ragkit.retrieve.fuse:RrfFuse", "reciprocal rank fusion"),
    ("fuse/weighted", "ragkit.retrieve.fuse:WeightedFuse", "weighted sum of scores on a common scale"),
    ("rerank/mmr", "ragkit.rerank.mmr:MmrRerank", "relevance without repetition"),
    ("rerank/model", "ragkit.rerank.model:ModelRerank", "order by a cross-encoder"),
    ("rerank/llm", "ragkit.rerank.llm:LlmRerank", "order or grades by a chat model"),
    ("rerank/threshold", "ragkit.rerank.threshold:Threshold", "drop hits that are not good enough"),
    ("rerank/reorder", "ragkit.rerank.reorder:Reorder", "the best passages at both ends of a context"),
    ("compress/dedupe", "ragkit.compress.dedupe:Dedupe", "drop passages that say the same again"),
    (
        "compress/extractive",
        "ragkit.compress.extractive:ExtractiveCompress",
        "keep the sentences that bear on the question",
    ),
    (
        "compress/pack",
        "ragkit.compress.pack:Pack",
        "the best passages that fit a budget, by a real tokenizer",
    ),
    ("compress/llm", "ragkit.compress.llm:LlmCompress", "the sentences that a chat model names"),
    (
        "generate/extractive",
        "ragkit.generate.extractive:ExtractiveGenerate",
        "answer in the documents' own sentences, without a language model",
    ),
    (
        "generate/cited",
        "ragkit.generate.cited:CitedGenerate",
        "any chat model answers from the passages and cites them",
    ),
    (
        "generate/structured",
        "ragkit.generate.structured:StructuredGenerate",
        "JSON of your schema, each value with its place",
    ),
    (
        "generate/reflect",
        "ragkit.generate.reflect:ReflectGenerate",
        "one more attempt for what did not hold",
    ),
    (
        "verify/citations",
        "ragkit.verify.citations:VerifyCitations",
        "check every citation against its document",
    ),
    ("verify/judged", "ragkit.verify.judged:JudgeCitations", "let a chat model judge cited sentences"),
    # where the work is done
    ("on/ray", "ragkit_connectors.ray:OnRay", "workers of a Ray cluster, or of this machine", "ray", "ray"),
    # evaluation
    (
        "metric/ragas",
        "ragkit_connectors.ragas:RagasScorer",
        "the metrics of ragas, with any chat model",
        "ragas",
        "ragas",
    ),
    (
        "dataset/ir-datasets",
        "ragkit_connectors.ir_datasets:IrDataset",
        "judged collections of the package ir_datasets, by id",
        "ir-datasets",
        "ir_datasets",
    ),
)

_registered: dict[str, Any] = {}


def register(component: type) -> type:
    """Registers a class (made with `@stage(...)`, or with a `use` attribute) under its name for this process.

    Raises:
        ConfigError: it has no name, or the name is one of ragkit's own.
    """
    name = getattr(component, "use", "")
    if "/" not in name:
        raise ConfigError(
            f"{component.__name__} has no registered name. Decorate it: @ragkit.stage('role/name')"
        )
    if name in BUILT_IN:
        raise ConfigError(f"the name {name!r} belongs to ragkit; choose another, for example 'rerank/mine'")
    _registered[name] = component
    return component


@cache
def _third_party() -> dict[str, Component]:
    return {
        point.name: Component(
            point.name,
            f"{point.module}:{point.attr}",
            f"from {point.dist.name if point.dist else 'a plugin'}",
        )
        for point in entry_points(group=GROUP)
        if point.name not in BUILT_IN
    }


def names(role: str | None = None) -> list[str]:
    """All names that can be used, sorted; of one role if given."""
    known = {**BUILT_IN, **_third_party(), **_registered}
    return sorted(name for name in known if role is None or name.partition("/")[0] == role)


def describe(name: str) -> Component:
    """What is known of a name without importing it.

    Raises:
        ConfigError: no such name; the message offers the nearest.
    """
    if name in _registered:
        cls = _registered[name]
        return Component(name, f"{cls.__module__}:{cls.__qualname__}", (cls.__doc__ or "").partition("\n")[0])
    found = BUILT_IN.get(name) or _third_party().get(name)
    if found is None:
        role = name.partition("/")[0]
        same_role = names(role)
        listing = f" Names of that role: {', '.join(same_role)}." if same_role else ""
        raise ConfigError(f"unknown name {name!r}.{did_you_mean(name, same_role or names())}{listing}")
    return found


def load(name: str) -> Any:
    """The class behind a name.

    Raises:
        ConfigError: no such name, or its module or class cannot be imported.
        MissingExtraError: the package it needs is not installed.
    """
    missing = missing_extra(name)
    if missing:
        raise missing
    return blueprint(name)


def missing_extra(name: str) -> MissingExtraError | None:
    """What would have to be installed to run a component, without importing anything; None if all is there.

    Raises:
        ConfigError: no such name.
    """
    component = describe(name)
    if not component.package or not component.extra:
        return None
    packages = component.package.split("|")
    if any(map(_is_installed, packages)):
        return None
    return MissingExtraError(name, package=packages[0], extra=component.extra)


def blueprint(name: str) -> Any:
    """The class behind a name, to read its settings and documentation: what it needs may be absent.

    It follows that a component's module must not import its vendor's package at its top.

    Raises:
        ConfigError: no such name, or its module or class cannot be imported.
    """
    if name in _registered:
        return _registered[name]
    component = describe(name)
    module, _, attribute = component.target.partition(":")
    try:
        home = importlib.import_module(module)
    except Exception as e:
        # What the module of a third party raises is a mistake of its own, whatever its kind.
        raise ConfigError(f"{name!r}: {component.target} cannot be imported: {type(e).__name__}: {e}") from e
    try:
        return attrgetter(attribute)(home)
    except AttributeError as e:
        raise ConfigError(f"{name!r}: {module} has no {attribute}") from e


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ModuleNotFoundError, ValueError):
        return False
