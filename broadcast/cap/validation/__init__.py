"""Whether a CAP document may be taken: syntax, structure, and rules. No table."""
