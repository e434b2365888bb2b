"""The registry: people, their consent and what they stopped, as rows.

It alone writes subscriber, consent and stop.
"""
