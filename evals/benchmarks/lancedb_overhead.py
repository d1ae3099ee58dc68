"""What `store/lancedb` adds to the raw client: a query for 10, words, a bulk write.

    OMP_NUM_THREADS=1 python -m evals.benchmarks.lancedb_overhead [--passages 100000]

`plain` compares a question in a held commit, as a graph asks, with ids and distances of the 10 nearest of all
that lies there. `same_question` asks by hand for the vectors and judged columns of the nearest of one commit.
`words` is a BM25 question of eight words; LanceDB's own text search is asked for the same words beside it,
and scores them otherwise. `first_words` is the first one of a store that was opened anew. A bulk write puts
the same rows into a table of the same form, 1,000 at a time; by hand without documents, states and flushes to
disk. All is measured before and after `prepare`, which an ingestion ends with.

Ways take turns. `wall` is the time that passes, `cpu` that of this process; medians, the median of the
ratios of neighbours in time, and the ratio of the sums, in which rare costly writes count.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lancedb
import numpy as np

from evals.benchmarks.opensearch_overhead import changes_of
from evals.benchmarks.side_by_side import against, times_of
from evals.benchmarks.store_query import DIMENSION, SEED, Question, make_passages, make_questions
from ragkit.protocols import Change, Scope, Vectors
from ragkit.store.remote.conditions import all_of, in_range
from ragkit.store.remote.points import JUDGED, chunk_point, document_key
from ragkit.store_spec import StoreSpec
from ragkit_connectors.lancedb import LanceStore
from ragkit_connectors.lancedb.filters import as_sql, column_of
from ragkit_connectors.lancedb.rows import VECTOR, schema_of, table_of
from ragkit_connectors.lancedb.table import name_of

K = 10
SPEC = StoreSpec("none", embedder_fingerprint="none", dimension=DIMENSION)


def write_raw(table: Any, batch: Sequence[Change], number: int) -> None:
    """The chunks of a batch, by the client alone."""
    points = [
        chunk_point(record, document_key("", change.state.document_id), number)
        for change in batch
        for record in change.records
    ]
    table.add(table_of(points, DIMENSION, range(len(points))))


def nearest(table: Any, vector: Vectors, shown: str | None) -> Any:
    """The 10 nearest, as one would ask without ragkit."""
    query = table.search(vector, vector_column_name=VECTOR).distance_type("dot").limit(K)
    columns = ["id", "_distance"]
    if shown is not None:
        query = query.where(shown, prefilter=True)
        columns += [VECTOR, *(column_of(key) for key in JUDGED if key != "id")]
    return query.select(columns).bypass_vector_index().to_arrow()


def take_turns(n: int, ours: Callable[[int], object], raw: Callable[[int], object]) -> dict[str, Any]:
    """Both ways on each item, compared by each clock."""
    return {
        name: {**against(*of), "ours_p95_ms": p95(of[0]), "ratio_of_sums": round(sum(of[0]) / sum(of[1]), 3)}
        for name, of in times_of(n, ours, raw).items()
    }


def p95(times: Sequence[float]) -> float:
    """What 95 of 100 do not exceed."""
    return round(float(np.percentile(times, 95)), 3)


def first_question(folder: Path, question: Question) -> dict[str, float]:
    """What a process that opens the index pays for its first question of words, and what it keeps for it."""
    store = LanceStore(path=folder).open(SPEC)
    store.head()
    memory, begun, busy = resident(), time.perf_counter(), time.process_time()
    store.search_terms([question.text.split()], K, Scope())
    wall, cpu = (time.perf_counter() - begun) * 1e3, (time.process_time() - busy) * 1e3
    kept = resident() - memory
    store.close()
    return {"wall_ms": round(wall, 1), "cpu_ms": round(cpu, 1), "resident_mib": round(kept / 2**20, 1)}


def resident() -> int:
    """The memory of this process, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def mib(folder: Path) -> float:
    """The size of all files in a folder."""
    return round(sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 2**20, 1)


def questions_of(store: LanceStore, table: Any, questions: Sequence[Question]) -> dict[str, Any]:
    """What questions cost, ours and by hand."""
    n = len(questions)
    with store.hold() as commit:
        scope = Scope(commit=commit)

        def ours(at: int) -> object:
            return store.search(questions[at].vector[None], K, scope)

        def words(at: int) -> object:
            return store.search_terms([questions[at].text.split()], K, scope)

        def own_words(at: int) -> object:
            return (
                table.search(questions[at].text, query_type="fts")
                .select(["id", "_score"])
                .limit(K)
                .to_arrow()
            )

        shown = as_sql(all_of([in_range("from", lte=commit), in_range("to", gt=commit)]))
        for at in range(min(n, 5)):
            ours(at), words(at), own_words(at)
        return {
            "plain": take_turns(n, ours, lambda at: nearest(table, questions[at].vector, None)),
            "same_question": take_turns(n, ours, lambda at: nearest(table, questions[at].vector, shown)),
            "words": take_turns(n, words, own_words),
        }


def measured(n: int, n_questions: int) -> dict[str, Any]:
    """Fills a store and a table in turns, then asks."""
    rng = np.random.default_rng(SEED)
    texts, vectors = make_passages(rng, n)
    questions = make_questions(rng, texts, vectors, n_questions)
    batches = changes_of(texts, vectors)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "ours"
        store = LanceStore(path=folder).open(SPEC)
        raw = lancedb.connect(str(Path(place) / "raw"), read_consistency_interval=timedelta(0))
        table = raw.create_table(name_of(0), schema=schema_of(DIMENSION))
        with store.writing():
            bulk = take_turns(
                len(batches),
                lambda at: store.commit(batches[at]),
                lambda at: write_raw(table, batches[at], at + 1),
            )
        table.create_fts_index("text", use_tantivy=False, stem=False, remove_stop_words=False)
        before = questions_of(store, table, questions)
        begun = time.perf_counter()
        store.prepare()
        prepared_s = time.perf_counter() - begun
        table.optimize()
        after = questions_of(store, table, questions)
        store.close()
        first = first_question(folder, questions[0])
        sizes = {"ours": mib(folder), "raw": mib(Path(place) / "raw"), "words": mib(folder / "words")}
        return {
            "lancedb": version("lancedb"),
            "seed": SEED,
            "passages": n,
            "bulk_1000": bulk,
            "before_prepare": before,
            "prepared_s": round(prepared_s, 1),
            "after_prepare": after,
            "first_words": first,
            "mib": sizes,
        }


def main() -> None:
    """Measures, and prints one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=100)
    given = parser.parse_args()
    print(json.dumps(measured(given.passages, given.questions), indent=1))


if __name__ == "__main__":
    main()
