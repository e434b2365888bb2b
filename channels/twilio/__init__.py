"""Text messages and calls by Twilio: two adapters, their client, and its callbacks."""
