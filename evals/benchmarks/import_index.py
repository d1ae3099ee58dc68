"""How long `ragkit import` takes, and how much memory: made-up passages in the forms that it reads.

`cpu` is the time of the whole process, its start and all threads included; nothing is embedded.

python evals/benchmarks/import_index.py --passages 100000 --kinds jsonl llamaindex-storage haystack
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

WORDS = [
    "warranty",
    "returns",
    "support",
    "licence",
    "гарантия",
    "возврат",
    "склад",
    "накладная",
    "scanner",
    "label",
    "report",
    "price",
]
PER_DOCUMENT = 10


def rows(n: int) -> list[dict[str, Any]]:
    """Passages of about 500 characters, ten to a document, English and Russian."""
    rng = np.random.default_rng(11)
    found = []
    for i in range(n):
        text = " ".join(WORDS[w] + str(i % 97) for w in rng.integers(0, len(WORDS), 55))
        found.append(
            {"id": f"p{i}", "text": text, "source": f"d{i // PER_DOCUMENT}.md", "metadata": {"n": i}}
        )
    return found


def vectors(n: int, dimension: int) -> Any:
    """Unit vectors."""
    made = np.random.default_rng(12).normal(size=(n, dimension)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def write(kind: str, folder: Path, found: list[dict[str, Any]], made: Any) -> Path:
    """An index in the form of a library, as its own files are laid out."""
    folder.mkdir(parents=True)
    if kind == "jsonl":
        with (folder / "passages.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in found)
        np.save(folder / "vectors.npy", made)
        return folder
    if kind == "haystack":
        documents = [
            {
                "id": r["id"],
                "content": r["text"],
                "meta": {"file_path": r["source"], **r["metadata"]},
                "embedding": v,
            }
            for r, v in zip(found, made.tolist(), strict=True)
        ]
        settings = {"embedding_similarity_function": "cosine", "bm25_algorithm": "BM25L"}
        with (folder / "store.json").open("w") as file:
            json.dump({"init_parameters": settings, "documents": documents}, file)
        return folder / "store.json"
    nodes = {
        r["id"]: {"__type__": "1", "__data__": {"text": r["text"], "metadata": {"file_path": r["source"]}}}
        for r in found
    }
    with (folder / "docstore.json").open("w") as file:
        json.dump({"docstore/data": nodes}, file)
    with (folder / "default__vector_store.json").open("w") as file:
        json.dump({"embedding_dict": dict(zip(nodes, made.tolist(), strict=True))}, file)
    return folder


def imported(kind: str, path: Path, index: Path) -> None:
    """One import, in this process; prints seconds, the report's counts and the peak of memory."""
    import ragkit
    from ragkit.ingest.imports.importer import ImportOptions

    started = time.perf_counter()
    with ragkit.open(index) as rag:
        report = rag.import_index(kind, path, ImportOptions(probe=False))
    seconds, cpu = time.perf_counter() - started, time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(
        json.dumps(
            {"s": seconds, "cpu": cpu, "written": report.written, "same": report.unchanged, "mb": peak}
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--kinds", nargs="+", default=["jsonl"])
    parser.add_argument("--one", nargs=3, metavar=("KIND", "PATH", "INDEX"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        imported(args.one[0], Path(args.one[1]), Path(args.one[2]))
        return
    print(f"{args.passages:,} passages × {args.dimension}")
    print(f"{'index':<20}{'first':>9}{'cpu':>9}{'again':>9}{'cpu':>9}{'peak':>10}{'files':>10}")
    found, made = rows(args.passages), vectors(args.passages, args.dimension)
    for kind in args.kinds:
        with tempfile.TemporaryDirectory() as folder:
            path = write(kind, Path(folder, "from"), found, made)
            size = sum(f.stat().st_size for f in Path(folder, "from").iterdir()) / 2**20
            runs = []
            for _ in range(2):
                command = [sys.executable, __file__, "--one", kind, str(path), str(Path(folder, "index"))]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                runs.append(json.loads(done.stdout))
            first, again = runs
            assert (first["written"], again["same"]) == (args.passages, args.passages)
            print(
                f"{kind:<20}{first['s']:>7.1f} s{first['cpu']:>7.1f} s"
                f"{again['s']:>7.1f} s{again['cpu']:>7.1f} s"
                f"{first['mb']:>7,.0f} MB{size:>7,.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main()
