"""Who a browser stands for: sessions and links that open one, each known by its hash only.

It alone writes session, one_time_link and passkey.
"""
