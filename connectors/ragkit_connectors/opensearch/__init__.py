"""`store/opensearch`: an index in two indexes of an OpenSearch cluster, for many processes and machines."""

from __future__ import annotations

from ragkit_connectors.opensearch.store import OpenSearchStore

__all__ = ["OpenSearchStore"]
