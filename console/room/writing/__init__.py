"""The pages on which a message is written, and checked before it is submitted."""
