"""How large a batch is: what the model embeds in some seconds, so that a run that is killed loses no more."""

from __future__ import annotations

# A commit costs some milliseconds; a batch that is sorted by length gains little beyond 256 passages.
BATCH_S = 5.0
FIRST_CHUNKS = 128
MIN_CHUNKS = 64
MAX_CHUNKS = 2_000


class Pace:
    """The number of chunks for the next batch, from the speed of the batches so far, late ones above all.

    >>> pace = Pace()
    >>> pace.limit
    128
    >>> pace.note(128, seconds=1.0)
    >>> pace.limit
    640
    """

    def __init__(self) -> None:
        self._n_texts = 0.0
        self._seconds = 0.0

    @property
    def limit(self) -> int:
        """How many chunks the next batch may have."""
        if not self._n_texts:
            return FIRST_CHUNKS
        if self._n_texts * BATCH_S >= MAX_CHUNKS * self._seconds:
            return MAX_CHUNKS
        return max(MIN_CHUNKS, int(self._n_texts / self._seconds * BATCH_S))

    def note(self, n_texts: int, *, seconds: float) -> None:
        """Takes in a batch: how many texts were embedded, and in what time."""
        # Half of what was before: the speed of a machine changes with what else it does.
        self._n_texts = self._n_texts / 2 + n_texts
        self._seconds = self._seconds / 2 + seconds
