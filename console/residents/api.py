"""Registering, signing in and choosing by programs: the same acts as the pages, as JSON.

No operator's token opens anything here. Who signed in shows the session that a code gave them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from broadcast.answers import links
from broadcast.content.model import PERSONAL_CHANNELS, SEVERITIES, SUBSCRIBER_KINDS
from broadcast.events.topics import RECEIPTS
from broadcast.problems import refuse
from broadcast.store.database import Connection
from broadcast.wording.languages import PACKS
from console.api.bodies import check_fields, read_act, text_field
from console.api.schemas import (
    NUMBER,
    TEXT,
    TIME,
    YES,
    Schema,
    an_object,
    list_of,
    or_null,
    ref,
    words,
)
from console.api.setup.bodies import sends
from console.residents import kept
from console.residents.frame import HEADERS, Pages
from service.answers import by_link
from service.answers.keeping import LONGEST
from service.residents import own, registering, several
from service.residents.own import Own
from subscribers.contact.kinds import NAMES as KINDS
from subscribers.people_file import by_topic, other_places
from subscribers.people_file.by_topic import OfTopic
from subscribers.people_file.choices import MOST_A_WEEK, MOST_LANGUAGES, TOPICS
from subscribers.people_file.other_places import OtherPlace
from subscribers.registration import addresses, pending

PREFIX: Final = "/api/residents"
_KEEP_NOT: Final = {"Cache-Control": HEADERS["Cache-Control"]}


def router(pages: Pages) -> APIRouter:
    """Return the routes."""
    api = APIRouter(prefix=PREFIX, tags=["residents"])
    _registering(api, _Forms(pages))
    _answering(api, pages)
    _choosing(api, pages)
    return api


class _Forms:
    """The forms of registering, kept by a secret that the program holds."""

    def __init__(self, pages: Pages) -> None:
        self.pages, self.web = pages, pages.web

    async def begin(
        self, request: Request, purpose: str, language: str, address: addresses.Address, **more: str
    ) -> Response:
        """Begin a form and have its code sent; tell its secret, whoever the address belongs to."""
        web, pages = self.web, self.pages
        now = web.now()

        def begun(conn: Connection) -> str:
            secret = pending.begin(
                conn,
                purpose=purpose,
                language=language,
                network=pages.network(request),
                limits=pages.limits,
                now=now,
                channel=address.channel,
                **more,
            )
            _ask(conn, secret, pages, address, now)
            return secret

        secret = await web.db.write(begun)
        told = {"registration": secret, "expires_at": (now + pending.LASTS).isoformat()}
        return JSONResponse(told, 202, _KEEP_NOT)


def _ask(
    conn: Connection, secret: str, pages: Pages, address: addresses.Address | None, now: datetime
) -> None:
    pending.ask_code(conn, secret, address=address, limits=pages.limits, now=now)


def _registering(api: APIRouter, forms: _Forms) -> None:
    pages, web = forms.pages, forms.web

    @api.get("/kept")
    async def kept_here(request: Request) -> Response:
        """Return what is kept of people and for how long, in the language of the reader."""
        told = kept.as_json(pages.lang(request), kept.days_of(web.settings))
        return JSONResponse({"kept": told}, 200, _KEEP_NOT)

    @api.post("/registrations", status_code=202, openapi_extra=sends("NewRegistration"))
    async def register(request: Request) -> Response:
        """Have a code sent to who wants messages. The answer is the same for every address."""
        body = read_act(request, await request.body(), _FIELDS)
        tree = await web.context.tree()
        place = await web.db.read(registering.check_place, tree, _text(body, "area"))
        if "visiting_until" in body:
            until = other_places.time(_text(body, "visiting_until"))
            place |= {"visit_until": registering.check_visit(until, web.now()).isoformat()}
        topics = registering.check_topics(_list(body, "topics"))
        channel = registering.check_channel(_text(body, "channel"), pages.offered())
        address = registering.new_address(channel, _text(body, "address"), trial=pages.trial())
        registering.check_consent(body.get("agree") is True)
        language = _text(body, "language") or pages.lang(request)
        if language not in PACKS:
            raise refuse(
                "language_unknown", "messages have no such language", "use en", field="language"
            )
        hidden = "yes" if "discreet" in body and _yes_or_no(body, "discreet") else ""
        chosen = {**place, "topics": topics, "discreet": hidden}
        return await forms.begin(request, "join", language, address, **chosen)

    @api.post("/sign-in", status_code=202, openapi_extra=sends("SignIn"))
    async def sign_in(request: Request) -> Response:
        """Have a code sent to a contact that was confirmed. The answer is the same for every
        address.
        """
        body = read_act(request, await request.body(), ("address",))
        given = _needed(body, "address")
        address = registering.sign_in_address(given, pages.offered(), trial=pages.trial())
        return await forms.begin(request, "sign_in", pages.lang(request), address)

    @api.post("/registrations/again", status_code=202, openapi_extra=sends("RegistrationSecret"))
    async def again(request: Request) -> Response:
        """Have a new code sent to the same address; the one before is void."""
        body = read_act(request, await request.body(), ("registration",))
        secret, now = _needed(body, "registration"), web.now()
        await web.db.write(_ask, secret, pages, None, now)
        return JSONResponse({"registration": secret}, 202, _KEEP_NOT)

    @api.post("/registrations/confirm", openapi_extra=sends("RegistrationCode"))
    async def confirm(request: Request) -> Response:
        """Register, or sign in, who types the right code; the session opens their own choices."""
        body = read_act(request, await request.body(), ("registration", "code"))
        secret, code = _needed(body, "registration"), _needed(body, "code")
        signed = "authorization" in request.headers
        me = (await _me(pages, request)).person if signed else None
        joined = await web.db.write(
            registering.enter,
            secret,
            code,
            world=await pages.world(),
            now=web.now(),
            me=me,
        )
        if joined.outcome in (several.JOINED, several.NOBODY, several.SEVERAL):
            return JSONResponse({"outcome": joined.outcome}, 200, _KEEP_NOT)
        if joined.outcome not in ("registered", "signed_in"):
            raise registering.refused(joined)
        return JSONResponse({"outcome": joined.outcome, "session": joined.session}, 200, _KEEP_NOT)


def _answering(api: APIRouter, pages: Pages) -> None:
    web = pages.web

    @api.post("/answers", openapi_extra=sends("AnswerByLink"))
    async def answer(request: Request) -> Response:
        """Answer a message by the token of one's own link (`/a/TOKEN`); the same words by the same
        link are kept once.
        """
        body = read_act(request, await request.body(), ("link", "answer"))
        link = links.read(_needed(body, "link"), web.key)
        if link is None:
            raise by_link.unknown()
        words, where = _text(body, "answer"), pages.network(request)
        keep = partial(by_link.keep, network=where, sealer=web.sealer, now=web.now())
        await web.db.write(keep, link, words)
        if web.wake is not None:
            web.wake(RECEIPTS)
        return JSONResponse({"kept": True}, 200, _KEEP_NOT)


def _choosing(api: APIRouter, pages: Pages) -> None:
    web = pages.web

    @api.get("/me")
    async def show(request: Request) -> Response:
        """Return one's own choices; contacts are masked."""
        return JSONResponse(await _told(pages, await _me(pages, request)), 200, _KEEP_NOT)

    @api.patch("/me", openapi_extra=sends("OwnChoices"))
    async def change(request: Request) -> Response:
        """Change some of one's own choices; the next message follows them."""
        me = await _me(pages, request)
        body = read_act(request, await request.body(), _CHOICES)
        fields, world = _wanted(body), await pages.world()
        await web.db.write(own.change, me.person, fields, world=world, now=web.now())
        return JSONResponse(await _told(pages, await _me(pages, request)), 200, _KEEP_NOT)

    @api.post("/me/stop", openapi_extra=sends("OwnChannel"))
    async def stop(request: Request) -> Response:
        """Stop a channel, or all of them, at once."""
        me = await _me(pages, request)
        body = read_act(request, await request.body(), ("channel",))
        await web.db.write(own.stop, me, _needed(body, "channel"), web.now())
        return JSONResponse(await _told(pages, await _me(pages, request)), 200, _KEEP_NOT)

    @api.post("/me/start", openapi_extra=sends("OwnChannel"))
    async def start(request: Request) -> Response:
        """Start a channel, or all of them, again."""
        me = await _me(pages, request)
        body = read_act(request, await request.body(), ("channel",))
        await web.db.write(own.start, me, _needed(body, "channel"), web.now())
        return JSONResponse(await _told(pages, await _me(pages, request)), 200, _KEEP_NOT)

    @api.post("/me/registrations", status_code=202, openapi_extra=sends("OtherRegistration"))
    async def join(request: Request) -> Response:
        """Have a code sent to a contact of another registration of one's own, to join the two: it
        is confirmed by /registrations/confirm, signed in.
        """
        me = await _me(pages, request)
        body = read_act(request, await request.body(), ("channel", "address"))
        channel = registering.check_channel(_needed(body, "channel"), pages.offered())
        address = registering.new_address(channel, _needed(body, "address"), trial=pages.trial())
        language = str(me.known["language"])
        return await _Forms(pages).begin(request, several.PURPOSE, language, address)

    @api.post("/me/registrations/part")
    async def part(request: Request) -> Response:
        """Let one's registration stand apart from all others."""
        me = await _me(pages, request)
        await web.db.write(several.part, me.person, web.now())
        return JSONResponse(await _told(pages, await _me(pages, request)), 200, _KEEP_NOT)

    @api.post("/me/addresses", openapi_extra=sends("OwnAddress"))
    async def address(request: Request) -> Response:
        """Use another of one's addresses of a kind first, or take it away."""
        me = await _me(pages, request)
        body = read_act(request, await request.body(), ("kind", "address", "act"))
        kind, shown, act = (_needed(body, name) for name in ("kind", "address", "act"))
        if act not in ("first", "remove"):
            raise refuse("act_unknown", "there is no such act", "use first or remove", field="act")
        place = next((o.place for o in me.others() if (o.kind, o.address) == (kind, shown)), -1)
        turn = partial(own.reorder, remove=act == "remove")
        await web.db.write(turn, me, kind, place, shown, web.now())
        return JSONResponse(await _told(pages, await _me(pages, request)), 200, _KEEP_NOT)

    @api.post("/me/delete")
    async def delete(request: Request) -> Response:
        """Erase oneself for good."""
        me = await _me(pages, request)
        await web.db.write(own.delete, me, world=await pages.world(), now=web.now())
        await web.db.scrub()
        return JSONResponse({"deleted": True}, 200, _KEEP_NOT)

    @api.post("/me/sign-out-everywhere")
    async def sign_out(request: Request) -> Response:
        """End every session of one's own."""
        me = await _me(pages, request)
        ended = await web.db.write(own.end_all, me.person, web.now())
        return JSONResponse({"ended": ended}, 200, _KEEP_NOT)


async def _me(pages: Pages, request: Request) -> Own:
    """Return who shows a session. Raises Rejected (401 session_missing)."""
    given = request.headers.getlist("authorization")
    scheme, _, secret = (given[0] if len(given) == 1 else "").strip().partition(" ")
    web = pages.web
    found = None
    if scheme.lower() == "bearer" and secret.strip():
        found = await web.db.read(own.who, secret.strip(), web.now())
    if found is None:
        raise refuse(
            "session_missing",
            "there is no session of yours that stands",
            f"sign in by {PREFIX}/sign-in, and send the header Authorization: Bearer SESSION",
            field="Authorization",
            status=401,
        )
    return found


async def _told(pages: Pages, me: Own) -> dict[str, Any]:
    known = me.known
    others = await pages.web.db.read(several.of, me.person)
    return {
        "registrations": [
            {"kind": o.kind, "contacts": [{"channel": c, "address": a} for c, a in o.contacts]}
            for o in others
        ],
        "contacts": [
            {"channel": c.channel, "address": c.address, "used": c.chosen, "stopped": c.stopped}
            | {"bounced_at": c.bounced_at.isoformat() if c.bounced_at else None}
            for c in me.contacts()
        ],
        "addresses": [
            {"kind": o.kind, "address": o.address}
            | {"bounced_at": o.bounced_at.isoformat() if o.bounced_at else None}
            for o in me.others()
        ],
        "area": known["area"] or "",
        "topics": known["topics"],
        "minimum_severity": known["minimum_severity"],
        "language": known["language"],
        "other_languages": known["other_languages"],
        "quiet_hours": known["quiet_hours"],
        "most_a_week": int(known["most_a_week"]) if known["most_a_week"] else None,
        "discreet": me.is_discreet,
        "providers": [
            {"provider": each.key, "name": each.name, "wanted": each.wanted}
            for each in await pages.web.db.read(own.providers, known, known["language"])
        ],
        "by_topic": [
            {"topic": topic, "minimum_severity": each.severity, "channels": list(each.channels)}
            for topic, each in by_topic.known(";".join(known["by_topic"])).items()
        ],
        "places": [
            {
                "kind": each.kind,
                "area": f"{registering.POSTCODE}{each.postcode}" if each.postcode else each.area,
                "until": each.until.isoformat() if each.until else None,
            }
            for each in own.places_of(known, pages.web.now())
        ],
    }


def _needed(body: dict[str, Any], name: str) -> str:
    return text_field(body, name, missing=f"{name}_missing", fix=f"send {name}").strip()


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise refuse("field_type", f"{name} is no text", "put it in quotes", field=name)
    return value.strip()


def _wanted(body: dict[str, Any]) -> dict[str, Any]:
    """Return the choices that a program changes. Raises Rejected."""
    fields: dict[str, Any] = {}
    for name in body:
        if name == "by_topic":
            fields[name] = _by_topic(body)
        elif name == "places":
            fields[name] = _places(body)
        elif name == "discreet":
            fields[name] = "yes" if _yes_or_no(body, name) else "no"
        elif name == "most_a_week":
            fields[name] = _number(body, name)
        else:
            fields[name] = (_list if name in _LISTS else _text)(body, name)
    return fields


def _yes_or_no(body: dict[str, Any], name: str) -> bool:
    value = body[name]
    if not isinstance(value, bool):
        raise refuse("field_type", f"{name} is not true or false", "write true", field=name)
    return value


def _number(body: dict[str, Any], name: str) -> str:
    """Return a whole number as it is stored, "" for null. Raises Rejected."""
    value = body[name]
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        fix = "write a whole number, or null for none"
        raise refuse("field_type", f"{name} is no whole number", fix, field=name)
    return "" if value is None else str(value)[:10]


def _by_topic(body: dict[str, Any]) -> dict[str, OfTopic]:
    """Return what is chosen for single topics. Raises Rejected."""
    found = {}
    for each in _objects(body, "by_topic", ("topic", "minimum_severity", "channels")):
        topic = registering.check_topics([_text(each, "topic")])
        chosen = by_topic.checked(_text(each, "minimum_severity"), _list(each, "channels"))
        if topic in found:
            fix = "say it once, with its severity and channels"
            raise refuse("topic_twice", f"{topic} stands there twice", fix, field="by_topic")
        found[topic] = chosen
    return found


def _places(body: dict[str, Any]) -> list[OtherPlace]:
    """Return all one's other places. Raises Rejected."""
    found = []
    for each in _objects(body, "places", ("kind", "area", "until")):
        said = each.get("until")
        until = None if said is None else other_places.time(_text(each, "until"))
        found.append(own.other_place(_text(each, "kind"), _text(each, "area"), until))
    if len(found) > other_places.MOST:
        raise other_places.too_many()
    return found


def _objects(body: dict[str, Any], name: str, fields: tuple[str, ...]) -> list[dict[str, Any]]:
    value = body[name]
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        fix = f"write a list of {{{', '.join(fields)}}}"
        raise refuse("field_type", f"{name} is no list of objects", fix, field=name)
    for each in value:
        check_fields(each, fields)
    return value


def _list(body: dict[str, Any], name: str) -> list[str]:
    value = body.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise refuse("field_type", f"{name} is no list of words", "write a list", field=name)
    return value


_FIELDS: Final = (
    "area",
    "topics",
    "channel",
    "address",
    "language",
    "agree",
    "discreet",
    "visiting_until",
)
_LISTS: Final = ("topics", "channels", "other_languages", "providers_off")
_CHOICES: Final = (
    *_LISTS,
    "area",
    "minimum_severity",
    "language",
    "quiet_hours",
    "by_topic",
    "places",
    "most_a_week",
    "discreet",
)
_OUTCOMES: Final = (
    "registered",
    "signed_in",
    several.JOINED,
    several.NOBODY,
    several.SEVERAL,
)
_TOPICS: Final = {**list_of(words(TOPICS)), "minItems": 1}
_CHANNEL: Final = words(addresses.CHANNELS)
_OF_TOPIC: Final[Schema] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "topic": words(TOPICS),
        "minimum_severity": words(("", *SEVERITIES)),
        "channels": list_of(_CHANNEL),
    },
    "required": ["topic"],
}
_ELSEWHERE: Final[Schema] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "kind": words(other_places.KINDS),
        "area": {"type": "string", "minLength": 1, "maxLength": 100},
        "until": or_null(TIME),
    },
    "required": ["kind", "area"],
}
_ADDRESS: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": addresses.LONGEST}
_SECRET: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 100}


def _sent(
    fields: Mapping[str, Schema], required: tuple[str, ...], example: dict[str, Any]
) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": dict(fields),
        "required": list(required),
        "example": example,
    }


COMPONENTS: Final[Mapping[str, Schema]] = {
    "NewRegistration": _sent(
        {
            "area": TEXT,
            "topics": _TOPICS,
            "channel": _CHANNEL,
            "address": _ADDRESS,
            "language": words(list(PACKS)),
            "agree": {"type": "boolean", "const": True},
            "discreet": {"type": "boolean"},
            "visiting_until": TIME,
        },
        ("area", "topics", "channel", "address", "agree"),
        {
            "area": "E09000033",
            "topics": ["incident", "appeal"],
            "channel": "email",
            "address": "ada@example.org",
            "agree": True,
        },
    ),
    "SignIn": _sent({"address": _ADDRESS}, ("address",), {"address": "ada@example.org"}),
    "RegistrationSecret": _sent(
        {"registration": _SECRET}, ("registration",), {"registration": "tVn0"}
    ),
    "RegistrationCode": _sent(
        {"registration": _SECRET, "code": {"type": "string", "minLength": 1, "maxLength": 40}},
        ("registration", "code"),
        {"registration": "tVn0", "code": "123456"},
    ),
    "OwnChoices": _sent(
        {
            "area": TEXT,
            "topics": _TOPICS,
            "channels": {**list_of(_CHANNEL), "minItems": 1},
            "minimum_severity": TEXT,
            "language": words(list(PACKS)),
            "other_languages": {**list_of(words(list(PACKS))), "maxItems": MOST_LANGUAGES},
            "quiet_hours": TEXT,
            "most_a_week": or_null({"type": "integer", "minimum": 1, "maximum": MOST_A_WEEK}),
            "discreet": {"type": "boolean"},
            "providers_off": list_of(TEXT),
            "by_topic": {**list_of(_OF_TOPIC), "maxItems": len(TOPICS)},
            "places": {**list_of(_ELSEWHERE), "maxItems": other_places.MOST},
        },
        (),
        {
            "topics": ["incident", "appeal"],
            "by_topic": [{"topic": "appeal", "minimum_severity": "Severe", "channels": ["email"]}],
            "quiet_hours": "22:00-07:00 Europe/London",
        },
    ),
    "OwnChannel": _sent(
        {"channel": words(("all", *PERSONAL_CHANNELS))}, ("channel",), {"channel": "all"}
    ),
    "OwnAddress": _sent(
        {"kind": words(KINDS), "address": TEXT, "act": words(("first", "remove"))},
        ("kind", "address", "act"),
        {"kind": "email", "address": "a…@example.org", "act": "first"},
    ),
    "Registration": an_object({"registration": TEXT, "expires_at": TIME}, ("expires_at",)),
    "RegistrationConfirmed": an_object(
        {"outcome": words(_OUTCOMES), "session": TEXT}, ("session",)
    ),
    "OtherRegistration": _sent(
        {"channel": _CHANNEL, "address": _ADDRESS},
        ("channel", "address"),
        {"channel": "email", "address": "kiosk@example.org"},
    ),
    "Own": an_object(
        {
            "registrations": list_of(
                an_object(
                    {
                        "kind": words(SUBSCRIBER_KINDS),
                        "contacts": list_of(an_object({"channel": _CHANNEL, "address": TEXT})),
                    }
                )
            ),
            "contacts": list_of(
                an_object(
                    {"channel": _CHANNEL, "address": TEXT, "used": YES, "stopped": YES}
                    | {"bounced_at": or_null(TIME)}
                )
            ),
            "addresses": list_of(
                an_object({"kind": words(KINDS), "address": TEXT, "bounced_at": or_null(TIME)})
            ),
            "area": TEXT,
            "topics": list_of(words(TOPICS)),
            "minimum_severity": TEXT,
            "language": TEXT,
            "other_languages": list_of(TEXT),
            "quiet_hours": TEXT,
            "most_a_week": or_null(NUMBER),
            "discreet": YES,
            "providers": list_of(an_object({"provider": TEXT, "name": TEXT, "wanted": YES})),
            "places": list_of(
                an_object({"kind": words(other_places.KINDS), "area": TEXT, "until": or_null(TIME)})
            ),
            "by_topic": list_of(
                an_object(
                    {
                        "topic": words(TOPICS),
                        "minimum_severity": TEXT,
                        "channels": list_of(_CHANNEL),
                    }
                )
            ),
        }
    ),
    "AnswerByLink": _sent(
        {
            "link": {"type": "string", "minLength": 1, "maxLength": 100},
            "answer": {"type": "string", "minLength": 1, "maxLength": LONGEST},
        },
        ("link", "answer"),
        {"link": "kz7dajyvdsptotlxmmwbz2h3vo5mgm57vy", "answer": "I saw a white van at nine."},
    ),
    "AnswerKept": an_object({"kept": YES}),
    "KeptHere": an_object(
        {"kept": list_of(an_object({"kind": TEXT, "seconds": or_null(NUMBER), "words": TEXT}))}
    ),
    "Deleted": an_object({"deleted": YES}),
    "SignedOut": an_object({"ended": NUMBER}),
}
"""What is sent to these routes and what they answer: components of /openapi.json."""

ANSWERS: Final[Mapping[tuple[str, str], Schema]] = {
    ("get", f"{PREFIX}/kept"): ref("KeptHere"),
    ("post", f"{PREFIX}/registrations"): ref("Registration"),
    ("post", f"{PREFIX}/registrations/again"): ref("Registration"),
    ("post", f"{PREFIX}/registrations/confirm"): ref("RegistrationConfirmed"),
    ("post", f"{PREFIX}/sign-in"): ref("Registration"),
    ("post", f"{PREFIX}/answers"): ref("AnswerKept"),
    ("get", f"{PREFIX}/me"): ref("Own"),
    ("patch", f"{PREFIX}/me"): ref("Own"),
    ("post", f"{PREFIX}/me/stop"): ref("Own"),
    ("post", f"{PREFIX}/me/start"): ref("Own"),
    ("post", f"{PREFIX}/me/registrations"): ref("Registration"),
    ("post", f"{PREFIX}/me/registrations/part"): ref("Own"),
    ("post", f"{PREFIX}/me/addresses"): ref("Own"),
    ("post", f"{PREFIX}/me/delete"): ref("Deleted"),
    ("post", f"{PREFIX}/me/sign-out-everywhere"): ref("SignedOut"),
}
