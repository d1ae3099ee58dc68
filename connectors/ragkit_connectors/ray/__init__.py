"""Work on a Ray cluster: `ragkit ingest --on ray://HOST:10001`. See docs/guide/ray.md."""

from __future__ import annotations

from ragkit_connectors.ray.place import OnRay

__all__ = ["OnRay"]
