"""The people who hear us: registry, consent, opt-outs, and who is sent to.

It alone writes subscriber, consent and stop.
"""
