"""The graph in Python: `>>` and `fan_out` build what YAML describes; a type checker rejects wrong wiring."""

from __future__ import annotations

import tempfile
from pathlib import Path

import ragkit
from ragkit.compress.dedupe import Dedupe
from ragkit.generate.extractive import ExtractiveGenerate
from ragkit.rerank.mmr import MmrRerank
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.dense import DenseRetrieve
from ragkit.retrieve.fuse import RrfFuse
from ragkit.verify.citations import VerifyCitations

graph = (
    ragkit.fan_out(DenseRetrieve(k=30), Bm25Retrieve(k=30))
    >> RrfFuse(k=20)
    >> MmrRerank(k=6, diversity=0.3)
    >> Dedupe()
    >> ExtractiveGenerate(max_sentences=2)
    >> VerifyCitations()
)

with tempfile.TemporaryDirectory() as folder, ragkit.open(folder, graph=graph) as rag:
    rag.ingest(Path(__file__).parent / "corpus" / "en", progress=False)
    print(rag.ask("What happens when a licence expires?").text)
