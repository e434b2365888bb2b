"""The shape of a CAP 1.2 document as a table: which element, in which order, how often, of which
type.
"""

from __future__ import annotations

from dataclasses import dataclass

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
SIGNATURE_NAMESPACE = "http://www.w3.org/2000/09/xmldsig#"
OLD_NAMESPACES = {
    "http://www.incident.com/cap/1.0": "1.0",
    "urn:oasis:names:tc:emergency:cap:1.0": "1.0",
    "urn:oasis:names:tc:emergency:cap:1.1": "1.1",
}
DEFAULT_LANGUAGE = "en-US"  # CAP 1.2, info.language: what an absent or empty one means

WHITESPACE = " \t\r\n"  # XML's own; a no-break space is text


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One place in the fixed order of an element's children.

    `attribute` is the name in broadcast.cap.model. `type` is string, time, language, uri, integer,
    decimal, enumeration (of `values`), or the name of an element type in ELEMENTS.
    """

    tag: str
    attribute: str
    type: str = "string"
    values: tuple[str, ...] = ()
    required: bool = False
    many: bool = False


# CAP 1.2 section 3.2; the order is that of the schema.
ALERT = (
    Slot(tag="identifier", attribute="identifier", required=True),
    Slot(tag="sender", attribute="sender", required=True),
    Slot(tag="sent", attribute="sent", type="time", required=True),
    Slot(
        tag="status",
        attribute="status",
        type="enumeration",
        values=("Actual", "Exercise", "System", "Test", "Draft"),
        required=True,
    ),
    Slot(
        tag="msgType",
        attribute="msg_type",
        type="enumeration",
        values=("Alert", "Update", "Cancel", "Ack", "Error"),
        required=True,
    ),
    Slot(tag="source", attribute="source"),
    Slot(
        tag="scope",
        attribute="scope",
        type="enumeration",
        values=("Public", "Restricted", "Private"),
        required=True,
    ),
    Slot(tag="restriction", attribute="restriction"),
    Slot(tag="addresses", attribute="addresses"),
    Slot(tag="code", attribute="codes", many=True),
    Slot(tag="note", attribute="note"),
    Slot(tag="references", attribute="references"),
    Slot(tag="incidents", attribute="incidents"),
    Slot(tag="info", attribute="infos", type="info", many=True),
)
INFO = (
    Slot(tag="language", attribute="language", type="language"),
    Slot(
        tag="category",
        attribute="categories",
        type="enumeration",
        values=(
            "Geo",
            "Met",
            "Safety",
            "Security",
            "Rescue",
            "Fire",
            "Health",
            "Env",
            "Transport",
            "Infra",
            "CBRNE",
            "Other",
        ),
        required=True,
        many=True,
    ),
    Slot(tag="event", attribute="event", required=True),
    Slot(
        tag="responseType",
        attribute="response_types",
        type="enumeration",
        values=(
            "Shelter",
            "Evacuate",
            "Prepare",
            "Execute",
            "Avoid",
            "Monitor",
            "Assess",
            "AllClear",
            "None",
        ),
        many=True,
    ),
    Slot(
        tag="urgency",
        attribute="urgency",
        type="enumeration",
        values=("Immediate", "Expected", "Future", "Past", "Unknown"),
        required=True,
    ),
    Slot(
        tag="severity",
        attribute="severity",
        type="enumeration",
        values=("Extreme", "Severe", "Moderate", "Minor", "Unknown"),
        required=True,
    ),
    Slot(
        tag="certainty",
        attribute="certainty",
        type="enumeration",
        values=("Observed", "Likely", "Possible", "Unlikely", "Unknown"),
        required=True,
    ),
    Slot(tag="audience", attribute="audience"),
    Slot(tag="eventCode", attribute="event_codes", type="pair", many=True),
    Slot(tag="effective", attribute="effective", type="time"),
    Slot(tag="onset", attribute="onset", type="time"),
    Slot(tag="expires", attribute="expires", type="time"),
    Slot(tag="senderName", attribute="sender_name"),
    Slot(tag="headline", attribute="headline"),
    Slot(tag="description", attribute="description"),
    Slot(tag="instruction", attribute="instruction"),
    Slot(tag="web", attribute="web", type="uri"),
    Slot(tag="contact", attribute="contact"),
    Slot(tag="parameter", attribute="parameters", type="pair", many=True),
    Slot(tag="resource", attribute="resources", type="resource", many=True),
    Slot(tag="area", attribute="areas", type="area", many=True),
)
RESOURCE = (
    Slot(tag="resourceDesc", attribute="resource_desc", required=True),
    Slot(tag="mimeType", attribute="mime_type", required=True),
    Slot(tag="size", attribute="size", type="integer"),
    Slot(tag="uri", attribute="uri", type="uri"),
    Slot(tag="derefUri", attribute="deref_uri"),
    Slot(tag="digest", attribute="digest"),
)
AREA = (
    Slot(tag="areaDesc", attribute="area_desc", required=True),
    Slot(tag="polygon", attribute="polygons", many=True),
    Slot(tag="circle", attribute="circles", many=True),
    Slot(tag="geocode", attribute="geocodes", type="pair", many=True),
    Slot(tag="altitude", attribute="altitude", type="decimal"),
    Slot(tag="ceiling", attribute="ceiling", type="decimal"),
)
PAIR = (
    Slot(tag="valueName", attribute="value_name", required=True),
    Slot(tag="value", attribute="value", required=True),
)
ELEMENTS: dict[str, tuple[Slot, ...]] = {
    "alert": ALERT,
    "info": INFO,
    "resource": RESOURCE,
    "area": AREA,
    "pair": PAIR,
}


def qualified(tag: str) -> str:
    """Return the tag with CAP's namespace, as lxml writes it."""
    return f"{{{NAMESPACE}}}{tag}"
