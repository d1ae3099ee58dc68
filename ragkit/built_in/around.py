"""Where the work is done, and what evaluates it."""

from __future__ import annotations

from ragkit.built_in.component import Component, table

AROUND: dict[str, Component] = table(
    # where the work is done
    ("on/ray", "ragkit_connectors.ray:OnRay", "workers of a Ray cluster, or one of its own", "ray", "ray"),
    # evaluation
    (
        "metric/ragas",
        "ragkit_connectors.ragas:RagasScorer",
        "the metrics of ragas, with any chat model",
        "ragas",
        "ragas",
    ),
    (
        "dataset/ir-datasets",
        "ragkit_connectors.ir_datasets:IrDataset",
        "judged collections of the package ir_datasets, by id",
        "ir-datasets",
        "ir_datasets",
    ),
)
