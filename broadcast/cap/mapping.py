"""Our message versions as CAP documents and CAP documents as drafts: the two directions under one
name.
"""

from __future__ import annotations

from broadcast.cap.incoming import DEFAULT_EXPIRY, Drafted, from_cap
from broadcast.cap.outgoing import as_cancel, to_cap

__all__ = ["DEFAULT_EXPIRY", "Drafted", "as_cancel", "from_cap", "to_cap"]
