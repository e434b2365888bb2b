"""Who is being sent to, and what became of each: a claim before the wire, an outcome after it, and
leases, which run out where the outcome never comes.

It alone writes batch, slice and outcome. Every function is one part of a transaction; what calls it
decides what else belongs into the same one.
"""
