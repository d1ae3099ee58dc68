"""The embedded store: one folder, no server. A SQLite manifest is the truth; all else is derived from it."""
