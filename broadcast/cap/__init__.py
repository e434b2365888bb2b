"""CAP 1.2 (OASIS 2010, ITU-T X.1303 bis): read, judge, write, and our messages as CAP.

It alone writes cap_document.
"""
