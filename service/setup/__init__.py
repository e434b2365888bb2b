"""What an installation holds beside messages, and who may change it: places, people one by one and
by file, levels of the past. Each act is one transaction with its record in the audit chain; the
machine's administrator and operators with the role administrator do it by the same functions.
"""
