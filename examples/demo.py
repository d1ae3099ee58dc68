"""Index the example handbook, ask three questions, show each answer with its sources.

    python examples/demo.py

No key, no server, no download: the embedding model comes with the package.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import ragkit
from ragkit.cli.show import print_answer, print_report

HERE = Path(__file__).parent


def main() -> None:
    """Runs the demo in a temporary index."""
    questions = json.loads((HERE / "questions" / "demo.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as index, ragkit.open(index) as rag:
        print_report(rag.ingest(HERE / "corpus"))
        for item in questions:
            print(f"\n❯ {item['question']}")
            answer = rag.ask(item["question"])
            print_answer(answer)
            for citation in answer.citations:
                source = rag.source(citation.document_id)
                assert citation.quote == source[citation.start : citation.end]


if __name__ == "__main__":
    main()
