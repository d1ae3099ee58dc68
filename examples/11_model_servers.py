"""A server embeds and reranks. The one here is a toy around the bundled models: put the address of yours in
its place (vLLM, text-embeddings-inference, Infinity, OpenAI …). Needs the extra `openai`."""

from __future__ import annotations

import json
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import ragkit
from ragkit.config.defaults import default_text
from ragkit.models.bundled_embedder import BundledEmbedder
from ragkit.models.bundled_reranker import BundledReranker

EMBEDDER, RERANKER = BundledEmbedder(), BundledReranker()


class Toy(BaseHTTPRequestHandler):
    """Speaks OpenAI's embeddings and the ranking of text-embeddings-inference."""

    def do_POST(self) -> None:
        """Answers one request."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/v1/embeddings":
            vectors = EMBEDDER.embed(asked["input"], "passage").tolist()
            told: object = {"data": [{"index": i, "embedding": v} for i, v in enumerate(vectors)]}
        else:
            scores = RERANKER.score(asked["query"], asked["texts"]).tolist()
            told = [{"index": i, "score": score} for i, score in enumerate(scores)]
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing on the terminal."""


server = ThreadingHTTPServer(("127.0.0.1", 0), Toy)
Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"
models = {
    "models.embed": {"use": "embed/openai", "base_url": f"{address}/v1", "model": "minilm"},
    "models.rerank": {"use": "rerank/http", "protocol": "tei", "base_url": address},
}
with tempfile.TemporaryDirectory() as folder:
    config = Path(folder) / "rag.yaml"
    config.write_text(default_text())
    with ragkit.load(config, set={**models, "stores.local.path": f"{folder}/index"}) as rag:
        print(rag.check()["models.rerank"].replace(address, "the server"))
        rag.ingest(Path(__file__).parent / "corpus" / "en", progress=False)
        for hit in rag.retrieve("What happens when a licence expires?", k=3).hits:
            print(f"{hit.score:.2f} {hit.chunk.uri}: {hit.chunk.text[:60]!r}")
server.shutdown()
server.server_close()
