"""What a run is measured by, one family per file."""
