"""The worker of an evaluation: an actor that opens a pipeline as it was told, and asks it questions."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from typing import Any

import ragkit
from ragkit.errors import RagkitError
from ragkit.evaluation.runner.handed import HandedAsker
from ragkit_connectors.ray.probe import node_name
from ragkit_connectors.ray.wire import pack, unpack


class Asking:
    """Asks the questions of one pipeline. Bytes go in, bytes come out.

    Example:
        asking = Asking()
        facts = json.loads(asking.hello(told))
        asking.ask(pack([{"id": "q1", "text": "How long is it?", "history": []}]))
    """

    def __init__(self) -> None:
        self._open = ExitStack()
        self._asker: HandedAsker | None = None

    def hello(self, told: bytes) -> bytes:
        """Opens the pipeline; gives what the process that measures compares with its own."""
        facts: dict[str, Any] = {"node": node_name(), "pid": os.getpid(), "ragkit": ragkit.__version__}
        try:
            self._asker = self._open.enter_context(HandedAsker.opened(json.loads(told)))
            facts |= self._asker.facts
        except RagkitError as e:
            facts |= {"error": f"{type(e).__name__}: {e}"}
        return json.dumps(facts).encode()

    def ask(self, task: bytes) -> bytes:
        """What came of some questions, in their order."""
        assert self._asker is not None
        return pack(self._asker.ask(unpack(task)[0]))
