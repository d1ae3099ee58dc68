"""Trains the bundled reranker on what `gather.py` wrote, from the published all-MiniLM-L6-v2.

    python evals/models/reranker/train.py OUT MINILM [--minutes 75] [--processes 2] [--device cpu]

MINILM is a folder with the published `model.safetensors`. Writes OUT/weights.npz. On a CPU two processes of
one thread each train on half of the groups and average their weights every 20 steps, which keeps both cores
busy where a step split between them would wait for the slower one. Source: Stich, "Local SGD Converges
Fast and Communicates Little" (ICLR 2019).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
import torch.distributed as distributed
from torch import Tensor, multiprocessing

from ragkit.train.cross_encoder import CrossEncoder, EncoderShape
from ragkit.train.groups import Group
from ragkit.train.recipe import Recipe
from ragkit.train.trainer import Trainer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from convert_minilm import read_safetensors

HEADS = 12
RECIPE = Recipe(
    epochs=6, groups_per_step=6, group_size=5, learning_rate=7e-5, max_tokens=288, max_query_tokens=160
)
TOGETHER = 20  # steps between two averages
TIMED = 40  # steps after which it is known how many fit into the time
OTHERS = 16  # hardest passages to draw from
MOST = {  # groups of a kind; of kinds not named here
    "scifact claim": 1_400,
    "generated scifact title": 700,
    "generated scifact keywords": 600,
    "generated scifact half": 700,
    "generated scifact sentence": 500,
    "generated scifact similar": 900,
    "squad question": 3_100,
}
MOST_OTHERWISE = 300
REPEATED = ("scifact claim", "hotpot question", "2wiki question")  # judged by people, and few


def groups_of(path: Path) -> list[Group]:
    """The groups of a file, no more of a kind than `MOST` says."""
    with np.load(path) as saved:
        texts = np.split(saved["text"].astype(np.int32), saved["text_ends"][:-1])
        relevant = np.split(saved["relevant"], saved["relevant_ends"][:-1])
        others = np.split(saved["others"], saved["others_ends"][:-1])
        teachers = np.split(saved["teacher"], saved["teacher_ends"][:-1])
        kinds, questions = saved["kind"].tolist(), saved["question"].tolist()
    taken: Counter[str] = Counter()
    groups = []
    for i in np.random.default_rng(11).permutation(len(kinds)).tolist():
        taken[kinds[i]] += 1
        if taken[kinds[i]] <= MOST.get(kinds[i], MOST_OTHERWISE):
            group = Group(
                texts[questions[i]],
                tuple(texts[j] for j in relevant[i]),
                tuple(texts[j] for j in others[i][:OTHERS]),
                teachers[i][:OTHERS] if len(teachers[i]) else None,
            )
            groups += [group] * (2 if kinds[i] in REPEATED else 1)
    return groups


def work(rank: int, arguments: argparse.Namespace) -> None:
    """One of the processes."""
    torch.set_num_threads(max(1, torch.get_num_threads() // arguments.processes))
    distributed.init_process_group(
        "gloo", init_method="tcp://127.0.0.1:29517", rank=rank, world_size=arguments.processes
    )
    torch.manual_seed(1234)
    weights = read_safetensors(arguments.minilm / "model.safetensors")
    model = CrossEncoder(EncoderShape.of(weights, heads=HEADS), dropout=0.0)
    model.take(weights)
    mine = groups_of(arguments.out / "training.npz")[rank :: arguments.processes]
    trainer = Trainer(model, mine, RECIPE, device=arguments.device)
    trained = [value for value in model.parameters() if value.requires_grad]
    start = time.monotonic()

    def after(step: int, loss: Tensor) -> bool:
        if step == TIMED:
            steps = torch.tensor(float(int(TIMED * arguments.minutes * 60 / (time.monotonic() - start))))
            distributed.all_reduce(steps, distributed.ReduceOp.MIN)
            trainer.shorten(int(steps.item()) // TOGETHER * TOGETHER)
        if step % TOGETHER == 0:
            averaged(trained, arguments.processes)
            if rank == 0:
                print(f"step {step} of {trainer.n_steps}, loss {loss.item():.3f}", flush=True)
        return False

    trainer.run(on_step=after)
    trainer.use_average()
    averaged(trained, arguments.processes)
    if rank == 0:
        np.savez(arguments.out / "weights.npz", **model.weights())


def averaged(values: list[Tensor], processes: int) -> None:
    """Puts the mean over the processes into `values`."""
    with torch.no_grad():
        for value in values:
            distributed.all_reduce(value)
            value /= processes


def main() -> None:
    """Command line: OUT MINILM [--minutes M] [--processes N] [--device D]."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("minilm", type=Path)
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    multiprocessing.spawn(work, (arguments,), nprocs=arguments.processes)


if __name__ == "__main__":
    main()
