"""What people answer, by text, by a key in a call or on a page: kept sealed, joined to the message
that it answers, read by who may.

It alone writes answer. Counting, closing and telling the outcome of an appeal are built on its rows
and read no words: `message_id`, `joined`, `urgent` and the times stay when a person is erased.
"""
