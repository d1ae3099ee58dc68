"""After any edits of a folder, ingesting it again gives the index that a new one would be."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.ingest.report import IngestReport
from tests.unit.ingest.test_pipeline import Bench

FILES = ("a.md", "b.md", "c/d.md", "c/e.md", "f/g/h.md", "keep.md")
PLACES = (*FILES, ".hidden.md", "c")
Texts = dict[str, str]
Edit = tuple[str, str, str]

edits = st.lists(
    st.tuples(
        st.sampled_from(["write", "delete", "rename", "empty", "break", "unread"]),
        st.sampled_from(FILES[:-1]),
        st.sampled_from(PLACES[:-1]),
    ),
    max_size=4,
)


def edit(folder: Path, step: Edit, n: int) -> None:
    """One edit; `unread` puts a link to nowhere in a file's place, which can be seen but not read."""
    kind, name, to = step
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind in {"delete", "unread", "write", "empty", "break"}:
        path.unlink(missing_ok=True)
    if kind == "unread":
        path.symlink_to("nowhere")
    elif kind == "rename" and path.exists():
        (folder / to).parent.mkdir(parents=True, exist_ok=True)
        path.rename(folder / to)
    elif kind in {"write", "empty", "break"}:
        path.write_bytes({"write": b"text %d" % n, "empty": b"", "break": b"caf\xff\x81 %d" % n}[kind])


def made_anew(folder: Path) -> Texts:
    bench = Bench(folder)
    bench.ingest()
    return bench.texts()


def unfit(report: IngestReport) -> set[str]:
    """The ids of files that are there and cannot be ingested."""
    bad = {"quarantined", "rejected"}
    return {d.uri.partition("/")[2] for d in report.documents if d.state in bad}


@settings(max_examples=60, deadline=None)
@given(st.lists(edits, min_size=1, max_size=4))
def test_an_updated_index_is_that_of_a_new_one_but_for_last_good_contents(rounds: list[list[Edit]]) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        (folder / "keep.md").write_text("kept")
        bench, numbers = Bench(folder), itertools.count()
        before: Texts = {}
        for steps in rounds:
            for step in steps:
                edit(folder, step, next(numbers))
            report = bench.ingest()
            last_good = {name: before[name] for name in unfit(report) if name in before}
            assert bench.texts() == {**made_anew(folder), **last_good}
            assert report.deleted == len(before.keys() - bench.texts().keys()) + _forgotten(
                bench, report, before
            )
            commits, batches = bench.store.commits, len(bench.embedder.batches)
            again = bench.ingest()
            assert (again.committed, again.deleted) == (0, 0)
            assert (bench.store.commits, len(bench.embedder.batches)) == (commits, batches)
            before = bench.texts()
    finally:
        shutil.rmtree(folder)


def _forgotten(bench: Bench, report: IngestReport, before: Texts) -> int:
    """Deleted documents that never had content: they were known for their failure alone."""
    gone = {d.uri.partition("/")[2] for d in report.documents if d.state == "deleted"}
    assert not gone & {s.document_id for s in bench.collection.states()}
    return len(gone - before.keys())
