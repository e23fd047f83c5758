"""The file back end: TinyDB JSON files over a crash-safe journal."""
