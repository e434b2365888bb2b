"""What is said, to whom it was frozen, and what became of it."""
