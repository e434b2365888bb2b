"""What Twilio calls: delivery receipts, replies by text, and calls that fetch their words and tell
of key presses.

Everything is committed, with its event, before it is answered with 2xx; what cannot be committed is
answered 503, and Twilio asks again (rule R6). What people write is kept sealed, and nothing
of it is logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import structlog
from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.events.topics import RECEIPTS
from broadcast.ledger import attempt_look_up
from broadcast.ledger.attempts import parse_person_attempt
from broadcast.problems import Problem, Rejected, refuse
from broadcast.wording.languages import pack_for
from broadcast.wording.speech import (
    twiml,
    twiml_after_key,
    twiml_before_key,
    twiml_hang_up,
)
from channels.reply_words import understand
from channels.twilio import callbacks
from console.server.context import Web, web_of
from service.answers import keeping, receipts
from service.answers.keeping import Text
from service.residents import by_text
from service.setup.people import World
from subscribers.registration.budgets import Limits
from subscribers.registry import reached

log = structlog.get_logger("hooks")

_FORM = "application/x-www-form-urlencoded"
_FEW = frozenset("0123456789")
_LONGEST_PLACE = 5
"""Words of a place that a text names after JOIN."""
# the query that tells a key press from the first fetch of a call: Twilio repeats Digits after a
# redirect
_KEY = "key"
# and the one by which who asked that a call gives nothing away has said that they listen
_LISTENS = "listens"


def router(_web: Web) -> APIRouter:
    """Return the routes under /hooks/twilio."""
    api = APIRouter(prefix="/hooks/twilio", tags=["webhooks"])
    api.post("/status/{attempt}")(status)
    api.post("/inbound")(inbound)
    api.add_api_route(
        "/voice/{attempt}", voice, methods=["GET"], name="voice", operation_id="voice_get"
    )
    api.add_api_route(
        "/voice/{attempt}", voice, methods=["POST"], name="voice", operation_id="voice_post"
    )
    return api


async def status(request: Request, attempt: str) -> Response:
    """Take a delivery receipt: 200, or 202 where it comes before what it tells of."""
    web = web_of(request)
    params = await read_signed(web, request)
    slice_attempt, position = _attempt(web, attempt)
    told = callbacks.parse_status(params)
    if told.state is None:
        log.warning(
            "hook.status_unknown", attempt=slice_attempt, position=position, reason=told.reason
        )
        return Response(status_code=200)
    known = await web.db.write(
        receipts.keep,
        slice_attempt,
        position,
        told,
        params.get("To", ""),
        web.now(),
        provider=f"twilio:{params['AccountSid']}",
        simulated=_simulated(web, params),
    )
    _wake(web)
    return Response(status_code=200 if known else 202)


async def inbound(request: Request) -> Response:
    """Take what somebody answered by text: STOP stops, START lifts, HELP is answered; all else
    is kept, sealed, and acknowledged once.
    """
    web = web_of(request)
    params = await read_signed(web, request)
    sid = params.get("MessageSid") or params.get("SmsSid") or ""
    if not sid or not params.get("From"):
        raise refuse(
            "parameter_missing",
            "MessageSid or From is missing",
            "this is where Twilio tells of incoming messages",
            field="MessageSid",
            status=400,
        )
    simulated = _simulated(web, params)
    asked = by_text.wanted(params.get("Body", ""))
    if asked is not None and len(asked[0].split()) > _LONGEST_PLACE:
        asked = None  # "join us at the bridge, he has a gun": that is no place
    if asked is not None and by_text.is_here(web.context.channels_on, simulated=simulated):
        return _xml(await _join(web, params["From"], *asked, simulated=simulated))
    text = Text(
        words=params.get("Body", ""),
        number=params["From"],
        to=params.get("To", ""),
        provider=f"twilio:{params['AccountSid']}",
        provider_id=sid,
        reading=understand(params.get("Body", ""), params.get("OptOutType", "")),
        statuses=_statuses(web, params.get("To", ""), simulated=simulated),
        simulated=simulated,
        media=int(params["NumMedia"]) if params.get("NumMedia", "") in _FEW else 0,
    )
    told = await web.db.write(
        keeping.keep_text, text, web.sealer, web.settings.sender_name, web.now()
    )
    log.info("hook.reply", kind=text.reading.kind, people=told.people, simulated=simulated)
    _wake(web)
    return _xml(_message(told.words))


async def voice(request: Request, attempt: str) -> Response:
    """Return what a call says, or answer the key that was pressed."""
    web = web_of(request)
    params = await read_signed(web, request)
    slice_attempt, position = _attempt(web, attempt)
    handed = await web.db.read(attempt_look_up.handed, slice_attempt, position)
    if handed is None or handed.channel != "voice":
        raise _unknown_attempt()
    receipts.check_world(handed.status, simulated=_simulated(web, params))
    here = f"{_public_base(web, request)}{_raw_path(request)}"
    discreet = await web.db.read(reached.is_discreet, handed.person, handed.channel)
    again = f"{here}?{_LISTENS}=1" if discreet else here
    if _KEY in request.query_params:
        digits = callbacks.key_pressed(params)
        await _keep_keys(web, params, digits, slice_attempt, position)
        pack = pack_for(handed.language)
        return _xml(twiml_after_key(digits, pack, again_url=again, status=handed.status))
    if discreet and callbacks.took_by_machine(params):
        return _xml(twiml_hang_up())
    if discreet and _LISTENS not in request.query_params:
        return _xml(twiml_before_key(handed.language, action_url=again))
    rendered, _ = await web.renderings.rendered(
        handed.version_id, "voice", handed.language, repeat=handed.repeat, roles=handed.roles
    )
    if discreet:
        assert rendered.discreetly is not None
        rendered = rendered.discreetly
    return _xml(twiml(rendered, pack_for(rendered.language), action_url=f"{here}?{_KEY}=1"))


async def _keep_keys(
    web: Web, params: Mapping[str, str], digits: str, attempt: str, position: int
) -> None:
    if not digits:
        return
    await web.db.write(
        keeping.keep_keys,
        digits=digits,
        number=params.get("To", ""),
        provider=f"twilio:{params['AccountSid']}",
        call=params.get("CallSid", ""),
        attempt=attempt,
        position=position,
        simulated=_simulated(web, params),
        sealer=web.sealer,
        now=web.now(),
    )
    _wake(web)


async def read_signed(web: Web, request: Request) -> dict[str, str]:
    """Return the known parameters of a webhook, once its signature is proven; raises Rejected.

    403 signature_missing, signature_wrong, account_mismatch; 400 parameter_repeated; 415. The
    signature is over the public URL: what stands behind a proxy sees another one, so both are named
    in the log, without their query, which may hold a number.
    """
    body = await request.body()
    url = f"{_public_base(web, request)}{_raw_path(request)}{_query(request)}"
    if request.method == "GET":
        pairs, signed = parse_qsl(request.url.query, keep_blank_values=True), []
    else:
        if (
            body
            and request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM
        ):
            raise refuse(
                "media_type",
                "Twilio sends forms",
                f"send {_FORM}",
                field="Content-Type",
                status=415,
            )
        pairs = _pairs(body)
        signed = pairs
    given = request.headers.get(callbacks.SIGNATURE)
    if not given:
        raise _forbidden(
            "signature_missing", f"there is no {callbacks.SIGNATURE}", "only Twilio calls this"
        )
    account = next((value for name, value in pairs if name == "AccountSid"), "")
    token = web.accounts.get(account, "")
    if not token:
        log.warning(
            "hook.account_unknown",
            route=str(request.scope["route"].path),
            hint="another Twilio account calls our webhooks; check FASTTIME_TWILIO_ACCOUNT_SID",
        )
        raise _forbidden(
            "account_mismatch",
            "this is not the account that sends for us",
            "check FASTTIME_TWILIO_ACCOUNT_SID",
            field="AccountSid",
        )
    if not callbacks.check_signature(token, url, signed, given):
        seen = f"{request.url.scheme}://{request.url.netloc}{_raw_path(request)}"
        hint = (
            "signatures are over the public URL: FASTTIME_PUBLIC_URL must be the address that"
            " Twilio calls, and the token that of the account"
        )
        log.warning(
            "hook.signature_wrong", signed_url=url.partition("?")[0], seen_url=seen, hint=hint
        )
        fix = "compare FASTTIME_PUBLIC_URL with the address Twilio calls; the log names both"
        raise _forbidden(
            "signature_wrong", "the signature does not fit this address and these parameters", fix
        )
    return callbacks.read_form(pairs, account=account)


def _simulated(web: Web, params: Mapping[str, str]) -> bool:
    return params.get("AccountSid", "") in web.simulated


def _statuses(web: Web, to: str, *, simulated: bool) -> tuple[str, ...]:
    """Return the CAP statuses whose messages a text to this number of ours may answer: an
    exercise's own sender takes answers to exercises only, and the real one none of them.
    """
    if simulated:
        return ("Exercise", "Test")
    own = {
        status: web.settings.env.get(f"FASTTIME_{name}TWILIO_FROM", "").strip()
        for status, name in (("Actual", ""), ("Exercise", "EXERCISE_"))
    }
    named = tuple(status for status in receipts.REAL if to and own[status] == to)
    return named or receipts.REAL


def _attempt(web: Web, text: str) -> tuple[str, int]:
    found = parse_person_attempt(text, web.key)
    if found is None:
        raise _unknown_attempt()
    return found


def _unknown_attempt() -> Rejected:
    return refuse(
        "attempt_unknown",
        "this is no attempt of ours",
        "the address comes from the message or call itself, never by hand",
        field="attempt",
        status=404,
    )


def _forbidden(code: str, detail: str, fix: str, field: str = callbacks.SIGNATURE) -> Rejected:
    return Rejected(Problem(code=code, detail=detail, fix=fix, field=field, status=403))


def _public_base(web: Web, request: Request) -> str:
    """Return the address we are known by outside; without FASTTIME_PUBLIC_URL the one that was
    called.
    """
    return web.settings.public_url or f"{request.url.scheme}://{request.url.netloc}"


def _raw_path(request: Request) -> str:
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return raw.partition(b"?")[0].decode("ascii", "replace")


def _query(request: Request) -> str:
    query = request.scope["query_string"].decode("ascii", "replace")
    return f"?{query}" if query else ""


def _pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=200, errors="replace"
        )
    except ValueError:
        raise refuse(
            "form_invalid", "the form cannot be read", f"send {_FORM}", status=400
        ) from None


def _wake(web: Web) -> None:
    if web.wake is not None:
        web.wake(RECEIPTS)


async def _join(web: Web, number: str, asked: str, language: str, *, simulated: bool) -> str:
    """Register who texted JOIN, and answer; nothing is answered once the budgets are used up."""
    trial = simulated or web.settings.allows_trial_numbers
    world = World(tree=await web.context.tree(), trial_numbers=trial)
    join = partial(
        by_text.join,
        number=number,
        place=asked,
        world=world,
        limits=Limits(day_money=web.settings.code_budget),
        sender=web.settings.sender_name,
        public_url=web.settings.public_url,
        now=web.now(),
        language=language,
    )
    try:
        said = await web.db.write(join)
    except Rejected as rejected:
        log.warning("hook.join_refused", reason=rejected.problems[0].code)
        said = ""
    return _message(said)


def _message(words: str) -> str:
    return f"<Response><Message>{escape(words)}</Message></Response>" if words else "<Response/>"


def _xml(document: str | bytes) -> Response:
    return Response(document, media_type="text/xml")
