"""Residents and businesses by themselves: they register, prove a contact, choose, stop, leave.

It writes no table: `subscribers.registration`, `broadcast.sessions` and the registry do.
"""
