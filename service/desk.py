"""The desk of a control room: what a person can do, the same for the command line and for HTTP.

Every act takes the operator who does it; role, area and state are checked here and below, never by
the caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from pyroaring import BitMap

from broadcast.content.model import PERSONAL_CHANNELS, Content
from broadcast.content.text_rules import warnings
from broadcast.groups import registered
from broadcast.ledger import audiences, claims, delivery_report, passes
from broadcast.messages import (
    advice,
    authoring,
    publishing,
    readers,
    resends,
    rooms,
    small_counts,
    versions,
)
from broadcast.messages.publishing import House
from broadcast.messages.resends import Resend
from broadcast.messages.rooms import Guard
from broadcast.messages.versions import Resolved, Version
from broadcast.operators import look_ups, operators
from broadcast.operators.operators import Operator
from broadcast.places.areas import AreaTree
from broadcast.places.areas import revision as areas_revision
from broadcast.places.geometry import check_place, shape_of, to_wkb
from broadcast.problems import Problem, Rejected, refuse
from broadcast.store.database import Connection, Database
from service.reading import unready
from subscribers import audience, registry
from subscribers.matcher import Matcher, audience_of, rule_for

T = TypeVar("T")


class Pool(Protocol):
    """Worker processes that do pure work on what a stranger sent, within a deadline."""

    async def run(self, work: Callable[..., T], *args: Any, **more: Any) -> T:
        """Return what the work returns; raises Rejected where it refuses or takes too much."""
        ...


_COSTLY = ThreadPoolExecutor(2, thread_name_prefix="costly")
"""For unions, counting and explaining: numpy and GEOS, which let go of the interpreter's lock
meanwhile.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a preview or a submission looked at: the places, the numbers, and what a person should
    know before going on.
    """

    resolved: Resolved
    counts: dict[str, Any]
    warnings: tuple[Problem, ...]

    @property
    def people(self) -> int:
        """How many people would be sent to."""
        return int(self.counts["send"])

    def shown(self, v: Version) -> dict[str, Any]:
        """Return the numbers as a person may read them: where a shape was drawn, none tells where
        few people are.
        """
        return small_counts.preview(self.counts, v.content)


class Desk:
    """Binds the store, the areas and the registry of one installation. `now` is the clock."""

    def __init__(
        self,
        db: Database,
        house: House,
        *,
        channels_on: Callable[[str], frozenset[str]],
        sender_name: str,
        public_url: str,
        matcher: Matcher | None = None,
        pool: Pool | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.db, self.house, self.channels_on = db, house, channels_on
        self.sender_name, self.public_url, self.now = sender_name, public_url, now
        self.matcher = matcher or Matcher(db, channels_on)
        self.pool = pool
        self._tree: AreaTree | None = None

    async def apart(self, work: Callable[..., T], *args: Any, **more: Any) -> T:
        """Do pure work on what a stranger sent: in a worker process where there is a pool, else on
        a thread.
        """
        if self.pool is not None:
            return await self.pool.run(work, *args, **more)
        return await self._aside(work, *args, **more)

    async def _aside(self, work: Callable[..., T], *args: Any, **more: Any) -> T:
        """Do costly work on one of two threads: it never takes those that hold, cancel and webhooks
        use.
        """
        return await asyncio.get_running_loop().run_in_executor(
            _COSTLY, partial(work, *args, **more)
        )

    async def actor(self, token: str) -> Operator:
        """Return whose token it is; raises Rejected (401 token_invalid)."""
        found = await self.db.read(operators.by_token, token.strip()) if token.strip() else None
        if found is None:
            raise Rejected(
                Problem(
                    code="token_invalid",
                    detail="this is no operator's token",
                    fix=(
                        "use the token that `fasttime operators add` printed; a disabled operator's"
                        " is worthless"
                    ),
                    field="FASTTIME_TOKEN",
                    status=401,
                )
            )
        return found

    async def tree(self) -> AreaTree:
        """Return the areas as imported now."""
        if self._tree is None or self._tree.revision != await self.db.read(areas_revision):
            self._tree = await self.db.read(AreaTree.load)
        return self._tree

    # writing
    # ------------------------------------------------------------

    async def draft(self, actor: Operator, content: Content) -> Version:
        """Start a message."""
        guard = await self._all_inside(actor, "draft", (content, actor.area))
        await self._known_groups(content)
        await self._places(content, actor.area, actor)
        return await self.db.write(_guarded, guard, authoring.create, content, self.now())

    async def edit(self, actor: Operator, message_id: int, content: Content) -> Version:
        """Replace a draft's text; what stood there and what shall stand there must both be the
        actor's to write.
        """
        operators.require(actor, "edit")
        v = await self.head(message_id)
        guard = await self._all_inside(actor, "edit", (v.content, v.room), (content, v.room), v=v)
        await self._known_groups(content)
        await self._places(content, v.room, actor)
        return await self.db.write(_guarded, guard, authoring.edit, message_id, content, self.now())

    async def follow(
        self, actor: Operator, message_id: int, action: str, content: Content
    ) -> Version:
        """Draft an update, a correction or an all-clear."""
        operators.require(actor, action)
        v = await self.head(message_id)
        guard = await self._all_inside(
            actor, action, (v.content, v.room), (content, actor.area), v=v
        )
        await self._known_groups(content)
        await self._places(content, actor.area, actor)
        return await self.db.write(
            _guarded, guard, authoring.follow, message_id, action, content, self.now()
        )

    async def base_of(self, message_id: int) -> Content:
        """Return the content that an update, correction or all-clear starts from; its kind is that
        of the message's first version.
        """
        existing = await self.db.read(versions.of_message, message_id)
        published = versions.newest_published(existing) or existing[-1]
        return replace(published.content, kind=existing[0].kind)

    async def edited_from(self, message_id: int) -> tuple[Content | None, str]:
        """Return what an edited text is read against: for a first version (None, ""), else the
        content it follows and how.
        """
        existing = await self.db.read(versions.of_message, message_id)
        v = versions.head(existing)
        if v.action == "new":
            return None, ""
        predecessor = next(p for p in existing if p.id == v.predecessor_id)
        return replace(predecessor.content, kind=existing[0].kind), v.action

    async def head(self, message_id: int) -> Version:
        """Return the version that an action on the message means."""
        return versions.head(await self.db.read(versions.of_message, message_id))

    async def readable(self, actor: Operator, message_id: int) -> list[Version]:
        """Return the versions of a message that the operator may read; raises Rejected (404) as if
        it were not there.
        """
        existing = await self.db.read(versions.of_message, message_id)
        if not await self.may_read(actor, existing):
            raise versions.unknown(message_id)
        return existing

    async def may_read(self, actor: Operator, existing: Sequence[Version]) -> bool:
        """Return whether the operator may know of this message."""
        if readers.reads_all(actor) or readers.is_open(existing):
            return True
        return await asyncio.to_thread(readers.concerns, await self.tree(), actor, existing)

    async def preview(self, actor: Operator | None, message_id: int) -> tuple[Version, Seen]:
        """Return who would be told, and what a person should know before submitting; changes
        nothing.
        """
        if actor is None:
            v = await self.head(message_id)
            return v, await self.look(v, actor)
        operators.require(actor, "read")
        await self.db.read(look_ups.check, actor, look_ups.PREVIEW, self.now())
        v = await self.head(message_id)
        seen = await self.look(v, actor)

        def told(conn: Connection) -> tuple[Version, Seen]:
            look_ups.record(
                conn,
                actor,
                look_ups.PREVIEW,
                subject=str(v.message_id),
                content=v.content,
                now=self.now(),
            )
            return v, seen

        return await self.db.write(told)

    async def submit(
        self, actor: Operator, message_id: int, accept: Sequence[str] = ()
    ) -> tuple[Version, Seen]:
        """Ask for approval of exactly what stands there, to exactly those people. `accept` names
        the warnings that the author accepts; the approver sees the others.
        """
        operators.require(actor, "submit")
        accepted = advice.check_accepted(accept)
        v = await self.head(message_id)
        guard = await self._all_inside(actor, "submit", (v.content, v.room), v=v)
        base, action = await self.edited_from(message_id)
        more: dict[str, Any] = {
            "sender_name": self.sender_name,
            "public_url": self.public_url,
            "now": self.now(),
        }
        problems = await self.apart(unready, v.content, base=base, action=action, **more)
        if problems:
            raise Rejected(problems)
        await self._known_groups(v.content)
        seen = await self.look(v, actor)
        found: dict[str, Any] = {
            "revision": v.revision,
            "resolved": seen.resolved,
            "count": seen.people,
            "wording_revision": self.house.wording,
            "margin": self.house.margin,
            "now": self.now(),
            "warned": advice.in_words(seen.warnings, accepted),
        }
        v = await self.db.write(_guarded, guard, _submitted, v.id, **found)
        return v, seen

    # deciding
    # ------------------------------------------------------------

    async def approve(self, actor: Operator, message_id: int, content_hash: str | None) -> Version:
        """Approve a version, or an ordered resend by its own digest: with that it goes out."""
        operators.require(actor, "approve")
        v = await self.head(message_id)
        guard = await self._all_inside(actor, "approve", (v.content, v.room), v=v)
        return await self.db.write(
            _guarded,
            guard,
            publishing.approve,
            message_id,
            content_hash=content_hash,
            house=self.house,
            now=self.now(),
        )

    async def send_back(self, actor: Operator, message_id: int, action: str, why: str) -> Version:
        """Return or reject."""
        operators.require(actor, action)
        v = await self.head(message_id)
        guard = await self._all_inside(actor, action, (v.content, v.room), v=v)
        return await self.db.write(
            _guarded, guard, authoring.send_back, message_id, action, why, self.now()
        )

    async def hold(self, actor: Operator, message_id: int) -> Version:
        """Claim for nobody any more, at once: for whoever has any place that the message goes
        to.
        """
        operators.require(actor, "hold")
        v = await self._acted_on(message_id, "hold")
        tree = None
        if actor.area is not None:
            tree = await self.tree()
            rooms.require_any(tree, actor, v.content, v.room)
        guard = rooms.guard(actor, "hold", tree, v)
        return await self.db.write(_guarded, guard, publishing.hold, message_id, self.now())

    async def resume(self, actor: Operator, message_id: int) -> Version:
        """Let a held version go on."""
        operators.require(actor, "resume")
        v = await self._acted_on(message_id, "resume")
        guard = await self._all_inside(actor, "resume", (v.content, v.room), v=v)
        return await self.db.write(_guarded, guard, publishing.resume, message_id, self.now())

    async def cancel(
        self, actor: Operator, message_id: int, why: str, reason: str = "other"
    ) -> tuple[Version, int]:
        """Cancel, for whoever has every place it goes to; returns how many people are being sent to
        at this moment.
        """
        operators.require(actor, "cancel")
        v = await self._acted_on(message_id, "cancel")
        guard = await self._all_inside(actor, "cancel", (v.content, v.room), v=v)
        more: dict[str, Any] = {
            "why": why,
            "reason": reason,
            "house": self.house,
            "now": self.now(),
        }
        return await self.db.write(_guarded, guard, publishing.cancel, message_id, **more)

    async def _acted_on(self, message_id: int, action: str) -> Version:
        """Return the version that hold, resume or cancel means: the newest one that it may
        change.
        """
        existing = await self.db.read(versions.of_message, message_id)
        return publishing.acted_on(existing, action)

    async def _all_inside(
        self,
        actor: Operator,
        permission: str,
        *texts: tuple[Content, str | None],
        v: Version | None = None,
    ) -> Guard:
        """Return the guard of an act for which every place of these (content, control room) must be
        the actor's.
        """
        operators.require(actor, permission)
        if actor.area is None:
            return rooms.guard(actor, permission, v=v)
        tree = await self.tree()
        for content, room in texts:
            if permission == "cancel":  # never behind the previews of others
                await asyncio.to_thread(rooms.require_all, tree, actor, content, room)
            else:
                await self._aside(rooms.require_all, tree, actor, content, room)
        return rooms.guard(actor, permission, tree, v)

    async def resend(self, actor: Operator, message_id: int, only: tuple[str, ...]) -> Resend:
        """Order a further delivery attempt to those who failed or are in doubt; another person
        approves it by its digest.
        """
        operators.require(actor, "resend")
        unknown = [line for line in only if line not in ("failed", "in_doubt")]
        if unknown or not only:
            raise refuse(
                "only_unknown",
                f"{', '.join(unknown) or 'nothing'} cannot be sent to again",
                "use --only failed, --only in_doubt or --only failed,in_doubt: never the delivered",
                field="only",
            )
        v = await self._acted_on(message_id, "resend")
        guard = await self._all_inside(actor, "resend", (v.content, v.room), v=v)
        now = self.now()

        def order(conn: Connection, actor: Operator) -> Resend:
            published = versions.newest_published(versions.of_message(conn, message_id))
            if published is None:
                raise refuse(
                    "state_conflict",
                    "nothing of this message was published yet",
                    "approve it first",
                    field="state",
                    status=409,
                )
            wanted = passes.resend_members(
                conn, published, only, delivery_report.account(conn, published).channels, now
            )
            people = len(BitMap().union(*wanted.values())) if wanted else 0
            publishing.order_resend(
                conn,
                actor,
                message_id,
                only=",".join(only),
                members=passes.pack(wanted),
                people=people,
                now=now,
            )
            ordered = resends.waiting(conn, message_id)
            assert ordered is not None
            return ordered

        return await self.db.write(_guarded, guard, order)

    # looking
    # ------------------------------------------------------------

    async def sees(self, actor: Operator, found: dict[str, Any]) -> bool:
        """Return whether a person, as the registry shows them, is known to be in the operator's
        area.
        """
        if actor.area is None:
            return True
        tree = await self.tree()
        inside = tree.descendants(actor.area)
        here = (
            ()
            if found["lat"] is None or found["lon"] is None
            else tree.locate(found["lat"], found["lon"])
        )
        return found["area"] in inside or any(area.code in inside for area in here)

    async def explain(
        self, message_id: int, person: int | str, actor: Operator | None = None
    ) -> dict[str, Any]:
        """Return the rule trace of one person: area hit, audience, preference, consent, channels,
        every attempt, the line and its reason.

        `person` is a subscriber id or an external id. The frozen audience decides where there is
        one; the rule as the registry stands now, at the hour of the freezing, explains it. `actor`:
        who asks, and gets to know of people in their area only; None is the machine's
        administrator. Raises Rejected: 404 for a message or person that is not there, 409
        not_published for a drawn shape that nobody approved.
        """
        existing = await self.db.read(versions.of_message, message_id)
        v = versions.newest_published(existing) or existing[-1]
        if actor is not None and not v.published and small_counts.drawn(v.content):
            # Who may edit a shape and ask of one person again would know where that person lives
            # after a few steps.
            detail = "a shape that was not published yet is not explained person by person"
            raise refuse(
                "not_published",
                detail,
                "look at its preview, or ask after the approval",
                field="state",
                status=409,
            )
        found = await self.db.read(registry.show, person)
        if found is None or (actor is not None and not await self.sees(actor, found)):
            raise refuse(
                "subscriber_unknown",
                "nobody has this id",
                "use the id or external_id that `fasttime subscribers show` knows",
                field="subscriber",
                status=404,
            )
        person_id = int(found["id"])
        tree = await self.tree()
        resolved = (
            v.resolved
            if v.content_hash is not None or v.published
            else (await self._places(v.content, v.room, None))[0]
        )
        index, _ = await self.matcher.index()
        # Quiet hours are told as they were judged; before that, as they would be now.
        at = await self.db.read(audiences.frozen_at, v.id) or self.now()
        rule = await self.db.read(rule_for, v, self.channels_on, resolved, at=at)
        trace = await self._aside(
            audience.reasons, index, rule, person_id, tree=tree, content=v.content
        )
        attempts = await self.db.read(claims.attempts_of, v.id, person_id)
        account = await self.db.read(delivery_report.account, v)
        line, reason = account.of_person(person_id)
        if line is None:  # not in the frozen audience, or nothing is frozen yet
            reason = "" if trace.outcome == "send" else trace.outcome
        return {
            "message": message_id,
            "version": v.number,
            "subscriber": person_id,
            "steps": [
                {"name": s.name, "passed": s.passed, "detail": s.detail} for s in trace.steps
            ],
            "verdict_now": trace.outcome,
            "channels": list(trace.channels),
            "language": trace.language,
            "attempts": attempts,
            "line": line,
            "channel_lines": account.channels_of(person_id),
            "reason": reason,
        }

    async def look(self, v: Version, actor: Operator | None) -> Seen:
        """Resolve the places and count the people of a version as they are now."""
        if actor is not None and actor.area is not None:
            await self._aside(rooms.require_all, await self.tree(), actor, v.content, v.room)
        resolved, found = await self._places(v.content, v.room, actor)
        index, _ = await self.matcher.index()
        rule = await self.db.read(rule_for, v, self.channels_on, resolved, at=self.now())
        counted = await self._aside(audience.preview, index, rule)
        counts = {
            "addressed": counted.addressed,
            "send": counted.send,
            "channels": dict(counted.by_channel),
            "languages": dict(counted.by_language),
            "kinds": dict(counted.by_kind),
            "suppressed": dict(counted.suppressed),
        }
        for language, text in v.content.languages.items():
            for name in ("sms", "headline"):
                words = getattr(text, name) or ""
                found += (
                    warnings(f"languages.{language}.{name}", words)
                    if name == "sms" and words
                    else []
                )
        on = self.channels_on(v.status)
        found += [
            Problem(
                code="channel_off",
                detail=(
                    f"the channel {c} is not configured for status {v.status}: its people are"
                    " no_channel"
                ),
                fix="see `fasttime doctor`",
            )
            for c in v.content.channels
            if c in PERSONAL_CHANNELS and c not in on
        ]
        found += await self.apart(advice.of_text, v.content, counted.send)
        found += await self.db.read(advice.same_text, v, self.now())
        return Seen(resolved=resolved, counts=counts, warnings=tuple(found))

    async def _known_groups(self, content: Content) -> None:
        """Raise Rejected (community_unknown, sector_unknown) where the content names a group that
        nobody registered.
        """
        if registered.scopes_of(content):
            problems = (await self.db.read(registered.load)).problems(content)
            if problems:
                raise Rejected(problems)

    async def _group_names(self, content: Content) -> tuple[tuple[str, str, str], ...]:
        scopes = registered.scopes_of(content)
        if not scopes:
            return ()
        groups = await self.db.read(registered.load)
        return tuple(
            (scope, tag, name)
            for scope in scopes
            for tag, name in sorted(groups.names_of(scope).items())
        )

    async def _places(
        self, content: Content, everywhere: str | None, actor: Operator | None
    ) -> tuple[Resolved, list[Problem]]:
        """Resolve areas and shapes; raises Rejected for places that are unknown or not the
        operator's.
        """
        tree = await self.tree()
        codes = tuple(content.areas)
        scope = content.scope or ""
        bound = actor.area if actor else None
        if scope and ":" not in scope and scope != "UK" and not codes:
            codes = (scope,)
        whole_areas = bool(audience_of(content).communities)
        places = await self._aside(
            tree.places,
            codes,
            content.polygons,
            content.circles,
            everywhere=everywhere,
            whole_areas=whole_areas,
        )
        found: list[Problem] = []
        drawn = shape_of(content.polygons, content.circles)
        if drawn is not None:
            share = await self._aside(
                check_place, drawn, tree.reach(bound), "polygons" if content.polygons else "circles"
            )
            if share > 0.001:
                found.append(
                    Problem(
                        code="shape_partly_outside",
                        detail=f"{share:.0%} of the shape lies outside the control room's area",
                        fix="look at it on a map before you submit",
                        field="polygons",
                    )
                )
        return (
            Resolved(
                targets=tuple(sorted(places.targets)),
                by_code=tuple(sorted(places.by_code)),
                touched=tuple(sorted(places.touched)),
                shape=to_wkb(places.shape) if places.shape is not None else None,
                everybody=places.everybody,
                names=tuple(
                    (code, tree[code].name)
                    for code in sorted({*content.areas, *codes})
                    if code in tree
                ),
                groups=await self._group_names(content),
            ),
            found,
        )

    async def in_scope(self, actor: Operator, v: Version) -> None:
        """A control room is the area its operators are bound to: nobody decides over another's
        message.
        """
        if actor.area is None:
            return
        tree = await self.tree()
        if v.room is None or tree.within(actor.area, [v.room]):
            raise refuse(
                "area_out_of_scope",
                "the message belongs to another control room",
                f"this operator is bound to {actor.area}",
                status=403,
            )


def _guarded(
    conn: Connection, guard: Guard, act: Callable[..., T], /, *args: Any, **more: Any
) -> T:
    """Run an act in its transaction, after a look at what allowed it: the operator, the areas and
    the text as they stand there.
    """
    return act(conn, guard.check(conn), *args, **more)


def _submitted(conn: Connection, actor: Operator, version_id: int, /, **found: Any) -> Version:
    """Submit; the numbers of a drawn shape that are seen by it count as a preview of it."""
    v = authoring.submit(conn, actor, version_id, **found)
    if small_counts.drawn(v.content):
        look_ups.record(
            conn,
            actor,
            look_ups.PREVIEW,
            subject=str(v.message_id),
            content=v.content,
            now=found["now"],
        )
    return v
