"""A chat model writes the answer, every citation is checked. The endpoint here is a toy in this process: put
the address of yours (vLLM, Ollama, OpenAI …) in its place. Needs the extra `openai`."""

from __future__ import annotations

import json
import re
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import ragkit
from ragkit.generate.cited import CitedGenerate
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.fuse import WeightedFuse
from ragkit.verify.citations import VerifyCitations
from ragkit_connectors.openai import OpenAIChat


class Toy(BaseHTTPRequestHandler):
    """Speaks chat completions. It repeats the first passage's sentence on expiry, then makes something up."""

    def do_POST(self) -> None:
        """Answers one request."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = re.search(r"[^.\n]*expire[^.\n]*\.", body["messages"][-1]["content"])
        text = f"{found[0].strip() if found else ''} [1] After that it costs 99 euros an hour. [1]"
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        reply = json.dumps({"choices": [choice], "usage": {"prompt_tokens": 900, "completion_tokens": 30}})
        self.send_response(200)
        self.send_header("Content-Length", str(len(reply.encode())))
        self.end_headers()
        self.wfile.write(reply.encode())

    def log_message(self, *_: object) -> None:
        """Says nothing on the terminal."""


server = ThreadingHTTPServer(("127.0.0.1", 0), Toy)
Thread(target=server.serve_forever, daemon=True).start()

model = OpenAIChat(
    base_url=f"http://127.0.0.1:{server.server_port}/v1", model="toy", price={"input": 0.1, "output": 0.3}
)
graph = Bm25Retrieve() >> WeightedFuse(k=6) >> CitedGenerate(llm=model) >> VerifyCitations()

with tempfile.TemporaryDirectory() as folder, ragkit.open(folder, graph=graph) as rag:
    rag.ingest(Path(__file__).parent / "corpus" / "en", progress=False)
    answer = rag.ask("What happens when a licence expires?")
    print(answer.text)
    for c in answer.citations:
        print(f"  [{c.marker}] {c.uri}: “{c.quote}”")
    print("not shown:", [sentence.text for sentence in answer.dropped])
    print(f"{answer.usage.input_tokens} + {answer.usage.output_tokens} tokens, {answer.usage.usd:.6f} USD")
server.shutdown()
server.server_close()
