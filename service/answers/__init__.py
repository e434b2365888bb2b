"""What comes back: receipts of providers, and what people answer, kept as it comes, acknowledged
once, listed and handed out to who may read it.

It writes no table: `broadcast.answers`, the ledger's responses and the registry do.
"""
