"""What a person may do with messages, as plain commands; the command line, HTTP and the pages call
the same. A command checks and counts, and returns an act: the writes that remain. Whoever commits
acts does so in one transaction, together with others or with the answer that is told.
"""
