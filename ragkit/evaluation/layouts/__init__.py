"""How published datasets state answers, evidence and answerability in their rows, one layout a file."""
