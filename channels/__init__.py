"""How a message leaves: the contract of a channel, its adapters, and sending. No table."""
