"""How the machine is (channels, processes, what waits), what was put aside, and files of areas and
people brought in, with every error of theirs as a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.content.model import PERSONAL_CHANNELS
from broadcast.events import dead_letters
from broadcast.events.dead_letters import DeadLetter
from broadcast.ledger import gauges, liveness
from broadcast.messages import versions
from broadcast.operators import audit, operators
from broadcast.places.areas import LEVELS
from broadcast.places.files.columns import AreaFields
from broadcast.places.files.reading import parse_area_file
from broadcast.problems import Problem, Rejected, refuse
from broadcast.store.database import Connection
from console.room import acting, home, naming, showing
from console.room.frame import Form, Room
from service.commands.unit_of_work import Act
from service.setup import people, people_by_file, places, upkeep
from service.sign_in import Signed

ALIVE = timedelta(seconds=15)
STATUSES = ("Actual", "Exercise", "Test")
PASTED = "the pasted file"


def attach(api: APIRouter, room: Room) -> None:
    """Add the routes."""
    _attach_health(api, room)
    _attach_imports(api, room)


def _attach_health(api: APIRouter, room: Room) -> None:
    web = room.web

    async def page(signed: Signed, problems: tuple[Any, ...] = ()) -> Response:
        operators.require(signed.operator, "read")
        now = web.now()
        mine = operators.PERMISSIONS[signed.operator.role]
        may = "administer" in mine
        letters = await web.db.read(dead_letters.listed)
        if "see_what_is_set_up" not in mine:  # whom an alarm is about must not learn of it
            letters = [each for each in letters if each.what != dead_letters.LOOK_UPS]
        return room.page(
            "health.html",
            signed,
            status=problems[0].status if problems else 200,
            title="Health",
            strip=home.shown_to(signed.operator, await home.health(room)),
            channels=[
                (c, [(s, c in web.context.channels_on(s)) for s in STATUSES])
                for c in PERSONAL_CHANNELS
            ],
            workers=await web.db.read(liveness.seen),
            counted=await web.db.read(gauges.look, now - ALIVE),
            topics=[
                (naming.event(each), each, n)
                for each, n in (await web.db.read(gauges.waiting_by_topic)).items()
            ],
            slices=await web.db.read(gauges.open_by_channel),
            most=gauges.CAP,
            head=await web.db.read(audit.head),
            letters=letters,
            texts=await web.db.read(_texts, letters),
            names=await showing.actors(room, {each.closed_by for each in letters}),
            forms={
                each.id: {
                    act: room.form(signed, f"/room/dead-letters/{each.id}/{act}")
                    for act in (("retry", "close") if each.can_be_retried else ("close",))
                }
                for each in letters
                if may and each.closed_at is None
            },
            problems=problems,
        )

    async def show(_request: Request, signed: Signed) -> Response:
        return await page(signed)

    async def act(request: Request, signed: Signed, *, again: bool) -> Response:
        form = await room.read(request, signed)
        operators.require(signed.operator, "administer")
        text = request.path_params["id"]
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
        why = form.one("why")

        async def make() -> Act[Any]:
            now, who = web.now(), signed.operator
            if again:
                return Act(lambda c: upkeep.retry_dead_letter(c, who, number, now=now))
            return Act(lambda c: upkeep.close_dead_letter(c, who, number, why=why, now=now))

        try:
            await acting.act(room, request, signed, form, make)
        except Rejected as rejected:
            return await page(signed, tuple(rejected.problems))
        return room.go("/room/health")

    room.add(api, "GET", "/room/health", show)
    room.add(api, "POST", "/room/dead-letters/{id}/close", partial(act, again=False))
    room.add(api, "POST", "/room/dead-letters/{id}/retry", partial(act, again=True))


def _texts(conn: Connection, letters: Sequence[DeadLetter]) -> dict[int, str]:
    """Return by letter which text could not be laid out: its message, channel and language. One of
    a version that nobody knows any more keeps its key.
    """
    keys = {
        each.id: each.key.split("/") for each in letters if each.what == dead_letters.RENDER_FAILED
    }
    ids = {int(key[0]) for key in keys.values() if len(key) == 3 and key[0].isdigit()}
    known = {str(v.id): v for v in versions.of_ids(conn, ids)}
    return {
        number: f"message {v.message_id} version {v.number}, {naming.word(key[1]).lower()},"
        f" {naming.language(key[2])}"
        for number, key in keys.items()
        if (v := known.get(key[0])) is not None
    }


_TYPED = ("level", "basis", "areas", "people")
"""What was typed is shown again where nothing was stored, the pasted files too."""


def _attach_imports(api: APIRouter, room: Room) -> None:
    web = room.web

    async def page(
        signed: Signed,
        problems: tuple[Problem, ...] = (),
        typed: dict[str, str] | None = None,
        done: dict[str, Any] | None = None,
        warnings: list[Problem] | None = None,
        *,
        tried: bool = False,
    ) -> Response:
        operators.require(signed.operator, "administer")
        return room.page(
            "import.html",
            signed,
            status=problems[0].status if problems else 200,
            title="Bring in areas and people",
            levels=LEVELS,
            typed={name: (typed or {}).get(name, "") for name in _TYPED},
            forms={kind: room.form(signed, f"/room/import/{kind}") for kind in ("areas", "people")},
            faults=problems,
            done=done,
            tried=tried,
            warnings=warnings or [],
        )

    async def show(_request: Request, signed: Signed) -> Response:
        return await page(signed)

    async def areas(signed: Signed, form: Form) -> tuple[Act[Any], list[Problem]]:
        level = form.one("level")
        if level not in LEVELS:
            raise refuse("level_missing", "the level is missing", "choose one", field="level")
        records, warnings = await web.context.apart(
            parse_area_file, _file(form), PASTED, level, AreaFields()
        )

        def write(conn: Connection) -> dict[str, Any]:
            counts, settled = places.bring_in(
                conn, signed.operator, records, name=PASTED, level=level, now=web.now()
            )
            return {**counts, "officers and partners kept by area": settled}

        return Act(write), warnings

    async def persons(signed: Signed, form: Form) -> tuple[Act[Any], list[Problem]]:
        basis = people.check_reason(form.one("basis"), "basis")
        tree = await web.context.tree()
        found = await web.context.apart(
            people_by_file.read_file,
            _file(form),
            name=PASTED,
            trial_numbers=web.settings.allows_trial_numbers,
            areas=frozenset(a.code for a in tree.all()),
            fix=False,
        )
        if found.problems:
            raise Rejected(found.problems)
        warnings = [
            *found.warnings,
            *people_by_file.places_outside(tree, found.people, PASTED),
            *await web.db.read(people_by_file.cautions, found, PASTED),
        ]
        store = people_by_file.try_in if _is_trial(form) else people_by_file.bring_in

        def write(conn: Connection) -> dict[str, Any]:
            counts = store(conn, signed.operator, found, basis=basis, name=PASTED, now=web.now())
            own = counts.pop("own_choices_changed")
            return {**counts, "whose own choices were changed": own}

        return Act(write), warnings

    async def bring(request: Request, signed: Signed, kind: str) -> Response:
        form = await room.read(request, signed)
        operators.require(signed.operator, "administer")
        typed = {"level": form.one("level"), "basis": form.one("basis"), kind: form.one("file")}
        tried = kind == "people" and _is_trial(form)
        kept: list[Problem] = []

        async def make() -> Act[Any]:
            act, warnings = await (areas if kind == "areas" else persons)(signed, form)
            kept.extend(warnings)
            return act

        try:
            done = await acting.act(room, request, signed, form, make, dict)
        except Rejected as rejected:
            return await page(signed, tuple(rejected.problems), typed)
        # a trial leaves everything as it was typed, to be brought in with the next press
        return await page(signed, (), typed if tried else None, done, kept, tried=tried)

    room.add(api, "GET", "/room/import", show)
    for kind in ("areas", "people"):
        room.add(api, "POST", f"/room/import/{kind}", partial(bring, kind=kind))


def _is_trial(form: Form) -> bool:
    return form.one("do") == "try"


def _file(form: Form) -> bytes:
    text = form.one("file")
    if not text:
        raise refuse("file_empty", "the file is empty", "paste it, or choose it", field="file")
    return (text + "\n").encode()
