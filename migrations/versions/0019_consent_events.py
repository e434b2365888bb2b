"""Where a consent was given, and under which wording"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. Of consents so far neither is known, and none is made up."""
    for name in ("source", "wording"):
        op.add_column("consent", sa.Column(name, sa.String(), server_default="", nullable=False))
