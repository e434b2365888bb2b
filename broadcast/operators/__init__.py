"""Who may do what, and the chained record of who did.

It alone writes operator, operator_request and audit.
"""
