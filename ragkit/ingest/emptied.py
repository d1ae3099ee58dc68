"""Folders that are still there and have no files any more: cleared out, or a disk that is not mounted."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal

from ragkit.ingest.load.walk import walk

_Look = Literal["absent", "filled", "empty", "empty elsewhere"]


@dataclass(frozen=True, slots=True)
class EmptyFolder:
    """A folder without files; `is_elsewhere` where it is a mount point or a link, so that its files may be
    on a disk that is not there today."""

    path: str
    is_elsewhere: bool = field(kw_only=True)


class Emptied:
    """Finds the folder without files that a path leads through. Each folder is looked at once.

    Example:
        folder = Emptied().above("/home/me/docs", "disk/reports/may.md")
        if folder is not None:
            print(folder.path)
    """

    def __init__(self) -> None:
        self._looks: dict[str, _Look] = {}

    def above(self, top: str, below: str) -> EmptyFolder | None:
        """The outermost such folder between `top` and the file `below` it, or the one that is elsewhere."""
        outermost: EmptyFolder | None = None
        place = top.rstrip("/")
        for name in below.split("/")[:-1]:
            place = f"{place}/{name}"
            look = self._look(place)
            if look == "absent":
                break
            if look == "empty elsewhere":
                return EmptyFolder(place, is_elsewhere=True)
            if look == "empty" and outermost is None:
                outermost = EmptyFolder(place, is_elsewhere=False)
        return outermost

    def _look(self, place: str) -> _Look:
        look = self._looks.get(place)
        if look is None:
            look = self._looks[place] = _looked_at(place)
        return look


def _looked_at(place: str) -> _Look:
    if not os.path.isdir(place):  # noqa: PTH112  (Path.is_dir raises where permission is lacking)
        return "absent"
    if any(found.problem is None for found in walk(place)):
        return "filled"
    return "empty elsewhere" if os.path.islink(place) or os.path.ismount(place) else "empty"  # noqa: PTH114
