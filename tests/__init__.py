"""The suite: it mirrors the packages; services/ starts the real ones; contracts/ runs one suite on
the fake and the real thing.
"""
