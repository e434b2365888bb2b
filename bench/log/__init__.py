"""log: how long it takes to look at what became of very many people, and what keeping it costs.

It writes no table but those of a database of its own.
"""
