"""The stages of a graph."""

from __future__ import annotations

from ragkit.built_in.component import LANGCHAIN, LLAMAINDEX, Component, table

STAGES: dict[str, Component] = table(
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
        *LANGCHAIN,
    ),
    (
        "retrieve/llamaindex",
        "ragkit_connectors.llamaindex.retrieve:LlamaIndexRetrieve",
        "any retriever or index of LlamaIndex over the same documents",
        *LLAMAINDEX,
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
)
