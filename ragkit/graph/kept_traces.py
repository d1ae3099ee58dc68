"""The traces of the last runs."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock

from ragkit.errors import QueryError
from ragkit.fields import shown
from ragkit.graph.trace import Trace


class KeptTraces:
    """The last `most` traces by their ids. Any number of threads may use it.

    >>> kept = KeptTraces(1)
    >>> kept.keep(Trace("a")), kept.trace("a").id
    ('a', 'a')
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._traces: OrderedDict[str, Trace] = OrderedDict()
        self._lock = Lock()

    def keep(self, trace: Trace) -> str:
        """Keeps a trace, drops the oldest ones, and gives its id."""
        trace_id = trace.id or uuid.uuid4().hex
        with self._lock:
            self._traces[trace_id] = trace
            while len(self._traces) > self._most:
                self._traces.popitem(last=False)
        return trace_id

    def add(self, trace_id: str, facts: Mapping[str, object]) -> None:
        """Adds facts about a run to its trace, where that is still kept."""
        found = self._traces.get(trace_id)
        if found is not None:
            found.facts.update(facts)

    def trace(self, trace_id: str) -> Trace:
        """The trace of an id.

        Raises:
            QueryError: it is unknown or no longer kept.
        """
        found = self._traces.get(trace_id) if isinstance(trace_id, str) else None
        if found is None:
            raise QueryError(
                f"no trace {shown(trace_id)}: the last {self._most} runs of this object are kept"
            )
        return found
