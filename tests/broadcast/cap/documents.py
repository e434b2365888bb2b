"""CAP documents for tests: one good one, and what is changed in it."""

from __future__ import annotations

from typing import Any

from lxml import etree

from broadcast.cap.validation.validate import Verdict
from tests.broadcast.cap.schemas import CAP

RING = "51.5,-0.1 51.6,-0.1 51.6,0 51.5,-0.1"
DEFAULTS = {
    "identifier": "<identifier>one</identifier>",
    "sender": "<sender>police@example.org</sender>",
    "sent": "<sent>2026-05-01T12:00:00-00:00</sent>",
    "status": "<status>Actual</status>",
    "msgType": "<msgType>Alert</msgType>",
    "source": "",
    "scope": "<scope>Public</scope>",
    "restriction": "",
    "addresses": "",
    "code": "",
    "note": "",
    "references": "",
    "incidents": "",
    "infos": None,
    "end": "",
}


def area(
    inner: str = f"<polygon>{RING}</polygon>", description: str = "<areaDesc>Here</areaDesc>"
) -> str:
    return f"<area>{description}{inner}</area>"


def info(
    *,
    language: str = "<language>en-GB</language>",
    category: str = "<category>Safety</category>",
    event: str = "<event>Fire</event>",
    grades: str = (
        "<urgency>Immediate</urgency><severity>Severe</severity><certainty>Observed</certainty>"
    ),
    middle: str = "<headline>Fire</headline>",
    areas: str | None = None,
) -> str:
    where = area() if areas is None else areas
    return f"<info>{language}{category}{event}{grades}{middle}{where}</info>"


def document(
    *,
    namespace: str = CAP,
    root: str = "alert",
    attributes: str = "",
    before: str = "",
    **changes: str,
) -> str:
    """Return the good document with some of its parts replaced."""
    parts = {**DEFAULTS, **changes}
    if parts["infos"] is None:
        parts["infos"] = info()
    return (
        f'{before}<{root} xmlns="{namespace}"'
        f" {attributes}>{''.join(str(part) for part in parts.values())}</{root}>"
    )


def names(verdict: Verdict) -> set[str]:
    return {rule.rule for rule in verdict.rules}


def facts(data: bytes) -> Any:
    """Return all that an XML document says: names, attributes, text; white space between elements
    left out.
    """

    def of(node: Any) -> Any:
        children = [of(child) for child in node if isinstance(child.tag, str)]
        return (node.tag, sorted(node.attrib.items()), children or (node.text or ""))

    return of(etree.fromstring(data, etree.XMLParser(remove_comments=True, remove_pis=True)))
