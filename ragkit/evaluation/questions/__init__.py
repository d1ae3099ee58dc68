"""Evaluation questions made of one's own documents: drafted by kind, filtered, divided, written."""
