"""Our message versions as CAP documents and CAP documents as drafts: the two directions under one
name.
"""

from __future__ import annotations

from broadcast.cap.incoming import DEFAULT_EXPIRY, Drafted, from_cap
from broadcast.cap.outgoing import to_cap

__all__ = ["DEFAULT_EXPIRY", "Drafted", "from_cap", "to_cap"]
