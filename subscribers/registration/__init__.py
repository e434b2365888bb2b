"""People who register by themselves: what they choose, codes, budgets, confirmed contacts.

It alone writes registration, sign_up_count and contact_confirmed.
"""
