"""The command group `answers`: what people answered, listed and read, and the keys that open it."""
