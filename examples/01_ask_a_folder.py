"""Ten lines from a folder of documents to an answer whose every citation is a checked place in a source."""

from __future__ import annotations

import tempfile
from pathlib import Path

import ragkit

with tempfile.TemporaryDirectory() as folder, ragkit.open(folder) as rag:
    rag.ingest(Path(__file__).parent / "corpus" / "en", progress=False)
    answer = rag.ask("How many scans does a handheld hold in version 3.2?")
    print(answer.text)
    for c in answer.citations:
        assert c.quote == rag.source(c.document_id)[c.start : c.end]
        print(f"[{c.marker}] {c.uri}: {c.quote!r}")
