"""Organisations: their trade and size, their sites, and the people who act for them.

It alone writes organisation and organisation_person.
"""
