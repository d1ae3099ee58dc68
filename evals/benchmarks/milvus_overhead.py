"""What `store/milvus` adds to the raw client: a query for 10, and a bulk write of 1,000 passages.

    python evals/benchmarks/milvus_overhead.py [--passages 2000] [--questions 50]
    python evals/benchmarks/milvus_overhead.py --uri "$MILVUS_URI"

Without --uri Milvus Lite answers, within the process: its time counts on both sides, and no network hides
what ragkit adds. `plain` compares a question in a held commit, as a graph asks, with ids and scores of the 10
nearest of all that lies there, `same_question` with the 10 nearest of one commit, with what a hit is judged
by, and both by consistency level Strong. The bulk write puts the same rows into a collection of the same
form, by hand without documents, states and the record of commits.

Ways take turns. `wall` is the time that passes, `cpu` that of this process; medians, and the median of the
ratios of neighbours in time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from evals.benchmarks.opensearch_overhead import changes_of
from evals.benchmarks.side_by_side import take_turns
from evals.benchmarks.store_query import DIMENSION, SEED, make_passages, make_questions
from ragkit.protocols import Change, Scope, Vectors
from ragkit.store.remote.conditions import all_of, in_range
from ragkit.store.remote.points import JUDGED, chunk_point, document_key
from ragkit.store.remote.server import CHUNKS
from ragkit.store_spec import StoreSpec
from ragkit_connectors.milvus import MilvusStore
from ragkit_connectors.milvus.expressions import expression
from ragkit_connectors.milvus.rows import DENSE, columns_of, row_of
from ragkit_connectors.milvus.scratch import removed

K, PER_REQUEST = 10, 500
OURS, RAW = "ragkit_benchmark", "ragkit_benchmark_raw"
SPEC = StoreSpec("none", embedder_fingerprint="none", dimension=DIMENSION)


@contextmanager
def opened(uri: str | None) -> Iterator[tuple[MilvusStore, MilvusStore]]:
    """Two empty stores; the second one for its collection of the same form and its client."""
    with tempfile.TemporaryDirectory() as folder:
        place: dict[str, Any] = {"uri": uri} if uri else {"path": Path(folder) / "m.db"}
        store, other = (MilvusStore(**place, collection=name).open(SPEC) for name in (OURS, RAW))
        yield store, other
        for made in (store, other):
            made.close()
            if uri:
                removed(made.config, made.make_client)


def write_raw(client: Any, batch: Sequence[Change], number: int) -> None:
    """The chunks of a batch, by the client alone."""
    points = [
        row_of(chunk_point(record, document_key("", change.state.document_id), number), CHUNKS, "")
        for change in batch
        for record in change.records
    ]
    for first in range(0, len(points), PER_REQUEST):
        client.upsert(RAW, data=points[first : first + PER_REQUEST])


def nearest(client: Any, vector: Vectors, said: str, columns: list[str]) -> Any:
    """The 10 nearest, as one would ask without ragkit."""
    return client.search(
        OURS, data=[vector.tolist()], anns_field=DENSE, filter=said, limit=K, output_fields=columns,
        search_params={"metric_type": "IP", "params": {}}, consistency_level="Strong",
    )  # fmt: skip


def measured(uri: str | None, n: int, n_questions: int) -> dict[str, Any]:
    """Fills both collections in turns, then asks."""
    rng = np.random.default_rng(SEED)
    texts, vectors = make_passages(rng, n)
    asked = [question.vector for question in make_questions(rng, texts, vectors, n_questions)]
    batches = changes_of(texts, vectors)
    with opened(uri) as (store, other):
        client = other._server._calls._client
        with store.writing():
            bulk = take_turns(
                len(batches),
                lambda at: store.commit(batches[at]),
                lambda at: write_raw(client, batches[at], at + 1),
            )
        with store.hold() as commit:
            shown = expression(all_of([in_range("from", lte=commit), in_range("to", gt=commit)]), CHUNKS)

            def ours(at: int) -> object:
                return store.search(asked[at][None], K, Scope(commit=commit))

            columns = columns_of(JUDGED, CHUNKS, vectors=True)
            plain = take_turns(n_questions, ours, lambda at: nearest(client, asked[at], "", ["id"]))
            same = take_turns(n_questions, ours, lambda at: nearest(client, asked[at], shown, columns))
        engine = store.engine()
    return {
        "server": f"{engine.name} {engine.version}",
        "seed": SEED,
        "passages": n,
        "bulk_1000": bulk,
        "plain": plain,
        "same_question": same,
    }


def main() -> None:
    """Measures, and prints one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--uri", default=None, help="of a server; Milvus Lite if not given")
    parser.add_argument("--passages", type=int, default=2_000)
    parser.add_argument("--questions", type=int, default=50)
    given = parser.parse_args()
    print(json.dumps(measured(given.uri, given.passages, given.questions)))


if __name__ == "__main__":
    main()
