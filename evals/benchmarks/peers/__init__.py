"""The retrieval of ragkit beside that of other libraries: the same texts, vectors and number of candidates.

task → environments → worker (in each environment, through an adapter) → TREC runs → table
"""
