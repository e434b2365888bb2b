"""Reading CSV and JSON from strangers, and guessing a misspelt word. No table."""
