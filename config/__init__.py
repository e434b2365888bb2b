"""HOW it is joined."""
