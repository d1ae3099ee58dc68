"""Where a search may ask for chunks of all commits: unless too many of its hits are of others."""

from __future__ import annotations

import threading
from collections import OrderedDict

from ragkit.protocols import Scope
from ragkit.store.remote.conditions import Condition
from ragkit.store.remote.server import RemoteServer, ScoringServer
from ragkit.store.remote.view import View

_REMEMBERED = 512


class Crowds:
    """Remembers the scopes among whose hits too many were of other commits.

    A condition on commits holds for almost every chunk, and costs a server more than the search. Each hit is
    judged here anyway, so it is left out until hits that are dropped leave too few.
    """

    def __init__(self, server: RemoteServer) -> None:
        self._is_wide = isinstance(server, ScoringServer)
        self._crowded: OrderedDict[Scope, None] = OrderedDict()
        self._lock = threading.Lock()

    def condition(self, view: View) -> tuple[Condition, bool]:
        """What to ask for, and whether that is of all commits."""
        with self._lock:
            is_wide = self._is_wide and view.scope not in self._crowded
        return (view.readable if is_wide else view.shown), is_wide

    def note(self, view: View) -> Condition:
        """Remembers that too many hits are of other commits, and gives what to ask for instead."""
        with self._lock:
            # A commit never changes, so neither does what a scope shows of it.
            self._crowded[view.scope] = None
            while len(self._crowded) > _REMEMBERED:
                self._crowded.popitem(last=False)
        return view.shown
