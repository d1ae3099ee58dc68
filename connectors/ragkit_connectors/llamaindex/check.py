"""`RagkitCitationCheck`: the citations of any model's text, checked against its nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from llama_index.core.base.response.schema import Response
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle

from ragkit.errors import QueryError
from ragkit.types import Answer
from ragkit_connectors.bridge.stage_fields import Checking
from ragkit_connectors.llamaindex.held import held
from ragkit_connectors.llamaindex.nodes import citation_nodes
from ragkit_connectors.llamaindex.postprocessors import asked
from ragkit_connectors.llamaindex.streamed import response_values

# What a question may be long; a text that is asked for its sources may be longer.
_MAX_QUESTION = 32_000


class RagkitCitationCheck(Checking, BaseNodePostprocessor):
    """Makes checked citations of the markers in a text that a model wrote.

    `check` takes a response of any query engine, whose markers count its source nodes from `[1]`, and gives
    one whose text is what holds and whose source nodes are the very words that it cites; `dropped` in its
    metadata has the rest, with what is wrong. So LlamaIndex's `CitationQueryEngine` gets exact places.

    As a postprocessor it is asked with the text that was written, and gives the same source nodes.

    Args:
        rag: whose models and collection weigh words. Nodes of `RagkitRetriever` are compared with it.
        settings: those of `verify/citations`, such as `{"on_unsupported": "flag"}`.
        tenant, acl: for whom.

    Example:
        checked = RagkitCitationCheck(rag=rag).check(engine.query(question), question)
    """

    def check(self, response: Any, question: str | None = None) -> Response:
        """What of a response holds.

        Args:
            response: a `Response`, or a streamed one, which is read to its end.
            question: what was asked, where it is known.

        Raises:
            QueryError: there is no text, or a node says that it stands where the collection has another text.
        """
        if hasattr(response, "get_response"):
            response = response.get_response()
        if not isinstance(response, Response):
            raise QueryError(f"expected a Response of LlamaIndex, got {type(response).__name__}")
        answer = self._answer(response.response or "", response.source_nodes, question)
        return Response(answer.text, _cited(answer, response.source_nodes), response_values(answer))

    async def acheck(self, response: Any, question: str | None = None) -> Response:
        """`check` in a thread; it takes responses that are streamed in the async way, too."""
        if hasattr(response, "async_response_gen"):
            response = await response.get_response()
        return await asyncio.to_thread(self.check, response, question)

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return _cited(self._answer(asked(query_bundle), nodes, None), nodes)

    def _answer(self, text: str, nodes: Sequence[NodeWithScore], question: str | None) -> Answer:
        return self._beside.answer(text, held(nodes), (question or text)[:_MAX_QUESTION])

    @classmethod
    def class_name(cls) -> str:
        """What LlamaIndex calls it."""
        return "RagkitCitationCheck"


def _cited(answer: Answer, nodes: Sequence[NodeWithScore]) -> list[NodeWithScore]:
    told = {str(node.node.metadata.get("id") or node.node_id): node.node.metadata for node in nodes}
    return citation_nodes(answer.citations, told)
