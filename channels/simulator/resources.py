"""The parts of the simulated Twilio API that look back: list filters, changing and deleting a
message or call, and the account, as Twilio's OpenAPI description says.

Deleting removes a resource from the API only: the ledger keeps everything that was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from channels.simulator.handsets import API_VERSION, CALL_OVER, MESSAGE_OVER, Record, rfc2822

BAD_PARAMETER, NOT_OVER, CALL_STATE = 20001, 20009, 21220
ACCOUNT_MADE = 1_577_836_800.0  # the first second of 2020, in UTC


class BadFilterError(ValueError):
    """A date filter's value is not a date."""


def filtered(kind: str, records: Iterable[Record], query: Mapping[str, str]) -> list[Record]:
    """Return the records that match a list's query, in their order. Raises BadFilterError."""
    kept = list(records)
    if sender := query.get("From", ""):
        kept = [r for r in kept if r.sender == sender]
    if to := query.get("To", ""):
        kept = [r for r in kept if r.to == to]
    if kind == "sms":
        return _by_time(kept, query, "DateSent", lambda r: r.sent, through=True)
    if status := query.get("Status", ""):
        kept = [r for r in kept if r.status == status]
    if query.get("ParentCallSid"):
        return []  # nothing here calls on
    kept = _by_time(kept, query, "StartTime", lambda r: r.sent, through=False)
    return _by_time(
        kept,
        query,
        "EndTime",
        lambda r: r.updated if r.status in CALL_OVER else None,
        through=False,
    )


def _by_time(
    records: list[Record],
    query: Mapping[str, str],
    name: str,
    at: Callable[[Record], float | None],
    *,
    through: bool,
) -> list[Record]:
    """Keep the records of a day or second, those up to it (`<`), or those from it on (`>`).

    With `through`, "up to a day" includes that day, as for messages; for calls it does not.
    """
    for suffix in ("", "<", ">"):
        if not (value := query.get(name + suffix, "")):
            continue
        begins, ends = _span(value)
        last = ends if through else begins
        kept = []
        for record in records:
            moment = at(record)
            if moment is not None and (
                (suffix == "" and begins <= moment < ends)
                or (suffix == "<" and moment < last)
                or (suffix == ">" and moment >= begins)
            ):
                kept.append(record)
        records = kept
    return records


def _span(value: str) -> tuple[float, float]:
    """Return the first moment of a day or second, and the first one after it, in UTC.

    The official library sends a day as its midnight.
    """
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise BadFilterError(value) from None
    at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    long = timedelta(days=1) if at.time() == time() else timedelta(seconds=1)
    return at.timestamp(), (at + long).timestamp()


def changed(record: Record, form: Mapping[str, list[str]], now: float) -> int:
    """Change a message (redact, cancel) or a call (end, cancel, speak otherwise); return 0, or the
    code with which Twilio refuses.
    """
    status = form.get("Status", [""])[0]
    if record.kind == "sms":
        body = form.get("Body")
        if status or (body and body[0]) or body is None:
            return BAD_PARAMETER  # only what is scheduled can be cancelled; a text is only redacted
        record.body, record.updated = "", now
        return 0
    if status not in ("", "canceled", "completed"):
        return BAD_PARAMETER
    waiting = record.status in ("queued", "ringing")
    if record.status in CALL_OVER or (status == "canceled" and not waiting):
        return CALL_STATE
    if status:
        # One that nobody has taken yet is cancelled, whichever word ends it.
        record.status = "canceled" if waiting else "completed"
    record.url = form.get("Url", [record.url])[0]
    record.body = form.get("Twiml", [record.body])[0]
    record.updated = now
    return 0


def may_be_deleted(record: Record) -> bool:
    """Return whether a message or call may be deleted: only once it has ended."""
    return record.status in (MESSAGE_OVER if record.kind == "sms" else CALL_OVER)


def account_json(sid: str) -> dict[str, Any]:
    """Return the account as the API shows it; the token is never shown."""
    uri = f"/{API_VERSION}/Accounts/{sid}"
    return {
        "auth_token": None,
        "date_created": rfc2822(ACCOUNT_MADE),
        "date_updated": rfc2822(ACCOUNT_MADE),
        "friendly_name": "simulator",
        "owner_account_sid": sid,
        "sid": sid,
        "status": "active",
        "subresource_uris": {
            "calls": f"{uri}/Calls.json",
            "messages": f"{uri}/Messages.json",
        },
        "type": "Full",
        "uri": f"{uri}.json",
    }
