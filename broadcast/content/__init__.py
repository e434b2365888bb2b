"""What a message says: its fields, their limits, the rules of text, SMS segments. No table."""
