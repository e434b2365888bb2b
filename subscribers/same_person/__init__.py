"""Which registrations are one person: joined by who holds them, or of the same name and contact.

It alone writes same_person.
"""
