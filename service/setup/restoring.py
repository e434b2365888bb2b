"""After a database was put back from a backup: nobody is sent again what they were sent since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from broadcast.messages import listing, publishing
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.problems import refuse
from broadcast.store import checkup
from broadcast.store.database import Connection

WHY = "restored from a backup"
"""Why a version is held, on its record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What stands in an older copy: `held` would have been sent to people, as it stood before;
    `waiting` awaits approval there, and was perhaps approved, and sent, after the copy was made.
    """

    held: list[Version]
    waiting: list[Version]


def hold_everything(conn: Connection, actor: str, now: datetime) -> Restored:
    """Hold every unfinished version, and record that it was done. To be done before anything is
    started on the copy: what was handed over after it was made does not stand there, and would be
    handed over again. Done twice it finds nothing more to hold.

    Raises Rejected (409 service_running) while a process gives signs of life.
    """
    if running := sorted(checkup.live_roles(conn)):
        raise refuse(
            "service_running",
            f"a service works on this database ({', '.join(running)})",
            "stop every process, wait ten seconds, and type this again before any is started",
            status=409,
        )
    held = publishing.hold_unfinished(conn, now, WHY)
    operators.log_admin(
        conn,
        actor=actor,
        action="database.restored",
        subject="everything",
        detail=f"held={len(held)}",
        now=now,
    )
    return Restored(held=held, waiting=listing.awaiting_approval(conn))
