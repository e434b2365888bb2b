"""At which rates a process may send"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward. Of processes so far no rate is known."""
    op.add_column("worker", sa.Column("rates", sa.String(), server_default="{}", nullable=False))
