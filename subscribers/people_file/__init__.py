"""The file of people, a CSV: its columns, what each cell may say, reading it whole or not at all,
and writing it. It keeps nothing and has no table: `subscribers/registry/importing.py` stores what
was read.

`reading` goes through a file with `rows`, which takes a row apart and asks `telephone`,
`email_address`, `places`, `choices` and `texts` what each cell means; `findings` collects what is
wrong and what is odd, each with its line. `record` says what one person of a file is.
"""
