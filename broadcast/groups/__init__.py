"""Communities, sectors and information providers: which are registered, and what
people call them in each language.

It alone writes community_or_sector.
"""
