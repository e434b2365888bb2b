"""What the schema cannot say about a message as a whole: names, references, scope, note, languages,
signatures.
"""

from __future__ import annotations

from collections.abc import Iterator

from broadcast.cap.model import CapAlert
from broadcast.cap.validation.lexical import words
from broadcast.cap.validation.rules import RuleHit, hit
from broadcast.cap.validation.times import read_time

_FORBIDDEN = ",<&"  # CAP 1.2, alert.identifier and alert.sender; white space beside


def check_alert(alert: CapAlert) -> Iterator[RuleHit]:
    """Yield the hits of the rules about the alert element's own values."""
    for name, value in (("identifier", alert.identifier), ("sender", alert.sender)):
        if not value or any(c.isspace() or c in _FORBIDDEN for c in value):
            yield hit(f"{name}_form", f"/alert/{name}[1]", value or "nothing")
    yield from _references(alert)
    yield from _scope(alert)
    if alert.msg_type in ("Ack", "Error"):
        yield hit("message_type_not_drafted", "/alert/msgType[1]", alert.msg_type)
    if alert.status == "Exercise" and not (alert.note or "").strip():
        yield hit("exercise_without_note", "/alert", "no note")
    if not alert.infos and alert.msg_type in ("Alert", "Update"):
        yield hit("info_missing", "/alert", "no info")
    languages: set[str] = set()
    for number, info in enumerate(alert.infos, 1):
        tag = info.language_tag.lower()
        if tag in languages:
            yield hit("language_repeated", f"/alert/info[{number}]", info.language_tag)
        languages.add(tag)
    if alert.signatures:
        yield hit(
            "signature_not_checked",
            "/alert",
            "a signature" if len(alert.signatures) == 1 else f"{len(alert.signatures)} elements",
        )


def _references(alert: CapAlert) -> Iterator[RuleHit]:
    where = "/alert/references[1]"
    items = words(alert.references or "")
    replaces = alert.msg_type in ("Update", "Cancel")
    if replaces and not items:
        yield hit(
            "references_missing", "/alert" if alert.references is None else where, "no references"
        )
    for item in items:
        parts = item.split(",")
        if len(parts) != 3 or not all(parts):
            yield hit("reference_form", where, item)
            continue
        sender, identifier, sent = parts
        # A sender gives an identifier only once (CAP 1.2, alert.identifier): with another time it
        # is the same message still.
        if replaces and (sender, identifier) == (alert.sender, alert.identifier):
            yield hit("reference_self", where, item)
        if read_time(sent) is None:
            yield hit("reference_time", where, item)


def _scope(alert: CapAlert) -> Iterator[RuleHit]:
    if alert.scope == "Restricted" and not (alert.restriction or "").strip():
        yield hit("restriction_missing", "/alert", "no restriction")
    if alert.scope == "Private" and not (alert.addresses or "").strip():
        yield hit("addresses_missing", "/alert", "no addresses")
    if alert.scope != "Restricted" and alert.restriction is not None:
        yield hit("restriction_unexpected", "/alert/restriction[1]", f"scope {alert.scope}")
