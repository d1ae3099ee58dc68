"""Measuring: datasets, runs, measures, intervals and paired comparisons.

questions + judgements → Run → Scores → Figure, Comparison
"""
