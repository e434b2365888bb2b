"""HOW it reaches them."""
