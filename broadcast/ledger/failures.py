"""Questions of reports on one message: why somebody was not reached."""

from __future__ import annotations

from sqlalchemy import Connection, select

from broadcast.ledger.tables import outcome


def failure_codes(conn: Connection, version_id: int) -> dict[int, list[str]]:
    """Return per person why a hand-over failed or is in doubt: "sms 30003"."""
    query = select(outcome.c.person_id, outcome.c.channel, outcome.c.code).where(
        outcome.c.version_id == version_id,
        outcome.c.state.in_(("failed", "in_doubt", "refused")),
        outcome.c.code != "",
    )
    found: dict[int, list[str]] = {}
    for person, channel, code in conn.execute(
        query.order_by(outcome.c.generation, outcome.c.channel)
    ):
        said = found.setdefault(person, [])
        if f"{channel} {code}" not in said:
            said.append(f"{channel} {code}")
    return found
