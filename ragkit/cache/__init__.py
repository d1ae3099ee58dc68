"""What stands around the graph: answers that are given again without a run."""
