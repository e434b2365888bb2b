"""Areas, their tree and boundaries, and drawn shapes. It alone writes area."""
