"""How people are called and reached, at rest never in clear: sealed with a key that is not in the
database, and found by keyed marks.

It alone writes contact_point, sealed_name, erased_mark and contact_key.
"""
