"""Messages as people write them, in YAML or JSON: read into a Content, and
written back to be edited; and what is being written, kept as it is typed.

It alone writes unfinished.
"""

from __future__ import annotations

from broadcast.drafts.checking import placeholder_problems
from broadcast.drafts.one_pass import Follows
from broadcast.drafts.reading import read_draft
from broadcast.drafts.writing import to_yaml

__all__ = ["Follows", "placeholder_problems", "read_draft", "to_yaml"]
