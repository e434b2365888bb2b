"""The commands of `fasttime`, a module for each group; what they need is imported when they run, so
that --help is quick.
"""
