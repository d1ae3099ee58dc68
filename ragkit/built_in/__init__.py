"""The names of ragkit's own components: a static table, from which nothing is imported before it is used."""

from __future__ import annotations

from ragkit.built_in.around import AROUND
from ragkit.built_in.component import Component
from ragkit.built_in.ingestion import INGESTION
from ragkit.built_in.models import MODELS
from ragkit.built_in.stages import STAGES
from ragkit.built_in.stores import STORES

TABLES = (MODELS, STORES, INGESTION, STAGES, AROUND)
BUILT_IN: dict[str, Component] = {name: component for table in TABLES for name, component in table.items()}
