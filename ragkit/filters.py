"""Placeholder so that types import while the filter language is written."""

from __future__ import annotations


class Filter:
    """Base of the filter tree."""
