"""People who register by themselves: what they choose, codes, budgets.

It alone writes registration and sign_up_count.
"""
