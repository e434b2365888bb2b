"""People over HTTP: one by one, and by file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from broadcast.operators import look_ups, operators
from broadcast.problems import Rejected, refuse
from broadcast.store.database import Connection
from console.api.acting import FILE, Asked, answer_once, take_file
from console.api.bodies import read_act, text_field
from console.api.setup.bodies import CSV, sends, sends_file
from console.server.context import Web, web_of
from service.commands.unit_of_work import Act
from service.idempotency import Answered
from service.problem_documents import problem_json
from service.setup import people, people_by_file, people_meant
from subscribers.people_file.record import COLUMNS
from subscribers.registry import listing

_FIELDS = (*COLUMNS, "basis")
MOST_JOINED = 20
"""So many registrations are joined with one in one call."""


def router(_web: Web) -> APIRouter:
    """Return the routes of people; to change them is for administrators."""
    api = APIRouter(tags=["people"])
    api.post(
        "/subscribers/import",
        openapi_extra=sends_file(csv="external_id,mobile,lat,lon\nr-1,07700 900001,51.5,-0.1\n"),
    )(bring_in)
    api.post("/subscribers/find", openapi_extra=sends("Find"))(find)
    api.post("/subscribers", status_code=201, openapi_extra=sends("NewSubscriber"))(add)
    api.get("/subscribers/{subscriber}")(show)
    api.patch("/subscribers/{subscriber}", openapi_extra=sends("SubscriberChange"))(edit)
    api.post("/subscribers/{subscriber}/stop", openapi_extra=sends("Stop"))(stop)
    api.post("/subscribers/{subscriber}/erase", openapi_extra=sends("Erase"))(erase)
    api.post("/subscribers/{subscriber}/join", openapi_extra=sends("Join"))(join)
    api.post("/subscribers/{subscriber}/part", openapi_extra=sends("Erase"))(part)
    api.post("/subscribers/{subscriber}/start", openapi_extra=sends("Start"))(start)
    return api


async def _world(web: Web) -> people.World:
    return people.World(
        tree=await web.context.tree(), trial_numbers=web.settings.allows_trial_numbers
    )


async def bring_in(
    request: Request,
    basis: str | None = None,
    fix: str | None = None,
    dry_run: str | None = None,
) -> Response:
    """Import or renew people from the subscribers CSV: all of the file or nothing, every error
    in one pass; for administrators without area. `fix` gives numbers back the zero that a
    spreadsheet took. With `dry_run` the answer says what the file would change, and nothing is
    stored.
    """
    prepare = partial(_brought_in, basis=basis, fix=fix, dry_run=dry_run)
    return await take_file(request, prepare, CSV)


async def _brought_in(
    asked: Asked, *, basis: str | None, fix: str | None, dry_run: str | None
) -> Answered[Any]:
    web, trial = asked.web, _switch(dry_run, "dry_run")
    agreed = people.check_reason(basis or "", "basis")
    known = await _world(web)
    found = await web.context.apart(
        people_by_file.read_file,
        asked.body,
        name=FILE,
        trial_numbers=known.trial_numbers,
        areas=frozenset(a.code for a in known.tree.all()),
        fix=_switch(fix, "fix"),
    )
    if found.problems:
        raise Rejected(found.problems)
    warnings = [
        *found.warnings,
        *people_by_file.places_outside(known.tree, found.people, FILE),
        *await web.db.read(people_by_file.cautions, found, FILE),
    ]

    def write(conn: Connection) -> dict[str, int]:
        store = people_by_file.try_in if trial else people_by_file.bring_in
        return store(conn, asked.actor, found, basis=agreed, name=FILE, now=web.now())

    def answer(_conn: Connection, counts: Any) -> dict[str, Any]:
        said: dict[str, Any] = {"dry_run": True} if trial else {}
        said |= {"people": len(found.people), **counts, "merged": found.merged}
        return said | {"warnings": [problem_json(p) for p in warnings]}

    return Answered(act=Act(write), answer=answer)


async def add(request: Request) -> Response:
    """Register one person with their consent; for administrators, and recorded."""
    return await answer_once(request, "administer", _added)


async def _added(asked: Asked) -> Answered[Any]:
    fields = asked.fields(*_FIELDS)
    basis, known, now = _basis(fields), await _world(asked.web), asked.web.now()
    return _told(
        lambda conn: people.add(conn, asked.actor, fields, basis=basis, world=known, now=now),
        status=201,
    )


async def show(request: Request, subscriber: str) -> Response:
    """Return one person, by number or external id: for administrators whole, for auditors with
    numbers, addresses and name masked; recorded.
    """
    web = web_of(request)
    actor = await web.actor(request)
    operators.require(actor, "see_what_is_set_up")
    await web.db.read(look_ups.check, actor, look_ups.SHOWN, web.now())
    known = await _world(web)

    def look(conn: Connection) -> dict[str, Any]:
        found = people.find(conn, actor, subscriber, known)
        look_ups.record(conn, actor, look_ups.SHOWN, subject=str(found["id"]), now=web.now())
        return found

    found = await web.db.write(look)
    return JSONResponse(listing.masked(found) if actor.role == "auditor" else found)


async def find(request: Request) -> Response:
    """Return for each external id, telephone number or e-mail address that is written who is meant,
    names and contacts masked; for administrators without area, and recorded. Nothing is changed and
    no answer is kept, so it takes no Idempotency-Key.
    """
    web = web_of(request)
    actor = await web.actor(request)
    operators.require(actor, "administer")
    written = people_meant.check(
        read_act(request, await request.body(), ("written",)).get("written")
    )
    trial = web.settings.allows_trial_numbers
    found = await web.db.write(
        people_meant.find, actor, written, trial_numbers=trial, now=web.now()
    )
    return JSONResponse(people_meant.told(found))


async def edit(request: Request, subscriber: str) -> Response:
    """Change some fields of one person; for administrators, and recorded."""
    web = web_of(request)
    actor = await web.actor(request)
    fields = read_act(request, await request.body(), _FIELDS)
    operators.require(actor, "administer")
    basis = _basis(fields, required=False)
    known = await _world(web)
    person, warnings = await web.db.write(
        people.edit, actor, subscriber, fields, basis=basis, world=known, now=web.now()
    )
    return JSONResponse({**person, "warnings": [problem_json(p) for p in warnings]})


async def stop(request: Request, subscriber: str) -> Response:
    """Stop a channel for one person, as they asked; for administrators, and recorded."""
    return await answer_once(request, "administer", partial(_stopped, subscriber=subscriber))


async def _stopped(asked: Asked, *, subscriber: str) -> Answered[Any]:
    channel = _channel(asked.fields("channel"))
    known, now = await _world(asked.web), asked.web.now()
    return _told(
        lambda conn: people.stop(conn, asked.actor, subscriber, channel, world=known, now=now)
    )


async def start(request: Request, subscriber: str) -> Response:
    """Lift a person's stop, who asked for it; for administrators, and recorded."""
    return await answer_once(request, "administer", partial(_started, subscriber=subscriber))


async def _started(asked: Asked, *, subscriber: str) -> Answered[Any]:
    said = asked.fields("channel", "why")
    channel = _channel(said)
    why = text_field(said, "why", missing="why_missing", fix="say on whose word")
    known, now = await _world(asked.web), asked.web.now()
    return _told(
        lambda conn: people.start(conn, asked.actor, subscriber, channel, why, world=known, now=now)
    )


async def join(request: Request, subscriber: str) -> Response:
    """Say that several registrations are one person, who gets a routine message once; for
    administrators, and recorded.
    """
    return await answer_once(request, "administer", partial(_joined, subscriber=subscriber))


async def _joined(asked: Asked, *, subscriber: str) -> Answered[Any]:
    said = asked.fields("with", "why")
    others = said.get("with")
    if not isinstance(others, list) or not all(isinstance(each, str | int) for each in others):
        raise refuse("field_type", "with is no list", "write a list of numbers", field="with")
    if len(others) > MOST_JOINED:
        raise refuse("too_many", f"more than {MOST_JOINED} are named", "name fewer", field="with")
    why = text_field(said, "why", missing="why_missing", fix="say on whose word")
    known, now = await _world(asked.web), asked.web.now()
    return _told(
        lambda conn: people.join(conn, asked.actor, subscriber, others, why, world=known, now=now)
    )


async def part(request: Request, subscriber: str) -> Response:
    """Say that a registration is a person of its own; for administrators, and recorded."""
    return await answer_once(request, "administer", partial(_parted, subscriber=subscriber))


async def _parted(asked: Asked, *, subscriber: str) -> Answered[Any]:
    why = text_field(asked.fields("why"), "why", missing="why_missing", fix="say on whose word")
    known, now = await _world(asked.web), asked.web.now()
    return _told(lambda conn: people.part(conn, asked.actor, subscriber, why, world=known, now=now))


async def erase(request: Request, subscriber: str) -> Response:
    """Erase one person for good, as they asked; for administrators, and recorded."""
    answer = await answer_once(request, "administer", partial(_erased, subscriber=subscriber))
    if answer.status_code == 200:
        await web_of(request).db.scrub()
    return answer


async def _erased(asked: Asked, *, subscriber: str) -> Answered[Any]:
    why = text_field(
        asked.fields("why"), "why", missing="why_missing", fix="say on whose word: it is recorded"
    )
    known, now = await _world(asked.web), asked.web.now()
    return Answered(
        act=Act(
            lambda conn: people.erase(conn, asked.actor, subscriber, why, world=known, now=now)
        ),
        answer=lambda _conn, told: told,
    )


def _channel(said: dict[str, Any]) -> str:
    return text_field(said, "channel", missing="channel_missing", fix="say sms, voice or email")


def _told(
    do: Callable[[Connection], tuple[dict[str, Any], Any]], *, status: int = 200
) -> Answered[Any]:
    """Return the act on one person: its answer is the person, with the warnings of what was read
    or whether anything was changed.
    """

    def answer(_conn: Connection, done: Any) -> dict[str, Any]:
        person, more = done
        if isinstance(more, bool):
            return {**person, "changed": more}
        return {**person, "warnings": [problem_json(p) for p in more]}

    return Answered(act=Act(do), answer=answer, status=status, about=lambda done: done[0]["id"])


def _basis(fields: dict[str, Any], *, required: bool = True) -> str:
    """Take the basis out of the fields of a person."""
    if not required and fields.get("basis") is None:
        fields.pop("basis", None)
        return ""
    basis = text_field(
        fields, "basis", missing="basis_missing", fix="say on what legal basis they are sent to"
    )
    del fields["basis"]
    return people.check_reason(basis, "basis")


def _switch(text: str | None, field: str) -> bool:
    if text in (None, "false", "0"):
        return False
    if text in ("true", "1"):
        return True
    fix = f"write {field}=true, or leave it out"
    raise refuse("field_type", f"{field} is no switch", fix, field=field)
