"""Events: the outbox, the relay to Kafka, topics, and dead letters.

It alone writes outbox and parked.
"""
