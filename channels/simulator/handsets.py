"""The simulated phones: what was sent to them, what they answer, and the callbacks that tell of
it.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml import etree

from broadcast.content.segments import count
from broadcast.problems import refuse
from channels.simulator.fate import Fate
from channels.simulator.ledger import Ledger
from channels.simulator.postman import Answer, Letter, Postman

API_VERSION = "2010-04-01"
MESSAGE_OVER = ("delivered", "undelivered", "failed", "canceled")
CALL_OVER = ("completed", "busy", "no-answer", "failed", "canceled")
_ATTEMPT = re.compile(r"/hooks/twilio/(?:status|voice)/([^/?#]+)")


@dataclass(slots=True)
class Record:
    """One message or call as the provider's list shows it. Times are seconds since 1970; `kind` is
    "sms" or "calls".
    """

    kind: str
    sid: str
    account: str
    token: str
    to: str
    sender: str
    body: str
    service: str
    callback: str
    created: float
    updated: float
    status: str
    events: frozenset[str] = frozenset()
    url: str = ""
    error: int | None = None
    sent: float | None = None
    gather: str = ""

    @property
    def attempt(self) -> str:
        """The attempt id in the callback's or the TwiML's address, "" where there is none."""
        found = _ATTEMPT.search(self.callback) or _ATTEMPT.search(self.url)
        return found.group(1) if found else ""

    def to_json(self) -> dict[str, Any]:
        """Return the resource as Twilio's OpenAPI document describes it (api.v2010.account.message,
        …call).
        """
        return _message_json(self) if self.kind == "sms" else _call_json(self)


def rfc2822(at: float | None) -> str | None:
    """Return a time as Twilio writes it."""
    return None if at is None else format_datetime(datetime.fromtimestamp(int(at), UTC))


def _message_json(r: Record) -> dict[str, Any]:
    uri = f"/{API_VERSION}/Accounts/{r.account}/Messages/{r.sid}"
    return {
        "account_sid": r.account,
        "api_version": API_VERSION,
        "body": r.body,
        "date_created": rfc2822(r.created),
        "date_sent": rfc2822(r.sent),
        "date_updated": rfc2822(r.updated),
        "direction": "outbound-api",
        "error_code": r.error,
        "error_message": None if r.error is None else "simulated",
        "from": r.sender or None,
        "messaging_service_sid": r.service or None,
        "num_media": "0",
        "num_segments": str(count(r.body).segments),
        "price": None,
        "price_unit": "USD",
        "sid": r.sid,
        "status": r.status,
        "subresource_uris": {"media": f"{uri}/Media.json", "feedback": f"{uri}/Feedback.json"},
        "to": r.to,
        "uri": f"{uri}.json",
    }


def _call_json(r: Record) -> dict[str, Any]:
    uri = f"/{API_VERSION}/Accounts/{r.account}/Calls/{r.sid}"
    over = r.status in CALL_OVER
    return {
        "account_sid": r.account,
        "answered_by": None,
        "api_version": API_VERSION,
        "caller_name": None,
        "date_created": rfc2822(r.created),
        "date_updated": rfc2822(r.updated),
        "direction": "outbound-api",
        "duration": str(int(r.updated - r.created)) if over else None,
        "end_time": rfc2822(r.updated) if over else None,
        "forwarded_from": None,
        "from": r.sender,
        "from_formatted": r.sender,
        "group_sid": None,
        "parent_call_sid": None,
        "phone_number_sid": None,
        "price": None,
        "price_unit": "USD",
        "queue_time": "0",
        "sid": r.sid,
        "start_time": rfc2822(r.sent),
        "status": r.status,
        "subresource_uris": {
            "recordings": f"{uri}/Recordings.json",
            "notifications": f"{uri}/Notifications.json",
        },
        "to": r.to,
        "to_formatted": r.to,
        "trunk_sid": None,
        "uri": f"{uri}.json",
    }


class Handsets:
    """All simulated phones, and the provider's memory of what it took."""

    def __init__(self, fate: Fate, postman: Postman, ledger: Ledger) -> None:
        self._fate = fate
        self._postman = postman
        self._ledger = ledger
        self.by_sid: dict[str, Record] = {}
        self.by_number: dict[tuple[str, str], list[Record]] = {}  # (kind, to), oldest first
        self.newest: Record | None = None

    def take(self, record: Record) -> None:
        """Keep a record and begin to deliver it."""
        self.by_sid[record.sid] = record
        self.by_number.setdefault((record.kind, record.to), []).append(record)
        self.newest = record
        if record.kind == "sms":
            self._deliver(record)
        else:
            self._ring(record)

    def remove(self, record: Record) -> None:
        """Forget a record; the ledger keeps what was taken."""
        del self.by_sid[record.sid]
        self.by_number[record.kind, record.to].remove(record)

    # ---- text messages

    def _deliver(self, record: Record) -> None:
        settings, chance = self._fate.settings, self._fate.chance
        word, _, code = settings.numbers.get(record.to, "").partition(" ")
        last, error = (
            ("undelivered", int(code or 30003))
            if word == "undelivered"
            else ("undelivered", 30003)
            if chance(settings.undelivered)
            else ("delivered", None)
        )
        first_at, last_at = self._soon(), self._soon() + settings.callback_delay
        if chance(settings.callback_late):
            last_at += settings.late_seconds
        if chance(settings.callback_swap):
            first_at, last_at = last_at, first_at
        for at, status, code_then in ((first_at, "sent", None), (last_at, last, error)):
            self._status_later(record, at, status, code_then)
            if chance(settings.callback_twice):
                self._status_later(record, at + self._soon(), status, code_then)

    def _soon(self) -> float:
        return self._fate.settings.callback_delay * (0.5 + self._fate.random.random())

    def _status_later(self, record: Record, at: float, status: str, error: int | None) -> None:
        def turn() -> None:  # the list never goes back, however the callbacks are shuffled
            if record.status not in ("delivered", "undelivered"):
                record.status, record.error = status, error
                record.updated = time.time()
                record.sent = record.sent or record.updated

        if not self._fate.settings.callbacks or not record.callback:
            self._postman.later(at, _only(turn))
            return
        self._postman.post_later(
            at,
            Letter(
                url=record.callback,
                params=_message_params(record, status, error),
                token=record.token,
            ),
            before=turn,
        )

    # ---- calls

    def _ring(self, record: Record) -> None:
        settings, chance = self._fate.settings, self._fate.chance
        fate = settings.numbers.get(record.to, "") or (
            "busy" if chance(settings.busy) else "no-answer" if chance(settings.no_answer) else ""
        )
        at = self._soon()
        self._event_later(record, at, "initiated", "initiated")
        at += self._soon()
        self._event_later(record, at, "ringing", "ringing")
        at += self._soon()
        if fate in ("busy", "no-answer"):
            self._event_later(record, at, "completed", fate)
        else:
            self._postman.later(at, lambda: self._answer(record))

    def _event_later(self, record: Record, at: float, event: str, status: str) -> None:
        def turn() -> bool:
            if record.status in CALL_OVER:
                return False  # it was ended meanwhile, and that was told
            record.status, record.updated = (
                "queued" if status == "initiated" else status,
                time.time(),
            )
            if status == "in-progress":
                record.sent = record.updated
            return True

        if not self._fate.settings.callbacks or not record.callback or event not in record.events:
            self._postman.later(at, _only(turn))
            return
        params = [
            *_call_params(record, status),
            ("Timestamp", rfc2822(time.time()) or ""),
            ("CallbackSource", "call-progress-events"),
        ]
        if event == "completed":
            params += [("CallDuration", "12" if status == "completed" else "0"), ("Duration", "1")]
        self._postman.post_later(
            at, Letter(url=record.callback, params=params, token=record.token), before=turn
        )
        if self._fate.chance(self._fate.settings.callback_twice):
            self._postman.post_later(
                at + self._soon(), Letter(url=record.callback, params=params, token=record.token)
            )

    async def _answer(self, record: Record) -> None:
        """Pick up: fetch what is read aloud, listen, perhaps press a key, hang up."""
        if record.status in CALL_OVER:
            return
        self._event_later(record, 0.0, "answered", "in-progress")
        answer = Answer(status=200, body=record.body.encode())
        if record.url:
            answer = await self._postman.post(
                Letter(
                    url=record.url, params=_call_params(record, "in-progress"), token=record.token
                )
            )
        heard, record.gather = read_twiml(answer, record.url)
        self._ledger.heard(record.sid, body=heard)
        settings = self._fate.settings
        if record.gather and self._fate.chance(settings.press):
            await self.press(record, settings.digit)
        self._event_later(record, self._soon(), "completed", "completed" if heard else "failed")

    def ended(self, record: Record) -> None:
        """Tell whoever asked for it that a call was ended from outside."""
        if self._fate.settings.callbacks and record.callback and "completed" in record.events:
            params = [*_call_params(record, record.status), ("CallDuration", "0")]
            self._postman.post_later(
                0.0, Letter(url=record.callback, params=params, token=record.token)
            )

    async def press(self, record: Record, digits: str) -> Answer:
        """Press keys during the last question of a call; returns what the other side answered."""
        self._ledger.heard(record.sid, keys=digits)
        return await self._postman.post(
            Letter(
                url=record.gather,
                params=[
                    *_call_params(record, "in-progress"),
                    ("Digits", digits),
                    ("msg", "Gather End"),
                ],
                token=record.token,
            )
        )

    # ---- what people do of their own accord

    async def reply(self, sender: str, to: str, body: str, url: str) -> Answer:
        """Send a text from a handset: a signed POST to `url`, or to the inbound address beside the
        last callback seen. Raises Rejected.
        """
        settings, newest = self._fate.settings, self.newest
        token = settings.token or (newest.token if newest else "")
        account = settings.account or (newest.account if newest else "")
        url = (
            url or settings.inbound_url or (beside(newest.callback or newest.url) if newest else "")
        )
        if not token or not url:
            raise refuse(
                "inbound_unknown",
                "nothing was sent yet, so nobody knows where a reply goes",
                "give inbound_url, account and token by POST /control",
                status=409,
            )
        if host := self._postman.refused_host(url):
            raise refuse(
                "callback_foreign",
                f"the simulator does not call {host[:100]}",
                "start it with --callback and the address of the installation",
                field="url",
            )
        sid = f"SM{self._fate.random.getrandbits(128):032x}"
        params = [
            ("AccountSid", account), ("ApiVersion", API_VERSION), ("Body", body), ("From", sender),
            ("MessageSid", sid), ("NumMedia", "0"), ("NumSegments", str(count(body).segments)),
            ("SmsMessageSid", sid), ("SmsSid", sid), ("SmsStatus", "received"),
            ("To", to or (newest.sender if newest else "")),
        ]  # fmt: skip
        return await self._postman.post(Letter(url=url, params=params, token=token))

    async def press_last(self, to: str, digits: str) -> Answer:
        """Press keys in the last call to a number. Raises Rejected where none asked for keys."""
        for record in reversed(self.by_number.get(("calls", to), [])):
            if record.gather:
                return await self.press(record, digits)
        raise refuse(
            "call_unknown",
            "no call to this number has asked for a key",
            "wait until it was answered",
            status=404,
        )


def _only(turn: Any) -> Any:
    async def job() -> None:
        turn()

    return job


def beside(callback: str) -> str:
    """Return the inbound address of the server that a callback address belongs to, "" for none."""
    before, hooks, _ = callback.partition("/hooks/twilio/")
    return f"{before}{hooks}inbound" if hooks else ""


def read_twiml(answer: Answer, base: str) -> tuple[str, str]:
    """Return (words read aloud, absolute address of the key press or ""); both empty where it is no
    TwiML.
    """
    if answer.status != 200:
        return "", ""
    try:
        root = etree.fromstring(
            answer.body, etree.XMLParser(resolve_entities=False, no_network=True)
        )
    except (etree.XMLSyntaxError, ValueError):
        return "", ""
    words = " ".join(" ".join("".join(say.itertext()).split()) for say in root.iter("Say"))
    gather = next((element for element in root.iter("Gather")), None)
    if gather is None:
        return words, ""
    action = gather.get("action") or base
    return words, urljoin(base, action) if base or urlsplit(action).scheme else ""


def _message_params(r: Record, status: str, error: int | None) -> list[tuple[str, str]]:
    params = [
        ("AccountSid", r.account), ("ApiVersion", API_VERSION), ("From", r.sender),
        ("MessageSid", r.sid), ("MessageStatus", status),
        ("SmsSid", r.sid), ("SmsStatus", status), ("To", r.to),
    ]  # fmt: skip
    if r.service:
        params.append(("MessagingServiceSid", r.service))
    if error is not None:
        params.append(("ErrorCode", str(error)))
    if status == "delivered":
        params.append(("RawDlrDoneDate", datetime.now(UTC).strftime("%y%m%d%H%M")))
    return params


def _call_params(r: Record, status: str) -> list[tuple[str, str]]:
    return [
        ("AccountSid", r.account), ("ApiVersion", API_VERSION), ("CallSid", r.sid),
        ("CallStatus", status), ("Called", r.to), ("Caller", r.sender),
        ("Direction", "outbound-api"), ("From", r.sender), ("To", r.to),
    ]  # fmt: skip
