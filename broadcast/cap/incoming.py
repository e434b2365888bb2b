"""What a draft takes from a foreign CAP document: its expiry, and warnings for its author."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from broadcast.cap.model import CapAlert, CapInfo
from broadcast.files.nearest import shown
from broadcast.problems import Problem

_NAMED = 3


def expiry_text(infos: Iterable[CapInfo], exact: str | None) -> str | None:
    """Return the expiry of a draft: `exact`, the value of our own CAP parameter, where there is
    one, else the earliest expiry of the infos; None where no info has one.
    """
    if exact:
        return exact
    ends = [at for at in (info.expires_at for info in infos) if at is not None]
    return min(ends).isoformat() if ends else None


def warnings_of(alert: CapAlert) -> Iterable[Problem]:
    """Yield a warning for everything in which the draft differs from the document."""
    if alert.scope != "Public":
        yield Problem(
            code="cap_scope",
            field="scope",
            detail=(
                f"the document is {alert.scope}: the draft stays {alert.scope.lower()}, and is for"
                " everybody in its area"
            ),
            fix="name an audience before submitting",
        )
    if len({(info.urgency, info.severity, info.certainty) for info in alert.infos}) > 1:
        yield Problem(
            code="cap_infos_differ",
            field="info",
            detail="urgency, severity or certainty differ between infos; the draft has the first's",
            fix="check them",
        )
    # what an area is called differs with the language of its info
    if len({tuple(replace(a, area_desc="") for a in info.areas) for info in alert.infos}) > 1:
        yield Problem(
            code="cap_infos_differ",
            field="area",
            detail="the infos have different areas; the draft has all of them together",
            fix="check the area",
        )
    if any(info.resources for info in alert.infos):
        yield Problem(
            code="cap_resources",
            field="resource",
            detail="files that the document names are not sent on",
            fix="put what people need into the text",
        )
    if any(area.altitude is not None for info in alert.infos for area in info.areas):
        yield Problem(
            code="cap_altitude",
            field="area",
            detail=(
                "altitude and ceiling are left out; the draft is for everybody in the area at any"
                " height"
            ),
            fix="check the area",
        )
    if unsaid := list(dict.fromkeys(_unsaid(alert.infos))):
        yield Problem(
            code="cap_area_words",
            field="areaDesc",
            detail=(
                "the text does not say what the document calls the place, and a drawn shape takes"
                f" no name along: {', '.join(map(shown, unsaid[:_NAMED]))}"
            ),
            fix="name the place in the headline, as people there call it",
        )


def _unsaid(infos: Iterable[CapInfo]) -> Iterable[str]:
    """Yield what drawn areas are called, where nothing that people read says it."""
    for info in infos:
        said = " ".join((info.headline or "", info.description or "", info.instruction or ""))
        for area in info.areas:
            name = " ".join(area.area_desc.split())
            drawn = area.polygons or area.circles
            if drawn and name and name.casefold() not in " ".join(said.split()).casefold():
                yield name
