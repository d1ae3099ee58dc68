"""Running a pipeline over a dataset: index, questions in flight, journal, cache of stages, times."""
