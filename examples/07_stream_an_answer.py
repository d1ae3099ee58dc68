"""Sentences appear when they are checked, and one that does not hold is never shown. The model here is a toy
in this process: put a real one in its place, for example `OpenAIChat(base_url=…, model=…)`."""

from __future__ import annotations

import re
import tempfile
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import anyio

import ragkit
from ragkit.chat import Completion, Delta, Message
from ragkit.events import Retracted, Shown, SoFar
from ragkit.generate.cited import CitedGenerate
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.fuse import WeightedFuse
from ragkit.verify.citations import VerifyCitations


class Toy:
    """Quotes a sentence on expiry, makes something up, and writes both a few letters at a time."""

    name = fingerprint = "toy"

    async def complete(self, messages: Sequence[Message], **_: object) -> Completion:
        """The answer as a whole."""
        found = re.search(r"[^.\n]*expire[^.\n]*\.", messages[-1].text)
        text = f"{found[0].strip() if found else ''} [1] After that it costs 99 euros an hour. [1]"
        return Completion(text, model="toy", finish_reason="stop")

    async def stream(
        self, messages: Sequence[Message], **_: object
    ) -> AsyncGenerator[Delta | Completion, None]:
        """The answer as it is written."""
        done = await self.complete(messages)
        for at in range(0, len(done.text), 7):
            await anyio.sleep(0.01)
            yield Delta(done.text[at : at + 7])
        yield done


graph = Bm25Retrieve() >> WeightedFuse(k=6) >> CitedGenerate(llm=Toy()) >> VerifyCitations()

with tempfile.TemporaryDirectory() as folder, ragkit.open(folder, graph=graph) as rag:
    rag.ingest(Path(__file__).parent / "corpus" / "en", progress=False)
    so_far = SoFar()
    for event in rag.stream("What happens when a licence expires?"):
        so_far.take(event)
        if isinstance(event, Shown):
            print("shown:", event.text)
        elif isinstance(event, Retracted):
            print("taken back:", event.id)
    answer = so_far.answer()
    print("the answer:", answer.text)
    print("not shown:", [sentence.text for sentence in answer.dropped])
