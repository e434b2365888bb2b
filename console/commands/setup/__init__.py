"""Commands by which an installation learns what its messages speak of."""
