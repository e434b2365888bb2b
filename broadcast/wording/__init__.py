"""The words that we add to an author's own, and how both become an SMS, a call, an e-mail and a
page.
"""
