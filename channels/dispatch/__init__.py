"""Sending: how fast, whom, with which words, and what came of it; the ledger is written through
broadcast.ledger only.
"""
