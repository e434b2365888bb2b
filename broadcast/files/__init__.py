"""Reading CSV and JSON from strangers, guessing a misspelt word, files that one receiver alone
opens. No table.
"""
