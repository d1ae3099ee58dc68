"""How near vectors of the same model come, and of others: what the thresholds of the probe rest on.

    python evals/import_probe.py SCIFACT/corpus.jsonl XQUAD/corpus.jsonl --model FOLDER

The bundled embedder (all-MiniLM-L6-v2, int8) is compared with what users may have beside it. FOLDER is the
same model in float32 for sentence-transformers; without it the lines that need it are left out.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from ragkit.models.bundled_embedder import BundledEmbedder
from ragkit.protocols import Vectors

SEED, CHARACTERS = 0, 600


def texts_of(path: Path, n: int) -> list[str]:
    """The first texts of a corpus, cut to the length of a passage."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line)["text"][:CHARACTERS] for _, line in zip(range(n), file, strict=False)]


def compared(texts: list[str], folder: str | None) -> dict[str, Any]:
    """The cosines of each pair, by what it is."""
    embedder = BundledEmbedder()

    def embed(some: list[str]) -> Vectors:
        return embedder.embed(some, "passage")

    ours, rng = embed(texts), np.random.default_rng(SEED)
    turned = np.linalg.qr(rng.normal(size=(ours.shape[1], ours.shape[1])))[0].astype(np.float32)
    pairs = {
        "prefix 'passage: '": (ours, embed([f"passage: {text}" for text in texts])),
        "a line of metadata before": (
            ours,
            embed([f"file_path: docs/{n}.md\n\n{text}" for n, text in enumerate(texts)]),
        ),
        "the first 64 words alone": (ours, embed([" ".join(text.split()[:64]) for text in texts])),
        "another text": (ours, ours[rng.permutation(len(texts))]),
        "another space": (ours, ours @ turned),
    }
    if folder is not None:
        whole, other = _float32(texts, folder)
        pairs = {"the same in float32": (ours, whole), "last layer 30 % noise": (whole, other), **pairs}
    return {what: np.einsum("ij,ij->i", one, two) for what, (one, two) in pairs.items()}


def _float32(texts: list[str], folder: str) -> tuple[Vectors, Vectors]:
    """By the model, and by one whose last layer was changed as if it were trained on."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.manual_seed(SEED)
    model = SentenceTransformer(folder, device="cpu")
    whole = model.encode(texts, normalize_embeddings=True)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "layer.5." in name and weight.ndim == 2:
                weight.add_(torch.randn_like(weight) * weight.std() * 0.3)
    return whole, model.encode(texts, normalize_embeddings=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "corpora", nargs="+", type=Path, help="files with a JSON object and its text on each line"
    )
    parser.add_argument("--texts", type=int, default=96, help="of each file")
    parser.add_argument("--model", metavar="FOLDER", help="all-MiniLM-L6-v2 for sentence-transformers")
    args = parser.parse_args()
    print(f"{'corpus':<16}{'compared with':<28}{'median':>8}{'p10':>8}{'lowest':>8}   n")
    for path in args.corpora:
        for what, cosines in compared(texts_of(path, args.texts), args.model).items():
            low, tenth, median = np.quantile(cosines, [0, 0.1, 0.5])
            name = f"{path.parent.name:<16}{what:<28}"
            print(f"{name}{median:>8.4f}{tenth:>8.4f}{low:>8.4f}{len(cosines):>4}", flush=True)


if __name__ == "__main__":
    main()
