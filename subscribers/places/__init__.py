"""Where people are beside their own place: at work, at school, visiting for a while, or at a site
of whom they act for.

It alone writes subscriber_place, which follows the column `places` of whoever is registered.
"""
