"""From which information providers people want nothing routine"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. Everybody wants to hear from all of them so far."""
    op.add_column(
        "subscriber", sa.Column("providers_off", sa.String(), server_default="", nullable=False)
    )
