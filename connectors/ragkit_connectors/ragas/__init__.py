"""`metric/ragas`: the metrics of ragas, asked of any chat model and any embedder of ragkit."""

from ragkit_connectors.ragas.scorer import RagasScorer as RagasScorer
