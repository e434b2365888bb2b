"""Every rule of our CAP verdicts in one table: its name, what is expected, how grave it is, and
where it comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["warn", "reject"]
MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. `code` and `status` (HTTP) are what a Rejected of ours says when the rule refuses a
    document.
    """

    name: str
    severity: Severity
    expected: str
    source: str
    code: str
    status: int = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleHit:
    """One place where a document breaks a rule. `where` is an XPath without prefixes, or "line L,
    column C" where nothing could be read.
    """

    rule: str
    where: str
    found: str
    expected: str
    severity: Severity


def _rules(
    severity: Severity, *rows: tuple[str, str, str, str] | tuple[str, str, str, str, int]
) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            name=row[0],
            severity=severity,
            expected=row[1],
            source=row[2],
            code=row[3],
            status=row[4] if len(row) == 5 else 422,
        )
        for row in rows
    )


_TABLE = (
    *_rules(
        "reject",
        # name, what is expected, where the rule comes from, code of the refusal, HTTP status (422
        # if not said)
        (
            "too_large",
            f"at most {MAX_BYTES} bytes",
            "our own rule",
            "cap_too_large",
            413,
        ),
        (
            "doctype",
            "no DOCTYPE",
            "our own rule: no entity, no outside file",
            "doctype_forbidden",
            400,
        ),
        ("not_well_formed", "well-formed XML", "XML 1.0", "cap_not_well_formed", 400),
        (
            "cap_version",
            "CAP 1.2: the name space urn:oasis:names:tc:emergency:cap:1.2",
            "our own rule",
            "cap_version",
            400,
        ),
        ("not_cap", "one CAP 1.2 alert as the root element", "schema", "cap_not_cap", 400),
        (
            "element_unexpected",
            "another element here",
            "schema: names, order and how often",
            "cap_structure",
        ),
        ("element_missing", "a required element", "schema: required elements", "cap_structure"),
        ("attribute_unexpected", "no attributes", "schema", "cap_structure"),
        ("text_unexpected", "no text between elements", "schema", "cap_structure"),
        (
            "signature_content",
            "a signature that holds no CAP elements and no xsi:type or xsi:nil",
            "schema (lax content); signature wrapping",
            "cap_structure",
        ),
        (
            "value_not_allowed",
            "one of the words of the standard, spelt so",
            "schema: enumerations",
            "cap_value",
        ),
        (
            "language_form",
            "a language tag such as en-GB",
            "schema: xs:language, RFC 3066",
            "cap_value",
        ),
        ("uri_form", "an address (URI)", "schema: xs:anyURI, RFC 3986", "cap_value"),
        ("integer_form", "a whole number", "schema: xs:integer", "cap_value"),
        ("decimal_form", "a decimal number without exponent", "schema: xs:decimal", "cap_value"),
        (
            "time_form",
            "YYYY-MM-DDThh:mm:ss and an offset such as +01:00; UTC is -00:00; no Z, no fractions",
            "schema: pattern; CAP 1.2, 3.3.2",
            "cap_time",
        ),
        (
            "time_impossible",
            "a time that exists, with an offset of at most 14:00",
            "our own rule; xs:dateTime",
            "cap_time",
        ),
        (
            "identifier_form",
            "not empty, without spaces, commas, < and &",
            "CAP 1.2, alert.identifier",
            "cap_identity",
        ),
        (
            "sender_form",
            "not empty, without spaces, commas, < and &",
            "CAP 1.2, alert.sender",
            "cap_identity",
        ),
        (
            "references_missing",
            "references to the messages that an Update or Cancel replaces",
            "CAP 1.2, alert.references",
            "cap_references",
        ),
        ("reference_form", "sender,identifier,sent", "CAP 1.2, alert.references", "cap_references"),
        (
            "reference_self",
            "an Update or Cancel of another message than itself",
            "our own rule",
            "cap_references",
        ),
        (
            "restriction_missing",
            "the restriction of a message with scope Restricted",
            "CAP 1.2, alert.restriction",
            "cap_scope",
        ),
        (
            "addresses_missing",
            "the addresses of a message with scope Private",
            "CAP 1.2, alert.addresses",
            "cap_scope",
        ),
        (
            "polygon_form",
            "pairs lat,lon of finite numbers, no space inside a pair",
            "CAP 1.2, area.polygon",
            "cap_polygon",
        ),
        (
            "polygon_short",
            "at least four points, three of them different",
            "CAP 1.2, area.polygon",
            "cap_polygon",
        ),
        ("polygon_open", "a last point equal to the first", "CAP 1.2, area.polygon", "cap_polygon"),
        (
            "polygon_crossing",
            "a ring that neither crosses nor touches itself",
            "our own rule",
            "cap_polygon",
        ),
        (
            "circle_form",
            (
                "lat,lon radius: finite numbers, the radius in km and not negative, no space inside"
                " the pair"
            ),
            "CAP 1.2, area.circle",
            "cap_circle",
        ),
        (
            "coordinate_range",
            "latitude -90 to 90, longitude -180 to 180, latitude first",
            "CAP 1.2, section 3.3.3 (WGS 84)",
            "cap_coordinates",
        ),
        (
            "ceiling_without_altitude",
            "an altitude beside the ceiling",
            "CAP 1.2, area.ceiling",
            "cap_altitude",
        ),
        (
            "ceiling_below_altitude",
            "a ceiling that is not below the altitude",
            "our own rule",
            "cap_altitude",
        ),
    ),
    *_rules(
        "warn",
        (
            "signature_not_checked",
            "nothing: we keep signatures and check none; trust the way the document came",
            "our own rule",
            "cap_signature",
        ),
        (
            "encoding_not_utf8",
            "UTF-8; what we write is UTF-8",
            "our own rule",
            "cap_encoding",
        ),
        (
            "message_type_not_drafted",
            "Alert, Update or Cancel; an Ack or Error is kept and never becomes a message",
            "our own rule",
            "cap_message_type",
        ),
        (
            "exercise_without_note",
            "a note that names the exercise",
            "CAP 1.2, alert.status",
            "exercise_note",
        ),
        (
            "restriction_unexpected",
            "a restriction only with scope Restricted",
            "CAP 1.2, alert.restriction",
            "cap_scope",
        ),
        (
            "reference_time",
            "a CAP time as third part of the reference",
            "CAP 1.2, alert.references",
            "cap_references",
        ),
        (
            "info_missing",
            "at least one info in an Alert or Update",
            "CAP 1.2, section 3.2.1",
            "area_empty",
        ),
        (
            "language_repeated",
            "one info per language; it cannot be drafted from",
            "our own rule",
            "cap_language",
        ),
        (
            "area_missing",
            "an area; an info without one is for nobody we can find",
            "our own rule",
            "area_empty",
        ),
        (
            "area_desc_blank",
            "words that say which area it is: people read them where there is no map",
            "CAP 1.2 area.areaDesc",
            "area_empty",
        ),
        (
            "area_only_geocodes",
            "a polygon, a circle or a GSS code; of other codes we do not know the place",
            "our own rule",
            "area_empty",
        ),
        (
            "area_only_described",
            "a polygon, a circle or a GSS code; words alone find nobody",
            "our own rule",
            "area_empty",
        ),
        (
            "circle_radius_zero",
            "a radius above 0; a point holds nobody",
            "our own rule",
            "cap_circle",
        ),
        (
            "coordinate_exponent",
            "coordinates as plain decimal numbers",
            "CAP 1.2, section 3.3.3",
            "cap_coordinates",
        ),
        (
            "times_inverted",
            "expires after sent, effective and onset",
            "our own rule",
            "cap_time",
        ),
        ("time_end_of_day", "00:00:00 of the next day", "xs:dateTime", "cap_time"),
        (
            "text_markup",
            "plain text; markup is shown as it stands",
            "CAP 1.2",
            "cap_text",
        ),
        ("text_newline", "one line", "our own rule", "cap_text"),
        (
            "text_bidirectional",
            "no bidirectional control marks; they can hide what is said",
            "our own rule",
            "cap_text",
        ),
        ("more_hits", "fewer problems: only the first are listed", "ours", "cap_text"),
    ),
)
RULES: dict[str, Rule] = {rule.name: rule for rule in _TABLE}

_FOUND_CHARACTERS = 120


def hit(name: str, where: str, found: str, expected: str | None = None) -> RuleHit:
    """Return that the rule of this name is broken at `where`; `found` is cut to 120 characters,
    "nothing" where it is blank.
    """
    rule = RULES[name]
    found = found.strip() or "nothing"
    shown = found if len(found) <= _FOUND_CHARACTERS else found[: _FOUND_CHARACTERS - 1] + "…"
    return RuleHit(
        rule=name,
        where=where,
        found=shown,
        expected=expected or rule.expected,
        severity=rule.severity,
    )
