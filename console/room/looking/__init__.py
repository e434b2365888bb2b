"""The pages that look back and around: the delivery log, one person explained, a message replayed,
operators and the audit log.
"""
