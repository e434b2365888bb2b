"""The simulated Twilio over HTTP: Messages and Calls as the official library expects them, the
ledger, and the controls.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import structlog
from aiohttp import web

from broadcast.problems import Rejected, refuse
from channels.simulator import resources
from channels.simulator.door import Door
from channels.simulator.fate import (
    ERROR_AFTER,
    ERROR_BEFORE,
    LOST_REPLY,
    SLOW,
    TAKEN,
    THROTTLED,
    Fate,
)
from channels.simulator.handsets import API_VERSION, CALL_OVER, Handsets, Record
from channels.simulator.ledger import Entry, Ledger
from channels.simulator.postman import Answer, Postman

log = structlog.get_logger(__name__)

_RESOURCE = re.compile(rf"/{API_VERSION}/Accounts/([^/]+)/(Messages|Calls)(?:/([^/]+))?\.json")
_ACCOUNT = re.compile(rf"/{API_VERSION}/Accounts/(AC[0-9a-fA-F]{{32}})\.json")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_WORDS = {  # what Twilio says with the codes that the simulator itself gives; facts
    20001: (400, "Unknown parameters"),
    20003: (401, "Authenticate"),
    20404: (404, "The requested resource was not found"),
    20009: (409, "Cannot delete this resource before it is complete"),
    20429: (429, "Too Many Requests"),
    20500: (500, "Internal Server Error"),
    21220: (400, "Call is not in-progress. Cannot redirect."),
    21611: (429, "This 'From' number has exceeded the maximum number of queued messages"),
}


def error(code: int, message: str = "", headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an error in Twilio's own form."""
    status, words = _WORDS.get(code, (400, "simulated refusal"))
    body = {
        "code": code,
        "message": message or words,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return _json(body, status=status, headers=headers)


def _json(
    body: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    return web.Response(
        body=json.dumps(body).encode(),
        status=status,
        content_type="application/json",
        headers=headers,
    )


class Api:
    """Answers HTTP requests. One plain function of (request) -> response; no router, because each
    attempt passes here.
    """

    def __init__(
        self, fate: Fate, handsets: Handsets, ledger: Ledger, postman: Postman, door: Door
    ) -> None:
        self._door = door
        self._fate = fate
        self._handsets = handsets
        self._ledger = ledger
        self._postman = postman

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        try:
            if found := _RESOURCE.fullmatch(request.path):
                return await self._resource(request, *found.groups())
            if found := _ACCOUNT.fullmatch(request.path):
                return self._account(request, found[1])
            return await self._own(request)
        except Rejected as exc:
            first = exc.problems[0]
            body = {
                "code": first.code,
                "field": first.field,
                "detail": first.detail,
                "fix": first.fix,
                "status": exc.status,
            }
            headers = {"WWW-Authenticate": "Bearer"} if exc.status == 401 else {}
            return web.Response(
                body=json.dumps(body).encode(),
                status=exc.status,
                headers=headers,
                content_type="application/problem+json",
            )

    # ---- Twilio's side

    async def _resource(
        self, request: web.BaseRequest, account: str, resource: str, sid: str | None
    ) -> web.StreamResponse:
        user, token = _credentials(request.headers.get("Authorization", ""))
        settings = self._fate.settings
        if settings.check_auth and (account, user, token) != (
            settings.account,
            settings.account,
            settings.token,
        ):
            return error(20003)
        kind = "sms" if resource == "Messages" else "calls"
        if request.method == "POST" and sid is None:
            form = dict_of_lists(
                parse_qsl((await request.read()).decode("utf-8", "replace"), keep_blank_values=True)
            )
            return await self._create(request, kind, account, settings.token or token, form)
        if sid is None:
            listing = request.method == "GET"
            return self._list(request, account, resource, kind) if listing else error(20404)
        record = self._handsets.by_sid.get(sid)
        if record is None or record.account != account or record.kind != kind:
            return error(20404)
        if request.method == "GET":
            return _json(record.to_json())
        return await self._change(request, record)

    async def _change(self, request: web.BaseRequest, record: Record) -> web.StreamResponse:
        if request.method == "DELETE":
            if not resources.may_be_deleted(record):
                return error(resources.NOT_OVER)
            self._handsets.remove(record)
            return web.Response(status=204)
        if request.method != "POST":
            return error(20404)
        form = dict_of_lists(
            parse_qsl((await request.read()).decode("utf-8", "replace"), keep_blank_values=True)
        )
        if (refused := self._refused_callback(record.kind, form)) is not None:
            return refused
        if code := resources.changed(record, form, time.time()):
            return error(code)
        if record.kind == "calls" and record.status in CALL_OVER:
            self._handsets.ended(record)
        return _json(record.to_json())

    def _account(self, request: web.BaseRequest, sid: str) -> web.StreamResponse:
        user, token = _credentials(request.headers.get("Authorization", ""))
        settings = self._fate.settings
        if settings.check_auth and (user, token) != (settings.account, settings.token):
            return error(20003)
        if request.method != "GET" or (settings.check_auth and sid != settings.account):
            return error(20404)
        return _json(resources.account_json(sid))

    async def _create(
        self,
        request: web.BaseRequest,
        kind: str,
        account: str,
        token: str,
        form: Mapping[str, list[str]],
    ) -> web.StreamResponse:
        if delay := self._fate.delay():
            await asyncio.sleep(delay)
        record = self._record(kind, account, token, form)
        if (refused := self._refused_callback(kind, form)) is not None:
            self._note(record, "refused callback", taken=False)
            return refused
        if code := _malformed(kind, form) or self._fate.refusal(kind, record.to, record.sender):
            self._note(record, f"refused {code}", taken=False)
            return error(
                code,
                headers=(
                    {"Retry-After": str(self._fate.settings.retry_after)}
                    if _WORDS.get(code, (400, ""))[0] == 429
                    else None
                ),
            )
        fate = self._fate.draw()
        if fate in (THROTTLED, ERROR_BEFORE):
            self._note(record, fate, taken=False)
            return (
                error(20429, headers={"Retry-After": str(self._fate.settings.retry_after)})
                if fate == THROTTLED
                else error(20500)
            )
        self._note(record, fate, taken=True)
        self._handsets.take(record)
        if fate == LOST_REPLY:
            if request.transport is not None:
                request.transport.abort()
        elif fate == ERROR_AFTER:
            return error(20500)
        elif fate == SLOW:
            await asyncio.sleep(self._fate.settings.slow_seconds)
        assert fate in (TAKEN, LOST_REPLY, SLOW)
        return _json(record.to_json(), status=201)

    def _refused_callback(self, kind: str, form: Mapping[str, list[str]]) -> web.Response | None:
        """Return the refusal of a request whose callbacks would leave the base that the simulator
        was started with.
        """
        for name, code in (("StatusCallback", 21609 if kind == "sms" else 21626), ("Url", 21205)):
            url = form.get(name, [""])[0]
            if url and (host := self._door.refused_host(url)):
                allowed = self._door.callback_base or "addresses on loopback"
                log.warning("simulator.callback_refused", host=host[:100], allowed=allowed)
                return error(
                    code,
                    f"callbacks go to {allowed} only, not to {host[:100]}: start the simulator with"
                    " --callback",
                )
        return None

    def _record(self, kind: str, account: str, token: str, form: Mapping[str, list[str]]) -> Record:
        def one(name: str) -> str:
            return form.get(name, [""])[0]

        now = time.time()
        return Record(
            kind=kind,
            sid=f"{'SM' if kind == 'sms' else 'CA'}{self._fate.random.getrandbits(128):032x}",
            account=account,
            token=token,
            to=one("To"),
            sender=one("From"),
            body=one("Body") if kind == "sms" else one("Twiml"),
            service=one("MessagingServiceSid"),
            callback=one("StatusCallback"),
            created=now,
            updated=now,
            status="queued" if kind == "calls" or not one("MessagingServiceSid") else "accepted",
            events=frozenset(form.get("StatusCallbackEvent", ["completed"])),
            url=one("Url"),
        )

    def _note(self, record: Record, outcome: str, *, taken: bool) -> None:
        self._ledger.add(
            record.kind,
            Entry(
                to=record.to,
                attempt=record.attempt,
                body=record.body if record.kind == "sms" else "",
                at=record.created,
                outcome=outcome,
                taken=taken,
                sid=record.sid if taken else "",
            ),
        )

    def _list(
        self, request: web.BaseRequest, account: str, resource: str, kind: str
    ) -> web.Response:
        query = request.query
        to = query.get("To", "")
        records = (
            self._handsets.by_number.get((kind, to), [])
            if to
            else [record for record in self._handsets.by_sid.values() if record.kind == kind]
        )
        try:
            found = resources.filtered(
                kind, [record for record in reversed(records) if record.account == account], query
            )
        except resources.BadFilterError:
            return error(resources.BAD_PARAMETER)
        size = min(max(1, _number(query.get("PageSize", ""), 50)), 1000)
        page = _number(query.get("Page", ""), 0)
        base = f"/{API_VERSION}/Accounts/{account}/{resource}.json"
        asked = {
            name: value
            for name, value in query.items()
            if name not in ("Page", "PageSize", "PageToken")
        }

        def uri(number: int) -> str:
            return f"{base}?{urlencode({**asked, 'PageSize': size, 'Page': number})}"

        shown = found[page * size : (page + 1) * size]
        return _json(
            {
                resource.lower(): [record.to_json() for record in shown],
                "end": max(page * size + len(shown) - 1, 0),
                "first_page_uri": uri(0),
                "next_page_uri": uri(page + 1) if (page + 1) * size < len(found) else None,
                "page": page,
                "page_size": size,
                "previous_page_uri": uri(page - 1) if page else None,
                "start": page * size,
                "uri": uri(page),
            }
        )

    # ---- our side

    async def _own(self, request: web.BaseRequest) -> web.StreamResponse:
        route = (request.method, request.path)
        if route == ("GET", "/ledger"):
            self._door.check_reading(request)
            if request.query.get("summary") in ("1", "true"):
                return _json(self._ledger.summary())
            return web.Response(body=self._ledger.to_json(), content_type="application/json")
        if route == ("GET", "/healthz"):
            return web.Response(text="ok\n")
        if route == ("GET", "/control"):
            self._door.check_control(request)
            return self._controls()
        if request.method == "POST" and request.path.startswith("/control"):
            self._door.check_control(request)
            return await self._control(request.path, _object(await request.read()))
        raise refuse(
            "not_found",
            "the simulator has no such page",
            "see /ledger, /ledger?summary=1 and /control",
            status=404,
        )

    async def _control(self, path: str, body: dict[str, Any]) -> web.StreamResponse:
        if path == "/control":
            self._fate.change(self._fate.settings.changed(body))
            return self._controls()
        if path == "/control/inbound":
            got = await self._handsets.reply(
                _text(body, "from"),
                _text(body, "to", ""),
                _text(body, "body"),
                _text(body, "url", ""),
            )
            return _answered(got)
        if path == "/control/press":
            return _answered(
                await self._handsets.press_last(_text(body, "to"), _text(body, "digits"))
            )
        raise refuse(
            "not_found",
            "the simulator has no such control",
            "see /control, /control/inbound and /control/press",
            status=404,
        )

    def _controls(self) -> web.Response:
        return _json(
            {
                "settings": self._fate.settings.to_json(),
                "callbacks": {
                    "sent": self._postman.sent,
                    "failed": self._postman.failed,
                    "waiting": self._postman.waiting,
                },
            }
        )


def dict_of_lists(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Return {name: [values]} of a form."""
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form


def _answered(answer: Answer) -> web.Response:
    return _json(
        {"status": answer.status, "body": answer.body.decode("utf-8", "replace")},
        status=200 if answer.status else 502,
    )


def _malformed(kind: str, form: Mapping[str, list[str]]) -> int:
    """Return the code of what is missing or impossible in a request, 0 for nothing. The codes are
    Twilio's; facts.
    """
    to, sender = (
        form.get("To", [""])[0],
        form.get("From", [""])[0] or form.get("MessagingServiceSid", [""])[0],
    )
    text = kind == "sms"
    if not to:
        return 21604 if text else 21201
    if not sender:
        return 21603 if text else 21213
    if not _NUMBER.fullmatch(to):
        return 21211 if text else 21217
    if text and len(form.get("Body", [""])[0]) > 1600:
        return 21617
    if text and not form.get("Body", [""])[0]:
        return 21602
    if not text and not form.get("Url") and not form.get("Twiml"):
        return 21205
    for name in ("StatusCallback", "Url"):
        if (url := form.get(name, [""])[0]) and urlsplit(url).scheme not in ("http", "https"):
            return 21609 if name == "StatusCallback" else 21205
    return 0


def _credentials(header: str) -> tuple[str, str]:
    kind, _, coded = header.partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        user, _, token = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, token


def _number(text: str, default: int) -> int:
    return int(text) if text.isdigit() and len(text) < 7 else default


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise refuse(
            "json_invalid",
            "the body is not a JSON object",
            'write for example {"lose_reply": 0.05}',
            status=400,
        )
    return value


def _text(body: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str) or (default is None and not value):
        raise refuse("field_missing", f"{name} is missing", f"give {name} as a text", field=name)
    return value
