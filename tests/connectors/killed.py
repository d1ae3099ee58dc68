"""Writers that are killed while a server goes on, on any server that is imitated here."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from tests.connectors.imitated import Imitated
from tests.connectors.writer import survives
from tests.scale import scaled


class KillChecks(Imitated):
    """A writer dies with SIGKILL in a commit or a compaction: nothing is lost or there twice."""

    use: ClassVar[str]
    n_kills: ClassVar[int] = scaled(40)

    def test_killed_at_any_place_it_holds_what_was_acknowledged(self, tmp_path: Path) -> None:
        self.store(name="Killed").close()
        place = {**self.settings, **self.place(self.stores.server.url), "name": "Killed"}
        survives(self.use, place, tmp_path, self.n_kills)

    def place(self, url: str) -> dict[str, Any]:
        """The settings by which another process finds the server."""
        return {"url": url}
