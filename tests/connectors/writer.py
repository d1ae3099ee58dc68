"""A process that commits to a store and kills itself on the way, and what kills it again and again.

    python -m tests.connectors.writer STORE SETTINGS NOTES SEED PLACES [MILLISECONDS [ERASES]]

It dies with SIGKILL at the PLACES-th named place that it passes (see `ragkit.failpoints`); where PLACES is 0,
so many milliseconds after it was opened, wherever it is then. SETTINGS are JSON. With ERASES it forgets
documents in between, else it compacts and prepares for questions alone.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ragkit import failpoints, registry
from ragkit.protocols import Change
from ragkit.store.abilities import PreparingStore
from ragkit.testing.data import quarantine, remove
from tests.connectors.workload import SPEC, batches, document, document_of
from tests.crash.checking import matched
from tests.crash.ledger import Ledger, Notes

N_PLACES = 18  # named places that one commit and one compaction pass
SEED = 20
_ROOT = Path(__file__).parents[2]


def survives(
    use: str,
    settings: Mapping[str, Any],
    folder: Path,
    n_kills: int,
    *,
    check: Callable[[Any], None] = lambda store: None,
    in_time: bool = False,
    erases: bool = False,
) -> None:
    """Kills writers of one index, each somewhere else, and compares it with what they had noted.

    Args:
        use: the store.
        settings: by which each process finds the index.
        folder: for the notes.
        n_kills: how many writers.
        check: what else holds of the store each time.
        in_time: whether a third of them die at a moment, not at a named place.
        erases: whether they forget documents too.

    Raises:
        AssertionError: something is lost, or there twice.
    """
    rng, path = random.Random(SEED), folder / "ledger"
    n_places = 3 * (N_PLACES + 30 * erases)
    for _ in range(n_kills):
        places = rng.randrange(1, n_places) if not in_time or rng.random() < 2 / 3 else 0
        _killed(use, settings, path, rng.randrange(10**6), places, rng.randrange(5, 1500), erases=erases)
        store = registry.load(use)(**settings).open(SPEC)
        there: Any = matched(store, Ledger.read(path))
        # The dead writer holds nobody up, and the next commit settles what it left.
        store.commit([document("next", rng.randrange(1000))])
        store.compact()
        held_now = store.holdings()
        assert (held_now.n_ended, held_now.to_erase) == (0, False)
        assert store.verify() == []
        check(store)
        path.write_text("")
        _note_all(Notes(path), store)
        held = dict(Ledger.read(path).acknowledged)
        assert {**there, "next": held["next"]} == held
        store.close()


def _killed(
    use: str, settings: Mapping[str, Any], notes: Path, seed: int, places: int, after_ms: int, *, erases: bool
) -> None:
    """Runs a writer until it kills itself."""
    given = [use, json.dumps(settings), str(notes), *map(str, (seed, places, after_ms)), "erases" * erases]
    done = subprocess.run(
        [sys.executable, "-m", "tests.connectors.writer", *given],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def _note_all(notes: Notes, store: Any) -> None:
    """Notes the content of a store as commits."""
    sources = [(state.document_id, store.source("", state.document_id)) for state in store.states()]
    changes = [document_of(name, s.text.split("\n")) for name, s in sources if s is not None]
    for some in (changes, [quarantine(state.document_id) for state in store.quarantined()]):
        notes.begun(some)
        notes(done=0)


# --- the process ------------------------------------------------------------------------------------


def main(
    use: str, settings: str, notes: str, seed: str, places: str, after_ms: str = "0", erases: str = ""
) -> None:
    """Commits until it is killed, collecting garbage in between."""
    store = registry.load(use)(**json.loads(settings)).open(SPEC)
    noted, rng = Notes(Path(notes)), random.Random(int(seed))
    if int(places):
        failpoints.watch(_dying(int(places)))
    else:
        threading.Timer(int(after_ms) / 1000, os.kill, (os.getpid(), signal.SIGKILL)).start()
    for changes in batches(rng, 1000):
        noted.begun(changes)
        noted(done=store.commit(changes))
        if erases and rng.random() < 0.3:
            forgotten: list[Change] = [
                remove(rng.choice([state.document_id for state in store.states()] or ["d0"]))
            ]
            noted.begun(forgotten)
            store.erase(forgotten)
            noted(done=0)
        else:
            store.compact()
            if isinstance(store, PreparingStore):
                store.prepare()


def _dying(places: int) -> Callable[[str], None]:
    left = places

    def die(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return die


if __name__ == "__main__":
    main(*sys.argv[1:])
