"""How ingestion on Ray grows with its workers, against ingestion in this process.

    python evals/benchmarks/ray_workers.py [--passages 1500] [--workers 1 2 3 4] [--repeats 3]
        [--model bundled|waiting] [--dsn "$PG_DSN"]

Documents of some passages each go into an empty index, here with one thread for the model, here with all, and
on a cluster that is started on this machine once, with so many workers of one slot each. The ways take turns;
the table has medians. The clock runs from the call to its report, the start of the workers included: `begun`
is how long it took until the first passage was embedded, and `passages/s` counts from there.

`bundled` is embed/bundled, bound by the processors. `waiting` is a model that takes 10 ms a passage and no
processor, as a GPU or an endpoint elsewhere: with it the curve shows what the driver adds and not how many
cores this machine has.

`driver ms` is the processor time of this process for a passage: what the one committer can never go beyond,
however many workers there are. With neighbours on the machine it changes less than the wall's time.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))

import ragkit
from ragkit.config.load import load_config
from ragkit.types import Document

SEED = 7
PER_DOCUMENT = 5
SUBJECTS = ("pump", "valve", "turbine", "boiler", "crane", "lathe", "furnace", "compressor")
PLUGIN = Path(__file__).parents[2] / "tests" / "connectors" / "ray" / "plugin.py"
CONFIG = """
ragkit: 1
models: {embed: %s}
stores: {it: %s}
collection: {store: it, embed: embed}
ingest: {chunk: {use: chunk/recursive, size: 120, overlap: 10}}
query:
  dense: {use: retrieve/dense, k: 10}
  fuse: {use: fuse/rrf, in: dense}
  generate: {use: generate/extractive}
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One ingestion: seconds until the first passage, in all, and of the processor in this process."""

    begun_s: float
    wall_s: float
    driver_s: float
    passages: int


class Clock:
    """Notes when the first passage was embedded."""

    def __init__(self) -> None:
        self.start, self.first = time.perf_counter(), 0.0

    def __call__(self, done: int, total: int | None, what: str) -> None:
        if not self.first and what.endswith("passages embedded") and not what.startswith("0 of"):
            self.first = time.perf_counter()


def documents(passages: int) -> list[Document]:
    """Documents of about five passages of a hundred words, no two alike."""
    made = []
    for n in range(-(-passages // PER_DOCUMENT)):
        sections = []
        for part in range(PER_DOCUMENT):
            subject = SUBJECTS[(n + part) % len(SUBJECTS)]
            lines = [
                f"The {subject} {n} was inspected at hour {part * 37 + i}; its pressure was {n % 89 + i} bar."
                for i in range(7)
            ]
            sections.append(f"## {subject.title()} {n}, part {part}\n\n" + " ".join(lines))
        made.append(Document(f"d{n:06}", f"# Report {n}\n\n" + "\n\n".join(sections), uri=f"db://{n}"))
    return made


def measured(config: str, corpus: list[Document], on: object) -> Measured:
    """One ingestion into an index of its own."""
    clock, cpu = Clock(), time.process_time()
    with ragkit.RAG(load_config(config)) as rag:
        clock = Clock()
        report = rag.ingest(corpus, progress=clock, on=on)  # type: ignore[arg-type]
        wall = time.perf_counter() - clock.start
    if report.committed != len(corpus):
        raise SystemExit(
            f"only {report.committed} of {len(corpus)} documents went in: {report.documents[:3]}"
        )
    return Measured(clock.first - clock.start, wall, time.process_time() - cpu, report.embedded_chunks)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--passages", type=int, default=1_500)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 3, 4])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--model", choices=["bundled", "waiting"], default="bundled")
    parser.add_argument("--dsn", help="a PostgreSQL with pgvector to write to; else the embedded store")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ragkit-ray-"))
    try:
        _run(args, folder)
    finally:
        shutil.rmtree(folder)


def _run(args: argparse.Namespace, folder: Path) -> None:
    if args.model == "waiting":
        _offer(folder)
    import ray

    from ragkit_connectors.ray import OnRay

    corpus = documents(args.passages)
    n_stores = iter(range(10**6))

    def config(threads: int | None) -> str:
        n = next(n_stores)
        store = f'{{use: store/local, path: "{folder / str(n)}"}}'
        if args.dsn:
            store = f'{{use: store/pgvector, dsn: "{args.dsn}", name: bench_ray_{os.getpid()}_{n}}}'
        model = "{use: embed/hashed, sleep_ms: 10}"
        if args.model == "bundled":
            model = (
                "{use: embed/bundled}" if threads is None else f"{{use: embed/bundled, threads: {threads}}}"
            )
        return CONFIG % (model, store)

    ray.init(
        "local",
        num_cpus=max(args.workers),
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=200 * 2**20,
    )
    ways: dict[str, Callable[[], Measured]] = {
        "here, 1 thread": lambda: measured(config(1), corpus, None),
        "here, all": lambda: measured(config(None), corpus, None),
        **{
            f"ray, {n} workers": lambda n=n: measured(config(None), corpus, OnRay(workers=n))  # type: ignore[misc]
            for n in args.workers
        },
    }
    found: dict[str, list[Measured]] = {name: [] for name in ways}
    for _ in range(args.repeats):
        for name, way in ways.items():
            found[name].append(way())
    ray.shutdown()
    load = os.getloadavg()[1]
    print(
        f"{len(corpus):,} documents, model {args.model}, store {'pgvector' if args.dsn else 'local'}, "
        f"medians of {args.repeats}, {os.cpu_count()} cores, load {load:.1f}"
    )
    print(f"{'':16} {'passages/s':>10} {'begun s':>8} {'wall s':>7} {'driver ms':>10}")
    for name, runs in found.items():
        rate = statistics.median(run.passages / (run.wall_s - run.begun_s) for run in runs)
        begun, wall = (
            statistics.median(getattr(run, part) for run in runs) for part in ("begun_s", "wall_s")
        )
        driver = statistics.median(run.driver_s / run.passages * 1e3 for run in runs)
        print(f"{name:16} {rate:10.1f} {begun:8.2f} {wall:7.1f} {driver:10.2f}")


def _offer(folder: Path) -> None:
    """Offers the tests' model of hashes to this process and to the workers."""
    import sys

    home = folder / "plugin"
    info = home / "ragkit_ray_plugin-1.0.dist-info"
    info.mkdir(parents=True)
    shutil.copy(PLUGIN, home / "ragkit_ray_plugin.py")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ragkit-ray-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ragkit.components]\nembed/hashed = ragkit_ray_plugin:Hashed\n")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(home), os.environ.get("PYTHONPATH")]))
    sys.path.insert(0, str(home))


if __name__ == "__main__":
    main()
