"""What opening an index costs, the first answer included: built by the first process, kept for the second.

    OMP_NUM_THREADS=1 python evals/benchmarks/dense_opening.py [--rows 100000] [--index hnsw] [--folder DIR]

Two JSON lines, each of a process of its own: seconds by the clock and of CPU, anonymous memory in MB, and of
each part that is worth a file its rows and whether it was opened from there. The vectors are those of
`dense_search.py`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dense_search import INDEXES, SPEC, Data, fill

from ragkit.protocols import PersistentIndex, Scope
from ragkit.store.local.store import LocalStore


def _anonymous_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def open_and_ask(folder: Path, kind: str) -> dict[str, object]:
    """Opens the index and asks one question."""
    query = Data.made(100, 1).queries
    memory, clock, cpu = _anonymous_mb(), time.perf_counter(), time.process_time()
    store = LocalStore(path=folder, index=INDEXES[kind]).open(SPEC)
    store.search(query, 10, Scope())
    took = {"clock_s": time.perf_counter() - clock, "cpu_s": time.process_time() - cpu}
    index = store._reader.view(Scope()).snapshot.index
    parts = index.parts() if isinstance(index, PersistentIndex) else []
    used = {"anonymous_mb": _anonymous_mb() - memory, "parts": [[p.n_rows, bool(p.path)] for p in parts]}
    return {"index": kind, "rows": store.counts().chunks, **took, **used}


def main() -> None:
    """Fills a folder where it is empty, and opens it in two processes, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--index", choices=INDEXES, default="hnsw")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--open", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.open:
        print(json.dumps(open_and_ask(args.folder, args.index)))
        return
    folder = args.folder or Path(tempfile.mkdtemp())
    if not (folder / "manifest.sqlite").exists():
        fill(folder, Data.made(args.rows, 1))
    for _ in range(2):
        command = [sys.executable, __file__, "--open", "--index", args.index, "--folder", str(folder)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
