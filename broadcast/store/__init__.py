"""The database: transactions, locks, its clock, and stored answers to repeated requests.

It alone writes meta, incarnation and idempotency.
"""
