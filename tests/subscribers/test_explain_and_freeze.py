"""What is explained of each person is what was frozen: random people, messages of every form.

`EXPLAIN_PEOPLE=10000` asks about more of them than the suite does.
"""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from broadcast.content.model import PERSONAL_CHANNELS, SUBSCRIBER_KINDS
from broadcast.groups import registered
from broadcast.groups.files import named
from broadcast.ledger import audiences
from broadcast.messages import versions
from broadcast.store.database import Connection
from subscribers.audience import reasons
from subscribers.index import RegistryIndex
from subscribers.matcher import rule_for
from subscribers.people_file.choices import TOPICS
from subscribers.people_file.record import SubscriberRecord
from subscribers.registry import acts
from subscribers.registry.importing import import_records
from tests.console.site import CAMDEN, LONDON, WESTMINSTER, open_site, person

PEOPLE: Final = int(os.environ.get("EXPLAIN_PEOPLE", "500"))
TEXT: Final = {"headline": "Road closed", "instruction": "Go round."}
MESSAGES: Final[dict[str, dict[str, Any]]] = {
    "routine, for an area": {},
    "danger to life, in two languages": {
        "severity": "Extreme",
        "urgency": "Immediate",
        "areas": [CAMDEN],
        "languages": {"en": TEXT, "pl": TEXT},
    },
    "drawn": {
        "areas": None,
        "circles": [{"latitude": 51.51, "longitude": -0.14, "radius_km": 1.5}],
    },
    "an appeal to businesses": {
        "kind": "appeal",
        "hotlines": ["101"],
        "areas": [LONDON],
        "audience": {"kinds": ["business", "partner"]},
    },
    "of a provider": {"provider": "Watch"},
    "an exercise": {"status": "Exercise", "areas": [LONDON]},
}


def a_person(n: int, chance: random.Random) -> SubscriberRecord:
    def some(words: Any, most: int) -> str:
        return ";".join(chance.sample(list(words), chance.randint(0, most)))

    def maybe(value: Any) -> Any:
        return value if chance.random() < 0.7 else None

    kind = chance.choice(SUBSCRIBER_KINDS)
    at = (
        None
        if chance.random() < 0.3
        else (51.45 + chance.random() / 6, -0.25 + chance.random() / 5)
    )
    return person(
        n,
        kind=kind,
        mobile=maybe(f"+9991{n:08d}"),
        phone=maybe(f"+9992{n:08d}"),
        email=maybe(f"p{n}@example.org"),
        lat=at and at[0],
        lon=at and at[1],
        area=maybe(chance.choice((WESTMINSTER, CAMDEN, LONDON))),
        language=chance.choice(("en", "pl", "cy", "pt-BR")),
        channels=some(PERSONAL_CHANNELS, 3),
        topics=some(TOPICS, 4),
        minimum_severity=chance.choice(("", "", "Minor", "Severe", "Extreme")),
        quiet_hours=chance.choice(
            ("", "", "22:00-07:00 Europe/London", "09:00-17:00 Asia/Kolkata")
        ),
        by_topic=chance.choice(("", "", "incident Extreme sms", "appeal email")),
        providers_off=chance.choice(("", "", "Watch", "Council;Watch")),
        places="" if kind in ("officer", "partner") else chance.choice(("", f"work {CAMDEN}")),
    )


async def test_what_is_explained_of_everybody_is_what_was_frozen(tmp_path: Path) -> None:
    seed = random.randrange(10**9)
    chance = random.Random(seed)
    records = [a_person(n, chance) for n in range(1000, 1000 + PEOPLE)]
    async with open_site(tmp_path) as site:
        now = datetime.now(UTC)
        known = [named("provider", each, {}) for each in ("Council", "Watch")]
        await site.db.write(registered.register, known, now)
        await site.db.write(import_records, records, "consent", now)
        everybody = range(1, PEOPLE + 34)

        def happens(conn: Connection) -> None:
            for channel in PERSONAL_CHANNELS:
                acts.stop(conn, chance.sample(everybody, PEOPLE // 8), channel, "operator", now)
            for gone in chance.sample(everybody, PEOPLE // 25):
                acts.erase(conn, gone, now)

        await site.db.write(happens)
        kinds = set[str]()
        for name, message in MESSAGES.items():
            version = (await site.version(await site.live(**message))).id

            def compare(
                conn: Connection, version: int = version
            ) -> tuple[dict[int, str], dict[int, str]]:
                v = versions.get(conn, version)
                frozen = audiences.read(conn, version)
                lines = {i: f"{way} {tag}" for (way, tag), ids in frozen.send.items() for i in ids}
                lines |= {i: why for why, ids in frozen.suppressed.items() for i in ids}
                at = audiences.frozen_at(conn, version)
                rule = rule_for(conn, v, site.context.channels_on, at=at)
                index = RegistryIndex.load(conn)
                traces = {i: reasons(index, rule, i) for i in everybody}
                told = {
                    i: f"{'>'.join(t.channels)} {t.language}" if t.outcome == "send" else t.outcome
                    for i, t in traces.items()
                    if t.addressed
                }
                return lines, told

            lines, told = await site.db.read(compare)
            assert told == lines, (seed, name)
            kinds |= {line.partition(" ")[0] for line in lines.values()}
    # the world is one in which all of it happens
    assert {"stopped", "not_chosen", "provider_off", "below_severity", "no_channel", "sms"} <= kinds
