"""Scripted ways round two persons; `test_two_persons.py` tries every one of them."""
