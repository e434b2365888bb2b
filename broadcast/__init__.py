"""WHAT is said, and what became of it."""
