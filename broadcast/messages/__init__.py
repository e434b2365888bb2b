"""Messages from draft to end: versions, states, approvals, and who may read or change them.

It alone writes message, version, decision and resend.
"""
