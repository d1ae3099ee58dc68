"""How long `import ragkit` takes, beside a bare interpreter and what it would cost to import it eagerly.

    python evals/benchmarks/import_time.py

Each figure is the median wall time of fresh interpreters, less that of one that imports nothing. The goal is
150 ms for `import ragkit`. Compile the bytecode first, as an installer does: python -m compileall ragkit.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 15
STATEMENTS = {
    "import ragkit": "import ragkit",
    "ragkit.open (names only)": "import ragkit; ragkit.open",
    "numpy": "import numpy",
    "pydantic": "import pydantic",
    "onnxruntime": "import onnxruntime",
}


def seconds(statement: str) -> float:
    """Median wall time of a fresh interpreter that runs one statement."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> None:
    """Prints one line per statement."""
    bare = seconds("pass")
    print(f"{'bare interpreter':<26}{bare * 1e3:8.1f} ms")
    for name, statement in STATEMENTS.items():
        print(f"{name:<26}{(seconds(statement) - bare) * 1e3:8.1f} ms more")


if __name__ == "__main__":
    main()
