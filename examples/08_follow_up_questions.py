"""Follow-up questions, offline: what "And its battery?" means is found out from the turns before it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import ragkit
from ragkit import Turn

TALKS = [
    ["How long is the warranty of a Wick 5?", "And its battery?", "And for the Wick 7?"],
    ["Какой срок гарантии на Wick 5?", "А на Wick 7?"],
]

with tempfile.TemporaryDirectory() as folder, ragkit.open(folder) as rag:
    rag.ingest(Path(__file__).parent / "corpus", progress=False)
    for questions in TALKS:
        history: list[Turn] = []
        for question in questions:
            answer = rag.ask(question, history=history)
            alone = rag.ask(question)
            print(f"❯ {question}\n  {answer.text}")
            if history:
                print(f"  understood as: {answer.plan.understood}")
                print(f"  without the turns before: {alone.text[:70]} …")
            history += [Turn("user", question), Turn("assistant", answer.text)]
        print()
