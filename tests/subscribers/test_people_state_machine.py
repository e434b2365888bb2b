"""People register, confirm or do not, change, stop, start, are brought in, changed, erased and
brought in again by others, in any order, while messages go out: nobody is handed anything who did
not confirm, stopped or was erased, whoever was erased comes back by themselves alone, and every
account adds up. What a simple model says is what the database holds.

`LIVES_CASES=2000` runs more of them than the suite does.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck
from hypothesis.stateful import invariant
from sqlalchemy import select

from subscribers.contact.tables import contact_point
from subscribers.registry import reached
from subscribers.registry.tables import subscriber
from tests import schema
from tests.subscribers.lives.messages import Messages
from tests.subscribers.lives.town import (
    CHANNELS,
    POOLS,
)


class Lives(Messages):
    """A small town: so few numbers and mailboxes that people share them, move and come back."""

    @invariant()
    def every_account_adds_up_to_what_was_handed_over(self) -> None:
        for version in self.versions[-2:]:
            self._adds_up(version)

    @invariant()
    def the_registry_holds_what_the_model_says(self) -> None:
        for each in self.people.values():
            each.pressed = {c: n for c, n in each.pressed.items() if c in each.stopped}

        def look(conn: Any) -> None:
            for channel, pool in POOLS.items():
                for address in pool:
                    held = reached.persons_with_address(conn, channel, address)
                    here = [
                        i for i, p in sorted(self.people.items()) if p.hears_at(channel, address)
                    ]
                    assert held == here, (channel, address)
            rows = {r.id: r for r in conn.execute(select(subscriber))}
            assert rows.keys() == {*self.people, *self.erased}
            for who, mine in self.people.items():
                found = rows[who]
                assert found.external_id == mine.external
                assert found.stopped == ";".join(c for c in CHANNELS if c in mine.stopped)
                assert found.consented == found.channels == ";".join(mine.channels)
            with_contacts = select(contact_point.c.subscriber_id).distinct()
            assert set(conn.execute(with_contacts).scalars()) <= self.people.keys()
            left = {rows[who].external_id for who in self.erased}
            assert not left & set(self.erased.values())
            assert all(rows[who].erased_at is not None for who in self.erased)

        self.read(look)


def test_whatever_people_and_those_who_keep_them_do_nobody_hears_who_should_not(
    tmp_path: Path,
) -> None:
    schema.sqlite_at(tmp_path / "template.db")
    Lives.template = tmp_path / "template.db"
    case = Lives.TestCase
    case.settings = hypothesis.settings(
        max_examples=int(os.environ.get("LIVES_CASES", "15")),
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    case().runTest()
