"""Server-sent events: bytes as they arrive → the data of each event.

The format is that of the HTML standard, section 9.2.6 "Interpreting an event stream".
"""

from __future__ import annotations

from collections.abc import Iterator

from ragkit.errors import InvalidOutputError

MOST_BYTES = 16 * 2**20


class EventReader:
    """Takes bytes in pieces of any size and gives the data of each event that is complete.

    >>> reader = EventReader()
    >>> list(reader.feed(b"data: one\\n\\ndata: t")), list(reader.feed(b"wo\\r\\n\\r\\n"))
    ([b'one'], [b'two'])
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The data of the events that this piece completes.

        Raises:
            InvalidOutputError: an event has no end.
        """
        self._rest += piece
        if len(self._rest) > MOST_BYTES:
            raise InvalidOutputError(f"an event of over {MOST_BYTES:,} bytes; is this a chat endpoint?")
        # A piece may end between \r and \n: the last line waits until what follows it is known.
        lines = self._rest.replace(b"\r\n", b"\n").split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if line:
                self._take(line)
            elif self._data:
                yield b"\n".join(self._data)
                self._data = []

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
