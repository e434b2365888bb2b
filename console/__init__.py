"""WHERE people touch it."""
