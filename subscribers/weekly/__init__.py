"""How many routine messages a week somebody takes at most: what counts, who has had them, and what
was left out for it.

It alone writes weekly_use.
"""
