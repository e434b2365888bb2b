"""How Alembic runs here: on the connection it is handed, in its transaction, on SQLite and
PostgreSQL alike.
"""

from __future__ import annotations

from alembic import context

from migrations.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
