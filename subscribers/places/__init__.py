"""Where people are beside their own place: at work, at school, or visiting for a while.

It alone writes subscriber_place, which follows the column `places` of whoever is registered.
"""
