"""An index with a `verify/citations` over it, as an application has it, and what it retrieves."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ragkit
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.graph.trace import NodeTrace
from ragkit.protocols import Resources
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.fuse import WeightedFuse
from ragkit.types import Answer, Context
from ragkit.verify.citations import VerifyCitations

HANDBOOK = Path(__file__).parent.parent / "examples/corpus"
_RESOURCES: list[Resources] = []


@stage("generate/kept")
class KeptContext(Stage[Context, Answer]):
    """No answer: the context is what is wanted, and what the graph's stages are given to work with."""

    def setup(self, resources: Resources) -> None:
        _RESOURCES[:] = [resources]

    def run(self, context: Context, ctx: RunContext) -> Answer:
        return Answer(context.plan, text="", context=context, abstained=True)


@dataclass(frozen=True)
class Rig:
    """An open index, and a verification that works with its collection: its words' rarity, its embedder."""

    rag: ragkit.RAG
    verify: VerifyCitations
    resources: Resources

    def context(self, question: str) -> Context:
        """What is retrieved for a question."""
        found = self.rag.ask(question).context
        assert found is not None
        return found

    def verified(self, context: Context, text: str) -> Answer:
        """What becomes of a text that a model wrote from a context."""
        given = Answer(context.plan, text=text, context=context, generator="generate/cited")
        return self.verify.run(given, RunContext(NodeTrace("verify", "verify/citations")))


@contextmanager
def rig(documents: Path | Sequence[ragkit.Document], settings: Mapping[str, object]) -> Iterator[Rig]:
    """A rig over these documents, in a folder that goes afterwards."""
    graph = Bm25Retrieve(k=200) >> WeightedFuse(k=200) >> KeptContext()
    with tempfile.TemporaryDirectory() as folder, ragkit.open(f"{folder}/index", graph=graph) as rag:
        rag.ingest(documents if isinstance(documents, Path) else list(documents), progress=False)
        rag.ask("?")
        # `open` makes the graph's stages anew from their settings, so one made here must be set up here.
        verify = VerifyCitations(**settings)
        verify.setup(_RESOURCES[0])
        yield Rig(rag, verify, _RESOURCES[0])


def wilson(k: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    z = 1.96
    centre = (k + z * z / 2) / (n + z * z)
    half = z * math.sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)
    return max(0.0, centre - half), min(1.0, centre + half)
