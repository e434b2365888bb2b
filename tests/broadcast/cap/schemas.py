"""Two schemas of CAP 1.2: one made of the facts in `tests/data/cap/elements.json`, and the one that
OASIS published.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

from tests.sources import OWN

CAP = "urn:oasis:names:tc:emergency:cap:1.2"
_XSD = "http://www.w3.org/2001/XMLSchema"
_SIGNATURE = (
    '<any minOccurs="0" maxOccurs="unbounded" namespace="http://www.w3.org/2000/09/xmldsig#"'
    ' processContents="lax"/>'
)
_OFTEN = {
    "": "",
    "?": 'minOccurs="0"',
    "+": 'maxOccurs="unbounded"',
    "*": 'minOccurs="0" maxOccurs="unbounded"',
}


@cache
def schema(source: Path) -> Any:
    """Return the schema of a source (OWN or REFERENCE), ready to validate."""
    if source == OWN:
        return etree.XMLSchema(
            etree.fromstring(_ours(json.loads((OWN / "cap" / "elements.json").read_text())))
        )
    return etree.XMLSchema(etree.parse(str(source / "cap" / "schema" / "CAP-v1.2.xsd")))


def schema_accepts(data: bytes, source: Path = OWN) -> bool:
    """Return the schema's word on a well-formed document without DOCTYPE."""
    return bool(
        schema(source).validate(
            etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
        )
    )


def _ours(facts: dict[str, Any]) -> str:
    def element(told: str) -> str:
        parts = re.fullmatch(r"(\w+)([?+*]?)(?::(\w+))?", told)
        assert parts, told
        name, often, kind = parts[1], _OFTEN[parts[2]], parts[3] or "string"
        if name in facts["values"]:
            words = "".join(
                f'<enumeration value="{word}"/>' for word in facts["values"][name].split()
            )
            return f'<element name="{name}" {often}>{restricted("string", words)}</element>'
        if kind == "time":
            return (
                f'<element name="{name}"'
                f" {often}>"
                + restricted("dateTime", f"""<pattern value="{facts["time"]}"/>""")
                + "</element>"
            )
        if kind in facts and kind != "language":
            return f'<element name="{name}" {often}>{record(kind)}</element>'
        absent = f'default="{facts["language"]}"' if kind == "language" else ""
        return f'<element name="{name}" type="xs:{kind}" {absent} {often}/>'

    def restricted(base: str, by: str) -> str:
        return f'<simpleType><restriction base="xs:{base}">{by}</restriction></simpleType>'

    def record(kind: str) -> str:
        inner = "".join(element(told) for told in facts[kind]) + (
            _SIGNATURE if kind == "alert" else ""
        )
        return f"<complexType><sequence>{inner}</sequence></complexType>"

    head = (
        f'<schema xmlns="{_XSD}" xmlns:xs="{_XSD}" targetNamespace="{CAP}"'
        ' elementFormDefault="qualified">'
    )
    return f'{head}<element name="alert">{record("alert")}</element></schema>'
