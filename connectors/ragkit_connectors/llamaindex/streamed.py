"""A stream of ragkit's events as text that is shown, and as what LlamaIndex's responses keep beside it."""

from __future__ import annotations

from typing import Any

from llama_index.core.schema import NodeWithScore

from ragkit.events import Done, Event, Retracted, Shown, SoFar
from ragkit.types import Answer
from ragkit_connectors.bridge.told import answer_values
from ragkit_connectors.llamaindex.nodes import citation_nodes, cited_nodes


class Streamed:
    """The text of a stream in pieces; `nodes` and `metadata` fill on the way, and are whole at its end.

    LlamaIndex's streams have no way to take a text back: a sentence that was shown and then taken back is
    left out of `metadata["answer"]` and of `nodes`, and stands under `metadata["retracted"]`.
    """

    def __init__(self) -> None:
        self.nodes: list[NodeWithScore] = []
        self.metadata: dict[str, Any] = {}
        self._so_far = SoFar()
        self._n_pieces = 0
        self._texts: dict[int, str] = {}

    def take(self, event: Event) -> str:
        """The text to be shown next, often none.

        Args:
            event: the next one.
        """
        if not isinstance(event, Shown | Retracted | Done):
            return ""
        self._so_far.take(event)
        if isinstance(event, Done):
            return self._end(self._so_far.answer())
        if isinstance(event, Retracted):
            self.metadata.setdefault("retracted", []).append(self._texts[event.id])
            return ""
        self._texts[event.id] = event.text
        known = {node.node.node_id for node in self.nodes}
        fresh = citation_nodes(event.sentence.citations, {})
        self.nodes += [node for node in fresh if node.node.node_id not in known]
        self._n_pieces += 1
        return event.text if self._n_pieces == 1 else event.gap + event.text

    def _end(self, answer: Answer) -> str:
        self.nodes[:] = cited_nodes(answer)
        self.metadata.update(response_values(answer), answer=answer.text)
        return answer.text if not self._n_pieces else ""


def response_values(answer: Answer) -> dict[str, Any]:
    """The metadata of a response: all of an answer but its text; JSON can hold it."""
    values = answer_values(answer)
    del values["answer"]
    return values
