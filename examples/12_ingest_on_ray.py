"""Fill an index with the workers of a Ray cluster: `python examples/12_ingest_on_ray.py ray`, or ray://HOST:10001.

Without an argument this process does the work itself. What lies in the index is the same, so a run that was
begun here can be gone on with there.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import ragkit

CORPUS = Path(__file__).parent / "corpus"


def main() -> None:
    """Ingests the handbook twice: the second time costs nothing, whoever did the first."""
    on = sys.argv[1] if len(sys.argv) > 1 else "local"
    with tempfile.TemporaryDirectory() as folder, ragkit.open(folder) as rag:
        for _ in range(2):
            report = rag.ingest(CORPUS, progress=False, on=on)
            print(
                f"{report.committed} committed, {report.unchanged} unchanged, {report.seconds:.1f} s on {on}"
            )
        print(rag.ask("How many scans does a handheld hold in version 3.2?").text)


# Ray starts workers as new processes; none of them must run what follows.
if __name__ == "__main__":
    main()
