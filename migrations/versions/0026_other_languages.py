"""Which languages people read beside their own"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. Nobody has named another language so far."""
    op.add_column(
        "subscriber",
        sa.Column("other_languages", sa.String(), server_default="", nullable=False),
    )
