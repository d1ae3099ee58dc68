"""`ragkit ingest` in a process of its own, and what another process sees of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.connectors.ray.bench import opened


def ingesting(
    folder: Path, docs: Path, place: str, *, config: str = "rag.yaml", **env: str
) -> subprocess.Popen[str]:
    """`ragkit ingest` in a process of its own, by a configuration that lies in the folder."""
    command = [sys.executable, "-m", "ragkit", "ingest", str(docs), "--on", place, "--workers", "2"]
    return subprocess.Popen(
        [*command, "--json", "--config", str(folder / config)],
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def n_documents(folder: Path) -> int:
    """How many documents are committed, as another process sees it."""
    with opened(folder) as rag:
        try:
            return rag._parts.collection.counts().documents
        except Exception:  # it is just being made
            return 0
