"""The pages that look back: the delivery log, one person explained, and a message replayed."""
