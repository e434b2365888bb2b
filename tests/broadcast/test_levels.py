"""Threat levels over time: scopes, the fold of facts, the words of the day, and files of the
past.
"""

from __future__ import annotations

import csv
import io
import random
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from broadcast.levels.scales import (
    Fact,
    History,
    Level,
    LevelFact,
    meaning,
    name_key,
    normalise_scope,
    read_levels_csv,
    select_import,
)
from broadcast.problems import Rejected
from tests.sources import OWN

START = datetime(2006, 8, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def a_fact(day: int, level: str, source: str = "import", scope: str = "UK", order: int = 0) -> Fact:
    assert source in ("import", "approval")
    return Fact(
        scope=scope,
        at=START + timedelta(days=day),
        level=Level(level),
        source="approval" if source == "approval" else "import",
        order=order,
    )


def a_row(day: int, level: str, scope: str = "UK") -> LevelFact:
    return LevelFact(
        date=(START + timedelta(days=day)).date(), scale="national", scope=scope, level=Level(level)
    )


def problems_of(data: bytes, **more) -> list[tuple[str, str]]:
    with pytest.raises(Rejected) as caught:
        read_levels_csv(data, file="l.csv", **more)
    return [(p.where, p.code) for p in caught.value.problems]


# Scopes


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("UK", "UK"),
        (" uk ", "UK"),
        ("K02000001", "UK"),
        ("e12000007", "E12000007"),
        ("N92000002", "N92000002"),
        ("community:Jewish", "community:jewish"),
        ("Sector: Night-time   Economy", "sector:night-time economy"),
        ("sector:CAFE\u0301", "sector:café"),
    ],
)
def test_a_scope_has_one_spelling(text, scope):
    assert normalise_scope(text) == scope
    assert normalise_scope(scope) == scope


@pytest.mark.parametrize(
    "text",
    [
        "",
        "London",
        "E120000077",
        "community:",
        "community: ",
        "sector:a;b",
        "area:E12000007",
        "sector:a\x00b",
        "sector:" + "x" * 101,
        "٣٤",
    ],
)
def test_what_is_no_scope_is_refused(text):
    with pytest.raises(Rejected) as caught:
        normalise_scope(text)
    assert caught.value.problems[0].code == "scope_invalid"


@given(st.text(max_size=100))
def test_any_text_is_a_name_of_one_spelling_or_refused(text):
    try:
        key = name_key(text)
    except Rejected:
        return
    assert name_key(key) == key


# The fold


def naive_as_of(facts: list[Fact], scope: str, at: datetime) -> Level | None:
    """The rule in its plainest words: the last approval up to then, else the last import up to
    then.
    """
    for source in ("approval", "import"):
        held = None
        for fact in sorted(facts, key=lambda f: (f.at, f.order)):
            if fact.scope == scope and fact.source == source and fact.at <= at:
                held = fact.level
        if held is not None:
            return held
    return None


def test_as_of_a_thousand_random_instants_equals_a_naive_fold():
    chance = random.Random(7)
    scopes = ["UK", "N92000002", "E12000007", "sector:retail", "scale:ni_in_gb"]
    facts = [
        a_fact(
            chance.randrange(300),
            chance.choice(list(Level)),
            chance.choice(["import", "import", "approval"]),
            chance.choice(scopes),
            n,
        )
        for n in range(250)
    ]
    history = History(facts)
    for _ in range(1_000):
        scope, at = (
            chance.choice([*scopes, "unknown"]),
            START + timedelta(minutes=chance.randrange(-10_000, 320 * 1440)),
        )
        standing = history.as_of(scope, at)
        assert (standing.level if standing else None) == naive_as_of(facts, scope, at)


FACTS = st.lists(
    st.builds(
        a_fact,
        st.integers(0, 12),
        st.sampled_from(list(Level)),
        st.sampled_from(["import", "approval"]),
        st.sampled_from(["UK", "E12000007"]),
        st.integers(0, 1_000_000),
    ),
    max_size=20,
    unique_by=lambda f: f.order,
)


@given(FACTS, st.integers(-24, 400), st.randoms())
def test_the_fold_takes_facts_in_any_order_and_equals_the_naive_one(facts, hours, chance):
    at = START + timedelta(hours=hours)
    shuffled = list(facts)
    chance.shuffle(shuffled)
    standing = History(shuffled).as_of("UK", at)
    assert standing == History(facts).as_of("UK", at)
    assert (standing.level if standing else None) == naive_as_of(facts, "UK", at)
    if standing:
        assert standing.since <= at
        assert naive_as_of(facts, "UK", standing.since) is standing.level


@given(
    FACTS,
    st.lists(
        st.builds(
            a_row,
            st.integers(-5, 15),
            st.sampled_from(list(Level)),
            st.sampled_from(["UK", "E12000007", "W15000001"]),
        ),
        max_size=12,
    ),
)
def test_an_import_changes_no_approved_level_and_no_present_one(facts, rows):
    before = History(facts)
    taken, left = select_import(before, rows)
    assert len(taken) + len(left) == len(rows)
    after = History(
        [
            *facts,
            *(
                Fact(scope=r.scope, at=r.at, level=r.level, source="import", order=2_000_000 + n)
                for n, r in enumerate(taken)
            ),
        ]
    )
    for scope, standing in before.present(NOW).items():
        now = after.as_of(scope, NOW)
        assert now is not None
        assert (now.level, now.source) == (standing.level, standing.source)
    for day in range(-6, 17):
        for scope in ("UK", "E12000007"):
            at = START + timedelta(days=day)
            held, holds = before.as_of(scope, at), after.as_of(scope, at)
            if held and held.source == "approval":
                assert holds is not None
                assert holds.level is held.level
    assert select_import(after, rows)[0] == []


def test_a_first_import_sets_the_present_level_and_a_second_fills_only_the_past():
    rows = [a_row(0, "SEVERE"), a_row(10, "CRITICAL"), a_row(12, "SEVERE")]
    taken, left = select_import(History([]), rows)
    assert (taken, left) == (rows, [])
    history = History([a_fact(0, "SEVERE"), a_fact(10, "CRITICAL"), a_fact(12, "SEVERE")])
    taken, left = select_import(
        history, [a_row(5, "SUBSTANTIAL"), a_row(10, "LOW"), a_row(12, "SEVERE"), a_row(20, "LOW")]
    )
    assert taken == [a_row(5, "SUBSTANTIAL")]
    assert [why for _, why in left] == ["differs", "known", "present"]


def test_a_row_between_two_approvals_is_left_out():
    history = History([a_fact(5, "SEVERE", "approval"), a_fact(9, "LOW", "approval")])
    taken, left = select_import(history, [a_row(2, "CRITICAL"), a_row(7, "CRITICAL")])
    assert taken == [a_row(2, "CRITICAL")]
    assert left == [(a_row(7, "CRITICAL"), "approved")]


def test_since_is_when_the_level_began_and_not_when_it_was_repeated():
    history = History([a_fact(0, "LOW"), a_fact(5, "SEVERE"), a_fact(9, "SEVERE")])
    standing = history.as_of("UK", START + timedelta(days=20))
    assert standing is not None
    assert standing.since == START + timedelta(days=5)


def test_the_effective_level_is_the_highest_and_names_each_scope_it_comes_from():
    history = History(
        [
            a_fact(0, "SUBSTANTIAL"),
            a_fact(1, "SEVERE", "approval", "E12000007"),
            a_fact(2, "SEVERE", "approval", "sector:retail"),
            a_fact(3, "LOW", scope="E09000033"),
        ]
    )
    place = ["E09000033", "E12000007", "sector:retail"]
    assert history.effective(place, NOW) == (Level.SEVERE, ("E12000007", "sector:retail"))
    assert history.effective(["E09000033"], NOW) == (Level.SUBSTANTIAL, ("UK",))
    assert history.effective(place, START - timedelta(days=1)) is None


# The words of the day


@pytest.mark.parametrize("on", [date(2006, 8, 1), date(2019, 7, 22)])
def test_the_wording_before_23_july_2019_was_another(on):
    assert meaning(Level.CRITICAL, on) == "an attack is expected imminently"


@pytest.mark.parametrize("at", [datetime(2019, 7, 23, tzinfo=UTC), NOW])
def test_the_present_wording_begins_on_23_july_2019(at):
    assert meaning(Level.CRITICAL, at) == "an attack is highly likely in the near future"


def test_both_wordings_are_those_of_the_published_table():
    with (OWN / "misc" / "threat_level_wording.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5
    for row in rows:
        level = Level(row["level"])
        assert level.rank == int(row["rank"])
        assert meaning(level, NOW) == row["since_2019"]
        assert meaning(level, date(2010, 1, 1)) == row["before_2019"]


# Files of the past


def test_the_national_history_since_2006_is_read_and_folds_to_the_published_levels():
    rows = read_levels_csv((OWN / "misc" / "threat_levels.csv").read_bytes(), today=NOW.date())
    assert len(rows) == 28
    assert {r.scope for r in rows} == {"UK", "N92000002", "scale:ni_in_gb"}
    taken, left = select_import(History([]), rows)
    assert left == []
    history = History(
        Fact(scope=r.scope, at=r.at, level=r.level, source="import", order=n)
        for n, r in enumerate(taken)
    )
    for day, level in (
        ("2006-08-11", "CRITICAL"),
        ("2014-08-28", "SUBSTANTIAL"),
        ("2017-05-23", "CRITICAL"),
        ("2019-07-23", "SEVERE"),
        ("2026-11-21", "SEVERE"),
    ):
        standing = history.as_of("UK", datetime.fromisoformat(f"{day}T12:00:00+00:00"))
        assert standing is not None
        assert standing.level == level
    unchanged = history.as_of("UK", datetime(2019, 8, 1, tzinfo=UTC))
    assert unchanged is not None
    assert unchanged.since == datetime(2017, 9, 17, tzinfo=UTC)
    assert history.as_of("UK", datetime(2006, 7, 31, 23, 59, tzinfo=UTC)) is None
    assert set(history.present(NOW)) == {"UK", "N92000002"}
    assert history.effective(["N92000002"], NOW) == (Level.SEVERE, ("UK",))


def test_a_byte_order_mark_other_columns_and_another_order_are_tolerated():
    rows = read_levels_csv(
        "\ufeffLevel,confidence,Scale,date\r\nsevere,known,National,2019-07-23\r\n\r\n".encode()
    )
    assert rows == [
        LevelFact(date=date(2019, 7, 23), scale="national", scope="UK", level=Level.SEVERE, line=2)
    ]


def test_every_fault_of_a_file_is_named_in_one_pass_with_its_line():
    data = b"date,scale,level,note\n2019-02-30,national,SEVER,\n2019-07-23,national,SEVERE,\n"
    data += (
        b"23/07/2019,inter"
        b" national,,x\n2019-07-23,international,LOW,\n2027-01-01,national,LOW,\n2020-01-01\n"
    )
    assert problems_of(data, today=NOW.date()) == [
        ("l.csv:2", "time_invalid"),
        ("l.csv:2", "level_unknown"),
        ("l.csv:4", "time_invalid"),
        ("l.csv:4", "scale_invalid"),
        ("l.csv:4", "level_missing"),
        ("l.csv:5", "level_twice"),
        ("l.csv:6", "date_in_future"),
        ("l.csv:7", "csv_columns"),
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", [("l.csv:1", "csv_header")]),
        (b"date;scale;level;note\n", [("l.csv:1", "csv_header")] * 3),
        (b"date,scale,level,level\n", [("l.csv:1", "csv_header")]),
        (
            (
                b'date,scale,level,note\n2019-07-23,national,SEVERE,"never'
                b" closed\n2020-01-01,national,LOW,\n"
            ),
            [("l.csv:2", "csv_quote")],
        ),
        (
            b'date,scale,level,note\n2019-07-23,national,SEVERE,"two\nlines"\n2019-99-01,national,LOW,\n',
            [("l.csv:2", "control_character"), ("l.csv:4", "time_invalid")],
        ),
        ("date,scale,level\n".encode("utf-16"), [("l.csv", "bad_encoding")]),
        (b"date,scale,level\n2019-07-23,nati\x00onal,LOW\n", [("l.csv:2", "control_character")]),
    ],
)
def test_files_that_are_no_level_csv_are_refused_by_name(data, expected):
    assert problems_of(data) == expected


@given(
    st.binary(max_size=200)
    | st.text(alphabet='date,scalevnoL OW20196-\n\r";\0', max_size=200).map(
        lambda t: b"date,scale,level,note\n" + t.encode()
    )
)
def test_any_bytes_are_rows_or_a_refusal(data):
    try:
        rows = read_levels_csv(data)
    except Rejected:
        return
    assert all(isinstance(r, LevelFact) for r in rows)


@given(
    st.lists(
        st.tuples(
            st.dates(),
            st.sampled_from(["national", "ni_in_ni", "ni_in_gb"]),
            st.sampled_from(list(Level)),
            st.text(max_size=20),
        ),
        unique_by=lambda r: r[:2],
    )
)
def test_what_a_csv_writer_writes_is_read_back(rows):
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(["date", "scale", "level", "note"])
    writer.writerows(rows)
    refusals: set[str] = set()
    try:
        found = read_levels_csv(buffer.getvalue().encode("utf-8", "surrogatepass"))
    except Rejected as refused:
        found, refusals = [], {p.code for p in refused.problems}
        event(str(refusals))
    if refusals:
        assert refusals <= {"control_character", "bad_encoding"}
        return
    assert [(r.date, r.scale, r.level, r.note) for r in found] == [
        (d, s, level, note.strip()) for d, s, level, note in rows
    ]
