"""FAISS on a GPU: `index/faiss` beside the raw call on the same index, and the same kinds on the CPU.

    python evals/benchmarks/gpu_faiss.py [--rows 1000000] [--budget 150] [--tests]

Clustered unit vectors of 384 components; 1,024 queries near some of them. One JSON line per measurement:
recall@10 against a product in float32 by PyTorch (NumPy where it is not installed), milliseconds of a search
with one query and queries per second in batches of 256. The ways to do the same are timed in turns, on the
wall clock; a figure is the median over all turns, `ratio` the median over the turns of ours divided by raw.
"Raw" is `search` of the very FAISS index that ours holds, so both read the same vectors and lists, for as
many rows as ours asks it for: one more than ten, or the candidates that ours compares exactly; `raw_gpu_10`
is the same for ten.

Each section runs in a process of its own and may fail alone. `--tests` runs the tests marked `gpu` as well.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIMENSION, K, SEED, N_QUERIES, BATCH = 384, 10, 7, 1024, 256
ROOT = Path(__file__).parents[2]
Way = Callable[[Any], Any]
SECTIONS = {"flat": 40, "ivf": 45, "ivf-pq": 60, "cagra": 30, "tests": 60, "hnsw": 60}  # seconds at most


def say(**line: object) -> None:
    """Prints a measurement at once."""
    print(json.dumps(line), flush=True)


def make(folder: Path, n_rows: int) -> None:
    """Vectors, queries and the true ten nearest of each, into files."""
    start = time.perf_counter()
    try:
        import torch

        made_by = f"torch {torch.__version__} {torch.cuda.get_device_name()}"
        arrays = _made_by_torch(torch, n_rows)
    except Exception as e:
        made_by = f"numpy, because {e!r}"
        arrays = _made_by_numpy(n_rows)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    say(section="make", rows=n_rows, made_by=made_by, seconds=round(time.perf_counter() - start, 1))


def _made_by_torch(torch: Any, n_rows: int) -> dict[str, NDArray[Any]]:
    torch.manual_seed(SEED)
    torch.backends.cuda.matmul.allow_tf32 = False
    centres = torch.randn(max(n_rows // 100, 1), DIMENSION, device="cuda")
    vectors = centres[torch.randint(len(centres), (n_rows,), device="cuda")]
    vectors += 0.8 * torch.randn(n_rows, DIMENSION, device="cuda")
    queries = vectors[torch.randint(n_rows, (N_QUERIES,), device="cuda")]
    queries = queries + 0.5 * torch.randn(N_QUERIES, DIMENSION, device="cuda")
    vectors /= vectors.norm(dim=1, keepdim=True)
    queries /= queries.norm(dim=1, keepdim=True)
    truth = torch.cat([(some @ vectors.T).topk(K, dim=1).indices for some in queries.split(64)])
    return {"vectors": vectors.cpu().numpy(), "queries": queries.cpu().numpy(), "truth": truth.cpu().numpy()}


def _made_by_numpy(n_rows: int) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(SEED)
    centres = rng.standard_normal((max(n_rows // 100, 1), DIMENSION), dtype=np.float32)
    vectors = centres[rng.integers(len(centres), size=n_rows)]
    vectors += np.float32(0.8) * rng.standard_normal(vectors.shape, dtype=np.float32)
    queries = vectors[rng.integers(n_rows, size=N_QUERIES)]
    queries = queries + np.float32(0.5) * rng.standard_normal(queries.shape, dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    truth = [np.argsort(-(vectors @ query))[:K] for query in queries]
    return {"vectors": vectors, "queries": queries, "truth": np.array(truth)}


class Bench:
    """The vectors, and how a set of ways is measured over them."""

    def __init__(self, folder: Path, section: str) -> None:
        self.vectors = np.load(folder / "vectors.npy")
        self.queries = np.load(folder / "queries.npy")
        self.truth = np.load(folder / "truth.npy")
        self.section = section
        self.ids = np.arange(len(self.vectors)).astype("S32")

    def recall(self, way: Way) -> float:
        """Share of the true ten that are among a way's ten."""
        found = np.concatenate([way(self.queries[i : i + BATCH]) for i in range(0, N_QUERIES, BATCH)])
        hits = [len(set(a) & set(b)) for a, b in zip(found[:, :K].tolist(), self.truth.tolist(), strict=True)]
        return round(sum(hits) / self.truth.size, 4)

    def measure(self, ways: Mapping[str, Way], *, seconds: float, ratio: tuple[str, str] | None) -> None:
        """Prints recall, and times at both sizes of batch, of ways timed in turns."""
        recalls = {name: self.recall(way) for name, way in ways.items()}
        for size in (1, BATCH):
            items = [self.queries[i : i + size] for i in range(0, N_QUERIES, size)]
            times = in_turns(ways, items, seconds / 2)
            medians = {name: statistics.median(some) * 1000 for name, some in times.items()}
            line: dict[str, object] = {
                "section": self.section,
                "rows": len(self.vectors),
                "batch": size,
                "ms": {name: round(ms, 4) for name, ms in medians.items()},
                "qps": {name: round(size * 1000 / ms, 1) for name, ms in medians.items()},
                "recall@10": recalls,
                "turns": len(next(iter(times.values()))),
            }
            if ratio:
                ours, raw = (times[name] for name in ratio)
                line["ratio"] = round(statistics.median(a / b for a, b in zip(ours, raw, strict=True)), 4)
                line["ratio_of"] = list(ratio)
            say(**line)


def in_turns(ways: Mapping[str, Way], items: list[Any], seconds: float) -> dict[str, list[float]]:
    """Seconds of each call: every way on the same item, in changing order, until the time is over."""
    for way in ways.values():
        for item in items[:3]:
            way(item)
    names = list(ways)
    times: dict[str, list[float]] = {name: [] for name in names}
    end, turn = time.perf_counter() + seconds, 0
    while time.perf_counter() < end or turn < 5:
        item, shift = items[turn % len(items)], turn % len(names)
        for name in names[shift:] + names[:shift]:
            start = time.perf_counter()
            ways[name](item)
            times[name].append(time.perf_counter() - start)
        turn += 1
    return times


def built(bench: Bench, **settings: object) -> Any:
    """`index/faiss` over all vectors; prints how long that took."""
    from ragkit_connectors.faiss import FaissIndex

    start = time.perf_counter()
    index = FaissIndex(**settings).over(bench.vectors, bench.ids)
    say(section=bench.section, built=settings, seconds=round(time.perf_counter() - start, 2))
    return index


def one_thread(way: Way) -> Way:
    """The same with all that is done on the CPU on one thread."""
    import faiss

    n_threads = faiss.omp_get_max_threads()

    def alone(queries: Any) -> Any:
        faiss.omp_set_num_threads(1)
        try:
            return way(queries)
        finally:
            faiss.omp_set_num_threads(n_threads)

    return alone


def raw_of(index: Any) -> Any:
    """The GPU index of FAISS that ours holds."""
    (part,) = index._parts
    return part.index.copies[0]


def flat(bench: Bench) -> None:
    """All vectors, on the GPU and on all cores; filters; growth; several threads."""
    import faiss

    index = built(bench, kind="flat", device="gpu")
    raw = raw_of(index)
    ours: Way = lambda q: index.search(q, K, None)[0]  # noqa: E731
    bench.measure(
        {
            "ours_gpu": ours,
            "ours_gpu_1_thread": one_thread(ours),
            "raw_gpu": lambda q: raw.search(q, K + 1)[1],
            "raw_gpu_10": lambda q: raw.search(q, K)[1],
        },
        seconds=8,
        ratio=("ours_gpu", "raw_gpu"),
    )
    say(section="flat", agrees_with_cpu=_agrees(bench, index))
    _filters(bench, index)
    _threads(bench, index)
    start = time.perf_counter()
    index.over(np.concatenate([bench.vectors, bench.vectors[:2000]]), np.concatenate([bench.ids] * 2)[:-1])
    say(section="flat", grown_by=2000, seconds=round(time.perf_counter() - start, 3))
    cpu: Way = lambda q: faiss.knn(q, bench.vectors, K, metric=faiss.METRIC_INNER_PRODUCT)[1]  # noqa: E731
    bench.measure({"raw_cpu": cpu}, seconds=4, ratio=None)


def _agrees(bench: Bench, index: Any) -> bool:
    """Rows and scores are those of the exact comparison, to the last bit."""
    from ragkit.subsets import compare

    wanted = compare(bench.vectors, bench.ids, bench.queries[:32], K, None)
    found = index.search(bench.queries[:32], K, None)
    return all(bool(np.array_equal(a, b)) for a, b in zip(found, wanted, strict=True))


def _filters(bench: Bench, index: Any) -> None:
    rng = np.random.default_rng(SEED)
    for share in (0.9, 0.5, 0.2, 0.05):
        allowed = rng.random(len(bench.vectors)) < share
        allowed.flags.writeable = False
        items = [bench.queries[i : i + 1] for i in range(N_QUERIES)]
        index.search(items[0], K, allowed)
        ways: dict[str, Way] = {"ours_gpu": lambda q, mask=allowed: index.search(q, K, mask)}
        times = in_turns(ways, items, 1.5)["ours_gpu"]
        say(section="flat", kept=share, batch=1, ms={"ours_gpu": round(statistics.median(times) * 1000, 3)})


def _threads(bench: Bench, index: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    for n in (1, 4, 16):
        with ThreadPoolExecutor(n) as pool:
            start = time.perf_counter()
            list(pool.map(lambda i: index.search(bench.queries[i : i + 1], K, None), range(N_QUERIES)))
            say(section="flat", threads=n, batch=1, qps=round(N_QUERIES / (time.perf_counter() - start)))


def ivf(bench: Bench) -> None:
    """Lists, built on the GPU; the same lists on the CPU."""
    _lists(bench, "ivf")


def ivf_pq(bench: Bench) -> None:
    """Lists of codes, built on the GPU; the same on the CPU."""
    _lists(bench, "ivf-pq")


def _lists(bench: Bench, kind: str) -> None:
    import faiss

    index = built(bench, kind=kind, device="gpu")
    raw, cpu = raw_of(index), index._parts[0].index.to_cpu()
    wanted = index._parts[0].kind.wanted(K)
    say(section=kind, lists=cpu.nlist, probes=cpu.nprobe, candidates=wanted)
    ours: Way = lambda q: index.search(q, K, None)[0]  # noqa: E731
    for probes in (16, 64, 256):
        raw.nprobe = cpu.nprobe = probes
        ways: dict[str, Way] = {
            "ours_gpu": ours,
            "ours_gpu_1_thread": one_thread(ours),
            "raw_gpu": lambda q: raw.search(q, wanted)[1],
            "raw_gpu_10": lambda q: raw.search(q, K)[1],
        }
        say(section=kind, probes=probes)
        bench.measure(ways, seconds=3, ratio=("ours_gpu", "raw_gpu"))
    raw.nprobe = cpu.nprobe = 64
    effort = faiss.SearchParametersIVF(nprobe=64)
    bench.measure({"raw_cpu": lambda q: cpu.search(q, wanted, params=effort)[1]}, seconds=3, ratio=None)


def cagra(bench: Bench) -> None:
    """A graph on the GPU, where FAISS is built with cuVS."""
    import faiss

    if not hasattr(faiss, "GpuIndexCagra"):
        say(section="cagra", skipped="this FAISS is built without cuVS: it has no GpuIndexCagra")
        return
    index = built(bench, kind="cagra", device="gpu")
    raw = raw_of(index)
    ways: dict[str, Way] = {
        "ours_gpu": lambda q: index.search(q, K, None)[0],
        "raw_gpu": lambda q: raw.search(q, K + 1)[1],
    }
    bench.measure(ways, seconds=6, ratio=("ours_gpu", "raw_gpu"))


def hnsw(bench: Bench) -> None:
    """A graph on the CPU, over as many rows as the time left builds."""
    n = min(len(bench.vectors), int(os.environ.get("HNSW_ROWS", "200000")))
    bench.vectors, bench.ids = bench.vectors[:n], bench.ids[:n]
    near = [np.argsort(-(bench.vectors @ query))[:K] for query in bench.queries[:64]]
    bench.queries, bench.truth = np.tile(bench.queries[:64], (16, 1)), np.tile(np.array(near), (16, 1))
    index = built(bench, kind="hnsw", device="cpu")
    bench.measure({"ours_cpu": lambda q: index.search(q, K, None)[0]}, seconds=4, ratio=None)


def tests(limit_s: float) -> None:
    """Those marked `gpu`."""
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-m", "gpu", "-p", "no:cacheprovider"]
    command += ["-o", "filterwarnings=default", "tests/connectors/test_faiss_gpu.py"]
    result = subprocess.run(
        command, cwd=ROOT, timeout=limit_s, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    say(section="tests", rc=result.returncode, output=result.stdout[-6000:])


def describe() -> None:
    """The machine and the packages."""
    import faiss

    query = "nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader"
    card = subprocess.run(query, shell=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    say(
        section="machine",
        card=card,
        gpus=faiss.get_num_gpus(),
        faiss=faiss.__version__,
        options=faiss.get_compile_options(),
        cores=os.cpu_count(),
        numpy=np.__version__,
        python=sys.version.split()[0],
    )


def one(section: str, folder: Path, n_rows: int) -> None:
    """Runs a section in this process; its failure is a line too."""
    try:
        if section == "machine":
            describe()
        elif section == "make":
            make(folder, n_rows)
        else:
            run = {"flat": flat, "ivf": ivf, "ivf-pq": ivf_pq, "cagra": cagra, "hnsw": hnsw}[section]
            run(Bench(folder, section))
    except Exception as e:
        say(section=section, error=repr(e)[:500], at=traceback.format_exc()[-1500:])
        sys.exit(1)


def main() -> None:
    """Runs the sections, each within what is left of the time."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--budget", type=float, default=150, help="seconds in all")
    arguments.add_argument("--tests", action="store_true")
    arguments.add_argument("--only", nargs="*", default=None, help="sections")
    arguments.add_argument("--section", help=argparse.SUPPRESS)
    arguments.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.section:
        one(given.section, given.folder, given.rows)
        return
    end = time.monotonic() + given.budget
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        for section in ("machine", "make", *(given.only or SECTIONS)):
            left = min(end - time.monotonic(), SECTIONS.get(section, 60))
            if left < 5 or (section == "tests" and not given.tests):
                say(section=section, skipped=f"{left:.0f} s left" if left < 5 else "--tests not given")
                continue
            start = time.monotonic()
            try:
                if section == "tests":
                    tests(left)
                else:
                    command = [sys.executable, __file__, "--section", section, "--folder", folder]
                    code = subprocess.run([*command, "--rows", str(given.rows)], timeout=left).returncode
                    if code:
                        say(section=section, ended_with=code)
            except subprocess.TimeoutExpired:
                say(section=section, stopped_after_s=round(left))
            say(section=section, took_s=round(time.monotonic() - start, 1))


if __name__ == "__main__":
    main()
