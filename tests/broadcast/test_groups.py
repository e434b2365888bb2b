"""Communities and sectors: what they are called, which one was meant, and their file."""

from __future__ import annotations

import pytest

from broadcast.content.model import Audience
from broadcast.groups.files import columns_of, named, read_groups
from broadcast.groups.registered import Group, Groups
from broadcast.problems import Rejected
from broadcast.wording.pack import called
from tests.ledger.world import content

RETAIL = named("sector", "Retail", {"cy": "Manwerthu", "ZH-hant": "零售"})
JEWISH = named("community", "Jewish", {})
WATCH = named("provider", "Neighbourhood Watch", {})
KNOWN = Groups([RETAIL, JEWISH, WATCH])


@pytest.mark.parametrize(
    "language, name",
    [("en", "Retail"), ("cy", "Manwerthu"), ("cy-GB", "Manwerthu"), ("zh", "Retail")],
)
def test_a_group_is_called_by_the_word_of_the_language_else_by_its_name(language, name):
    assert called(KNOWN.names_of("sector:retail"), language) == name


@pytest.mark.parametrize(
    "changes, code, path, near",
    [
        (
            {"audience": Audience(sectors=("retial",))},
            "sector_unknown",
            "audience.sectors.0",
            "did you mean sector:retail?",
        ),
        (
            {"audience": Audience(communities=("jewish", "martian"))},
            "community_unknown",
            "audience.communities.1",
            'groups add "community:martian"',
        ),
        (
            {"audience": Audience(communities=("retail",))},
            "community_unknown",
            "audience.communities.0",
            "did you mean sector:retail?",
        ),
        (
            {"provider": "neigbourhood watch"},
            "provider_unknown",
            "provider",
            "did you mean provider:neighbourhood watch?",
        ),
        ({"provider": "retail"}, "provider_unknown", "provider", 'groups add "provider:retail"'),
        (
            {"scope": "community:jewsh", "audience": Audience(communities=("jewsh",))},
            "community_unknown",
            "scope",
            "did you mean community:jewish?",
        ),
    ],
)
def test_what_a_message_names_and_nobody_registered_is_refused_with_the_nearest(
    changes, code, path, near
):
    (problem,) = KNOWN.problems(content(**changes))
    assert (problem.code, problem.field) == (code, path)
    assert near in problem.fix


def test_what_is_registered_is_no_problem():
    known = Audience(sectors=("retail",), communities=("jewish",))
    assert KNOWN.problems(content(scope="sector:retail", audience=known)) == []


def test_the_file_comes_back_as_it_went():
    header, rows = columns_of(KNOWN)
    data = "\r\n".join(",".join(row) for row in [header, *rows]).encode()
    assert read_groups(data, "groups.csv") == [RETAIL, JEWISH, WATCH]


@pytest.mark.parametrize(
    "data, codes",
    [
        ("kind,cy\nsector,x\n", ["header_missing"]),
        ("kind,name,Welsh!\nsector,x,y\n", ["language_invalid"]),
        ("kind,name\ncomunity,Irish\n", ["kind_unknown"]),
        ("kind,name\nsector,a;b\nsector,=1+1\n", ["name_invalid", "formula_cell"]),
        ("kind,name\nsector,Retail\nsector,RETAIL\n", ["group_twice"]),
        ("kind,name,cy\nsector,Retail,bit.ly/x\n", ["link_not_allowed"]),
    ],
)
def test_every_fault_of_the_file_is_named_with_its_line(data, codes):
    with pytest.raises(Rejected) as refused:
        read_groups(data.encode(), "groups.csv")
    assert [p.code for p in refused.value.problems] == codes
    assert all(p.where.startswith("groups.csv:") for p in refused.value.problems)


def test_a_name_is_registered_in_its_folded_form():
    assert named("community", "  CAFE\u0301   Owners ", {}) == Group(
        kind="community", key="café owners", name="CAFE\u0301 Owners"
    )
