"""`RagkitQueryEngine`: a whole RAG as a query engine of LlamaIndex."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.response.schema import (
    RESPONSE_TYPE,
    AsyncStreamingResponse,
    Response,
    StreamingResponse,
)
from llama_index.core.callbacks import CallbackManager
from llama_index.core.callbacks.schema import EventPayload
from llama_index.core.schema import NodeWithScore, QueryBundle

from ragkit.types import Answer
from ragkit_connectors.llamaindex.answering import AnswersByRag
from ragkit_connectors.llamaindex.nodes import cited_nodes, nodes_of
from ragkit_connectors.llamaindex.streamed import Streamed, response_values


class RagkitQueryEngine(AnswersByRag, BaseQueryEngine):
    """Answers with the whole graph of a RAG.

    A response's text has markers, and its `source_nodes` are what they cite: the very words, with their
    places in the documents (`ref_doc_id`, `start_char_idx`, `end_char_idx`), and the marker in the metadata.
    The response's metadata says `abstained` and `reason`, and has `sentences`, `citations`, `dropped`,
    `confidence`, `usage`, `trace_id` …

    Args:
        rag: what answers.
        streaming: whether text comes in pieces, each sentence as soon as it is checked. The lists and the
            metadata of a streamed response are whole when its text is.
        tenant, acl: for whom; see `with_reader` for what a single call may add.
        filter: in ragkit's language, or `MetadataFilters`.
        callback_manager: LlamaIndex's.

    Example:
        print(RagkitQueryEngine(rag=ragkit.open("index")).query("How long is the warranty?"))
    """

    def __init__(
        self,
        rag: Any,
        *,
        streaming: bool = False,
        tenant: str | None = None,
        acl: Sequence[str] | None = None,
        filter: Any = None,  # noqa: A002
        callback_manager: CallbackManager | None = None,
    ) -> None:
        self.hold(rag, tenant, acl, filter)
        self.streaming = streaming
        super().__init__(callback_manager=callback_manager)

    def retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """The passages that the RAG finds, best first."""
        return nodes_of(self.rag.retrieve(query_bundle.query_str, **self.reader.keywords()))

    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        with self.event(query_bundle.query_str) as event:
            if self.streaming:
                streamed = Streamed()
                found: RESPONSE_TYPE = StreamingResponse(
                    self.pieces(query_bundle.query_str, streamed), streamed.nodes, streamed.metadata
                )
            else:
                found = response_of(self.answer(query_bundle.query_str))
            event.on_end(payload={EventPayload.RESPONSE: found})
        return found

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        with self.event(query_bundle.query_str) as event:
            if self.streaming:
                streamed = Streamed()
                found: RESPONSE_TYPE = AsyncStreamingResponse(
                    self.apieces(query_bundle.query_str, streamed), streamed.nodes, streamed.metadata
                )
            else:
                found = response_of(await self.aanswer(query_bundle.query_str))
            event.on_end(payload={EventPayload.RESPONSE: found})
        return found

    def _get_prompt_modules(self) -> dict[str, Any]:
        return {}


def response_of(answer: Answer) -> Response:
    """An answer as a response, with what it cites as its sources."""
    return Response(answer.text, cited_nodes(answer), response_values(answer))
