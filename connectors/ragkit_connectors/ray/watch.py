"""Looks whether a cluster is still there, however much is heard from its workers.

The workers of a cluster whose head was killed may work on for as long as they are given work, but none can be
started any more, and after a minute without the head Ray ends this process without a word. So it is asked for
all the time, and not only when the workers fall silent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ragkit.errors import ClusterError
from ragkit_connectors.ray.cluster import PROBE_S, Cluster, Sight

_LOOK_S = 2.0
_GONE_LOOKS = 3
_PAUSE_S = 1.0
# A head that is there but stopped takes connections and says nothing.
_SILENT_S = 40.0


class Watch:
    """Tells once that a cluster is gone: its head refused three times, or was silent for 40 seconds.

    Args:
        cluster: which.
        tell: is given the error, in the watch's own thread.

    Example:
        watch = Watch(cluster, pool.end)
        watch.close()
    """

    def __init__(self, cluster: Cluster, tell: Callable[[ClusterError], None]) -> None:
        self._cluster, self._tell = cluster, tell
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ragkit-ray-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Looks no more: what is joined may then be left."""
        self._ended.set()
        self._thread.join(2 * PROBE_S)

    def _run(self) -> None:
        seen_at, n_gone = time.monotonic(), 0
        while not self._ended.wait(_LOOK_S):
            sight = self._cluster.look()
            if sight is Sight.THERE:
                seen_at, n_gone = time.monotonic(), 0
            n_gone += sight is Sight.GONE
            if n_gone >= _GONE_LOOKS or time.monotonic() - seen_at > _SILENT_S:
                if not self._ended.is_set():
                    self._tell(self._cluster.gone())
                return


def is_gone(cluster: Cluster) -> bool:
    """Whether it is gone each time that it is looked for; one refusal may be a moment's."""
    for n in range(_GONE_LOOKS):
        if n:
            time.sleep(_PAUSE_S)
        if cluster.look() is not Sight.GONE:
            return False
    return True
