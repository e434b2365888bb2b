"""Who stands where, kept as bitmaps beside the outcomes, so that nobody need read a million rows to
count them.

It alone writes kept_pass and kept_outcome. Both hold nothing of their own: they can be thrown away
at any time, and are made anew from batches, slices and outcomes.
"""
