"""A document of each kind that we publish: as an alert, as an update, cancelled and of an
exercise.
"""

from __future__ import annotations

from datetime import timedelta

from broadcast.cap.model import CapAlert
from broadcast.cap.outgoing import as_cancel
from broadcast.content.model import KINDS, Audience, Circle, Text
from broadcast.places.outline import TOGETHER
from tests.broadcast.cap.test_mapping import NOON, SQUARE, content, published

FORMS = ("alert", "update", "cancel", "exercise")
HOLE = ((0.2, 51.2), (0.6, 51.2), (0.2, 51.4), (0.2, 51.2))
WORDS = {
    "en": Text(
        headline='Gas leak at "The Strand" & nearby',
        description="Smoke was seen.\nRoads are closed.",
        instruction="Stay indoors.",
        sms="Gas. Stay in.",
    ),
    "cy": Text(
        headline="Nwy'n gollwng", description="Gwelwyd mwg.", instruction="Arhoswch dan do."
    ),
    "ar": Text(headline="تسرب غاز", description="شوهد دخان.", instruction="ابقوا في الداخل."),
    "zh": Text(
        headline="燃气泄漏",
        description="发现烟雾。",
        instruction="请留在室内。",
        voice="请留在室内。",
    ),
}


def document(kind: str, form: str) -> CapAlert:
    """Return one document with everything that ours can hold."""
    level = kind == "threat_level_change"
    where = {"level": "SEVERE", "scope": "sector:hotels", "areas": ()} if level else {}
    drawn = {} if level else {"polygons": ((*SQUARE, HOLE),), "circles": (_CIRCLE,)}
    what = content(
        kind=kind,
        status="Exercise" if form == "exercise" else "Actual",
        exercise="Winter Oak" if form == "exercise" else "",
        languages=WORDS,
        audience=Audience(kinds=("resident",), sectors=("hotels",)),
        hotlines=("0800 789 321", "101"),
        source="Metropolitan Police",
        note="It was not the Strand." if kind == "correction" else None,
        incidents=("one", "two three"),
        visibility="restricted" if kind == "contingency" else "public",
        **{**where, **drawn},
    )
    earlier = (("police@example.org", "ours.0", NOON - timedelta(hours=1)),)
    alert = published(
        what,
        msg_type={"update": "Update", "cancel": "Cancel"}.get(form, "Alert"),
        references=earlier if form in ("update", "cancel") else (),
        area_names={"E09000033": "Westminster"},
        group_names={"sector:hotels": {"": "Hotels", "cy": "Gwestai"}},
        outlines={"E09000033": SQUARE, "K02000001": SQUARE, TOGETHER: SQUARE},
        near=("Camden",),
        note="EXERCISE Winter Oak EXERCISE" if form == "exercise" else what.note,
    )
    return as_cancel(alert, "in_error") if form == "cancel" else alert


_CIRCLE = Circle(latitude=51.5, longitude=-0.125, radius_km=0.5)
EVERY = {f"{kind}-{form}": document(kind, form) for kind in KINDS for form in FORMS}
"""All of them by name: eight kinds in four forms."""
