"""`RagkitReranker` and `RagkitCompressor`: stages of ragkit on nodes of LlamaIndex."""

from __future__ import annotations

from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle

from ragkit.errors import QueryError
from ragkit_connectors.bridge.ordered import ordered
from ragkit_connectors.bridge.stage_fields import Compressing, Reranking
from ragkit_connectors.llamaindex.held import held, shortened

_dispatcher = get_dispatcher(__name__)


class RagkitReranker(Reranking, BaseNodePostprocessor):
    """Orders nodes by a reranker of ragkit; a node's score becomes the reranker's.

    Args:
        model: a registered name (`rerank/bundled`, `rerank/cross-encoder` …) or a reranker.
        settings: settings of a model that is named.
        k: nodes to keep; None keeps all.

    Example:
        RetrieverQueryEngine.from_args(retriever, node_postprocessors=[RagkitReranker(k=4)])
    """

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        question = asked(query_bundle)
        if not nodes:
            return []
        name, k = self._reranker.name, len(nodes) if self.k is None else self.k
        _dispatcher.event(ReRankStartEvent(query=query_bundle, nodes=nodes, top_n=k, model_name=name))
        payload = {
            EventPayload.NODES: nodes,
            EventPayload.MODEL_NAME: name,
            EventPayload.QUERY_STR: question,
            EventPayload.TOP_K: k,
        }
        with self.callback_manager.event(CBEventType.RERANKING, payload=payload) as event:
            texts = [node.node.get_content() for node in nodes]
            best = ordered(self._reranker, question, texts, self.k)
            found = [NodeWithScore(node=nodes[i].node, score=score) for i, score in best]
            event.on_end(payload={EventPayload.NODES: found})
        _dispatcher.event(ReRankEndEvent(nodes=found))
        return found

    @classmethod
    def class_name(cls) -> str:
        """What LlamaIndex calls it."""
        return "RagkitReranker"


class RagkitCompressor(Compressing, BaseNodePostprocessor):
    """Keeps of nodes the sentences that bear on the question, word for word, within a budget.

    A node's text becomes what is kept, with ` … ` between, and `keep` in its metadata says where that stands
    in its document, so that it can still be cited. Where it is one piece, `start_char_idx` and `end_char_idx`
    are its place; otherwise they are None, for the text stands nowhere as it is.

    Args:
        rag: whose models and collection weigh words.
        budget_tokens: tokens (estimated) for all nodes together.
        stage: the registered name of another stage of the role `compress`, with its `settings`.
        tenant, acl: for whom.

    Example:
        RagkitCompressor(rag=rag, budget_tokens=600).postprocess_nodes(nodes, query_str="How long?")
    """

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        question = asked(query_bundle)
        left = self._beside.context(held(nodes), question) if nodes else []
        return [shortened(nodes[i], passage) for i, passage in left]

    @classmethod
    def class_name(cls) -> str:
        """What LlamaIndex calls it."""
        return "RagkitCompressor"


def asked(query_bundle: QueryBundle | None) -> str:
    """The question of a postprocessor.

    Raises:
        QueryError: it was called without one.
    """
    if query_bundle is None:
        raise QueryError("expected a question: postprocess_nodes(nodes, query_str='…')")
    return str(query_bundle.query_str)
