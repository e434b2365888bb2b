"""Which place somebody means who writes its name or its code."""

from __future__ import annotations

import pytest

from broadcast.places import called
from broadcast.places.areas import AreaRecord, AreaTree

TREE = AreaTree.of(
    [
        AreaRecord(code="E12000007", level="region", name="London"),
        AreaRecord(code="E09000007", level="borough", name="Camden", parent="E12000007"),
        AreaRecord(code="E09000033", level="borough", name="Westminster", parent="E12000007"),
        AreaRecord(code="E05000001", level="ward", name="Camden  Town", parent="E09000007"),
        AreaRecord(code="E05000002", level="ward", name="Abbey", parent="E09000033"),
        AreaRecord(code="E05000003", level="ward", name="Abbey", parent="E09000007"),
        AreaRecord(code="E05000004", level="ward", name="Westminster", parent="E09000033"),
        AreaRecord(code="E06000023", level="borough", name="Bristol, City of"),
    ]
)
CAMDEN = TREE.descendants("E09000007")


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("E09000007", "E09000007"),
        (" e09000007 ", "E09000007"),
        ("camden", "E09000007"),  # whole names come before parts of others
        (" CAMDEN  town", "E05000001"),
        ("bristol, city of", "E06000023"),
    ],
)
def test_a_code_and_a_whole_name_mean_one_place(written: str, code: str) -> None:
    found = called.meant(TREE, written)
    assert found.area == TREE[code]
    assert found.choices == ()


def test_of_a_name_that_several_have_all_are_offered_and_the_level_or_the_area_may_decide() -> None:
    found = called.meant(TREE, "westminster")
    assert (found.area, found.same_name) == (None, True)
    assert [a.code for a in found.choices] == ["E05000004", "E09000033"]
    assert called.meant(TREE, "westminster", level="borough").area == TREE["E09000033"]
    assert called.meant(TREE, "abbey", inside=CAMDEN).area == TREE["E05000003"]
    # what lies elsewhere alone is meant all the same: whether it may be named is not asked here
    assert called.meant(TREE, "london", inside=CAMDEN).area == TREE["E12000007"]
    assert called.meant(TREE, "E05000001", level="borough").area == TREE["E05000001"]


def test_a_part_of_a_name_or_the_beginning_of_a_code_offers_what_has_it_the_likeliest_first() -> (
    None
):
    found = called.meant(TREE, "min")
    assert (found.area, found.same_name) == (None, False)
    assert [a.code for a in found.choices] == ["E05000004", "E09000033"]
    assert [a.code for a in called.search(TREE, "e0900")] == ["E09000007", "E09000033"]
    assert [a.code for a in called.search(TREE, "c")][:2] == ["E09000007", "E05000001"]
    assert [a.code for a in called.search(TREE, "b", inside=CAMDEN)] == ["E05000003"]
    for nothing in ("", " ", "atlantis"):
        assert called.meant(TREE, nothing) == called.Meant()
    many = AreaTree.of(AreaRecord(code=f"W{n}", level="ward", name=f"Ward {n}") for n in range(99))
    assert len(called.search(many, "ward")) == called.MOST_FOUND


def test_a_refusal_names_the_places_that_it_may_be() -> None:
    for written, code, fix in (
        ("abbey", "area_ambiguous", "choose one: E05000002 (ward), E05000003 (ward)"),
        ("min", "area_unknown", "choose of what was found: E05000004 (ward), E09000033 (borough)"),
        ("atlantis", "area_unknown", "write its whole name, or a code"),
    ):
        (problem,) = called.unclear(written, called.meant(TREE, written), "area").problems
        assert (problem.code, problem.fix, problem.field) == (code, fix, "area")
    assert called.in_words(TREE, TREE["E05000003"]) == "Abbey (ward in Camden, E05000003)"
    assert called.in_words(TREE, TREE["E12000007"]) == "London (region, E12000007)"
