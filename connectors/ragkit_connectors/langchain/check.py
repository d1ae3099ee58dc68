"""`RagkitCitationCheck`: the citations of any model's text, checked against its documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.documents import Document
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from langchain_core.runnables.config import run_in_executor

from ragkit.errors import QueryError
from ragkit_connectors.bridge.beside import Held
from ragkit_connectors.bridge.stage_fields import Checking
from ragkit_connectors.bridge.told import answer_values
from ragkit_connectors.chat.told import text_of


class RagkitCitationCheck(Checking, RunnableSerializable[Any, Any]):
    """Makes checked citations of the markers in a text that a model wrote.

    It takes a mapping: `answer`, the text or the message of a model; `context`, the documents that it was
    given, which its markers count from `[1]`; and `question`, if wanted. It gives what `RagkitRunnable`
    gives: the sentences that hold with their citations, and under `dropped` the others, with what is wrong.

    Args:
        rag: whose models and collection weigh words. Documents of `RagkitRetriever` are compared with it.
        settings: those of `verify/citations`, such as `{"on_unsupported": "flag"}`.
        tenant, acl: for whom.

    Example:
        check = RagkitCitationCheck(rag=rag)
        check.invoke({"answer": "It lasts two years. [1]", "context": documents})["citations"]
    """

    def invoke(self, input: Any, config: RunnableConfig | None = None, **_: Any) -> dict[str, Any]:  # noqa: A002
        """The answer with what of it holds.

        Raises:
            QueryError: there is no text, or a document says that it stands where the collection has another
                text.
        """
        found: dict[str, Any] = self._call_with_config(self._checked, input, config)
        return found

    async def ainvoke(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **_: Any,
    ) -> dict[str, Any]:
        """`invoke`, in a thread."""

        async def checked(given: Any) -> dict[str, Any]:
            values: dict[str, Any] = await run_in_executor(None, self._checked, given)
            return values

        found: dict[str, Any] = await self._acall_with_config(checked, input, config)
        return found

    def _checked(self, given: Any) -> dict[str, Any]:
        if not isinstance(given, Mapping) or "answer" not in given or "context" not in given:
            raise QueryError("expected a mapping with 'answer' and 'context'")
        text = given["answer"]
        text = text_of(getattr(text, "content", text))
        question = given.get("question") or text
        answer = self._beside.answer(text, held(given["context"]), str(question)[:32_000])
        return answer_values(answer)


def held(documents: Sequence[Document]) -> list[Held]:
    """Documents of LangChain as passages that are held elsewhere."""
    return [Held(d.page_content, metadata=d.metadata, id=d.id) for d in documents]
