"""Matching equals the plainest rule, for any small world and any rule."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap
from sqlalchemy import Connection, update

from broadcast.groups import registered
from broadcast.groups.files import named
from broadcast.store.database import metadata
from subscribers.audience import preview, reasons
from subscribers.index import (
    REASONS,
    RegistryIndex,
    Rule,
)
from subscribers.organisations.record import OrganisationRecord
from subscribers.organisations.rows import save
from subscribers.people_file.record import SubscriberRecord
from subscribers.registry.acts import stop
from subscribers.registry.importing import import_records
from subscribers.registry.mark import next_change
from subscribers.registry.tables import subscriber
from tests.keys import database as open_database
from tests.subscribers.worlds import (
    NOON,
    PROVIDERS,
    expected,
    organisations_of_a_world,
    people_of_a_world,
    rules_of_a_world,
)


@settings(max_examples=40)
@given(
    people_of_a_world(),
    organisations_of_a_world(),
    st.lists(rules_of_a_world(), min_size=3, max_size=6),
    st.integers(1, 4),
)
def test_matching_equals_the_plainest_rule_and_the_explanation_equals_both(
    tmp_path_factory: pytest.TempPathFactory,
    people: list[tuple[SubscriberRecord, frozenset[str], frozenset[str], bool]],
    organisations: list[OrganisationRecord],
    rules: list[Rule],
    shards: int,
) -> None:
    there = {record.external_id for record, *_ in people}
    organisations = [
        o._replace(people=tuple(who for who in o.people if who in there)) for o in organisations
    ]
    index = asyncio.run(_world(tmp_path_factory.mktemp("world"), people, organisations))
    for rule in rules:
        lines: dict[int, str] = {}
        addressed = BitMap()
        for shard in range(shards):
            part = index.match(rule, shard, shards)
            assert not addressed & part.addressed
            addressed |= part.addressed
            for (order, language), members in part.send.items():
                lines |= dict.fromkeys(members, f"{order} {language}")
            for reason, members in part.suppressed.items():
                assert reason in REASONS
                lines |= dict.fromkeys(members, reason)
            for until, members in part.held.items():
                lines |= {each: f"{lines[each]} {until.isoformat()}" for each in members}
        assert BitMap(lines) == addressed
        for number, (record, stops, without, erased) in enumerate(people, 1):
            wanted = expected(rule, number, record, stops, without, erased, organisations)
            assert lines.get(number) == wanted, (number, rule)
            trace = reasons(index, rule, number)
            said = (
                f"{'>'.join(trace.channels)} {trace.language}"
                if trace.outcome == "send"
                else trace.outcome
            )
            assert (said if trace.addressed else None) == (wanted and wanted.partition(" 20")[0])
            assert trace.addressed or trace.outcome in ("out_of_area", "out_of_audience")
        counts = preview(index, rule)
        assert counts.held == sum(" 20" in line for line in lines.values())
        assert counts.addressed == len(lines) == counts.send + sum(counts.suppressed.values())
        assert sum(counts.by_language.values()) == sum(counts.by_kind.values()) == counts.send


async def _world(
    folder: Path,
    people: list[tuple[SubscriberRecord, frozenset[str], frozenset[str], bool]],
    organisations: list[OrganisationRecord],
) -> RegistryIndex:
    db = open_database(f"sqlite:///{folder}/w.db")

    def fill(conn: Connection) -> None:
        metadata.create_all(conn)
        registered.register(conn, [named("provider", each, {}) for each in PROVIDERS], NOON)
        import_records(conn, [record for record, *_ in people], "test", NOON)
        save(conn, organisations, NOON)
        for number, (record, stops, without, erased) in enumerate(people, 1):
            for channel in sorted(stops):
                stop(conn, [number], channel, "operator", NOON)
            consented = ";".join(c for c in record.channels.split(";") if c not in without)
            conn.execute(
                update(subscriber)
                .where(subscriber.c.id == number)
                .values(
                    consented=consented,
                    erased_at=NOON if erased else None,
                    change=next_change(conn),
                )
            )

    try:
        await db.write(fill)
        return await db.read(RegistryIndex.load)
    finally:
        await db.close()
