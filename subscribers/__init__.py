"""WHO hears it."""
