"""Measuring: pipelines on datasets, with intervals, paired comparisons, gates and reports.

suite.yaml → Suite → Prepared → outcomes → figures, blame → Report → folder, gate, page
"""
