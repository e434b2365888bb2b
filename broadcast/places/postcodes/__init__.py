"""Postcodes: where each lies, and how far round it somebody may live who gave no more than it. It
alone writes postcode.
"""
