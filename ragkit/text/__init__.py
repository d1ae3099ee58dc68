"""Text without models: normalisation, languages, BM25 terms, sentences, tokens and spans.

Everything here is offline, deterministic and linear in the length of its input, and every position is a
`ragkit.types.Span` in characters of the text that was passed in.
"""
