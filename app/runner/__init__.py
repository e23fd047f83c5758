"""The runner: what starts when, at most once, and what became of it."""
