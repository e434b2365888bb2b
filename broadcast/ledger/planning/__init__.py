"""Who of a frozen audience is sent to, and whom earlier versions of the message reached. It writes
no table.
"""
