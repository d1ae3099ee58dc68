"""Parses binary documents in a worker process with limits: what kills it ends that one document."""
