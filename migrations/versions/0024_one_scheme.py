"""Which contact was proven stands with the contact point; what the secret key marked, the contact
keys mark
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from broadcast.problems import refuse

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_PAGE = 10_000
_KINDS = {"sms": ("mobile",), "voice": ("phone", "mobile"), "email": ("email",)}


def upgrade() -> None:
    """Bring the schema forward. Nobody has to prove a contact anew, and no answer loses the number
    by which it is erased. Who is registering at this moment begins again.
    """
    conn = op.get_bind()
    _carry_over(conn)
    _mark_answers_anew(conn)
    op.drop_index("ix_contact_confirmed_address_mark", "contact_confirmed")
    op.drop_table("contact_confirmed")
    # forms last an hour, counts a day or two: both were made with the secret key
    op.execute("DELETE FROM registration")
    op.execute("DELETE FROM sign_up_count WHERE name NOT LIKE 'money %'")
    op.drop_column("registration", "address_mark")
    op.add_column(
        "registration", sa.Column("key_id", sa.String(), nullable=False, server_default="")
    )


def _carry_over(conn: sa.Connection) -> None:
    """Note with each contact point that it was proven, where it is still the one that was."""
    rows = conn.execute(
        sa.text("SELECT subscriber_id, channel, address_mark, at FROM contact_confirmed")
    ).all()
    if not rows:
        return
    secret = _secret(conn)
    proven: dict[int, list[Any]] = {}
    for row in rows:
        proven.setdefault(row.subscriber_id, []).append(row)
    update = sa.text(
        "UPDATE contact_point SET confirmed_how = 'code', confirmed_at = :at"
        " WHERE subscriber_id = :person AND kind = :kind AND place_in_order = :place"
    )
    for page in _points(conn):
        found = [
            {"person": person, "kind": kind, "place": place, "at": row.at}
            for person, kind, place, address in page
            for row in proven.get(person, ())
            if kind in _KINDS[row.channel] and _confirmed(secret, address) == row.address_mark
        ]
        if found:
            conn.execute(update, found)


def _mark_answers_anew(conn: sa.Connection) -> None:
    """Give answers the mark that the contact key makes of their number, where somebody has it; of
    nobody's numbers the mark goes.
    """
    marks = set(
        conn.execute(sa.text("SELECT DISTINCT mark FROM answer WHERE mark <> ''")).scalars()
    )
    if not marks:
        return
    from subscribers.contact.keys import ring_of

    secret, key = _secret(conn), ring_of(conn).to_write(conn).newest
    moved: dict[str, str] = {}
    for page in _points(conn):
        for _, kind, _, address in page:
            before = hmac.digest(secret, b"answer from|" + address.encode(), "sha256").hex()
            if kind != "email" and before in marks:
                moved[before] = key.id + key.mark_of("answer from", address).hex()
    update = sa.text("UPDATE answer SET mark = :after WHERE mark = :before")
    pairs = [{"before": before, "after": moved.get(before, "")} for before in marks]
    conn.execute(update, pairs)


def _points(conn: sa.Connection) -> Iterator[list[tuple[int, str, int, str]]]:
    """Yield everybody's contact points, opened, by page: person, kind, place in
    their order, address.
    """
    from subscribers.contact.keys import opener

    opened = opener(conn)
    after = 0
    query = sa.text(
        "SELECT subscriber_id, kind, place_in_order, sealed, key_id FROM contact_point"
        " WHERE subscriber_id > :after AND subscriber_id <= :until"
    )
    last = conn.execute(sa.text("SELECT max(subscriber_id) FROM contact_point")).scalar() or 0
    while after < last:
        rows = conn.execute(query, {"after": after, "until": after + _PAGE})
        yield [
            (
                r.subscriber_id,
                r.kind,
                r.place_in_order,
                opened(r.subscriber_id, r.kind, r.sealed, r.key_id),
            )
            for r in rows
        ]
        after += _PAGE


def _confirmed(secret: bytes, address: str) -> str:
    folded = address.casefold() if "@" in address else address
    return hmac.digest(secret, f"registration|address|{folded}".encode(), "sha256").hex()[:40]


def _secret(conn: sa.Connection) -> bytes:
    """Return the key by which this was marked so far."""
    key = conn.get_execution_options().get("secret_key")
    if key is None:
        raise refuse(
            "secret_key_missing",
            "the database was opened without the secret key, by which contacts were marked so far",
            "run `fasttime migrate`, or `fasttime up`, with the settings of this installation",
            field="FASTTIME_SECRET_KEY",
        )
    return bytes(key())
