"""The desk of a control room: what a person can do, the same for the command line and for HTTP.

Every act takes the operator who does it; role, area and state are checked here and below, never by the caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

from pyroaring import BitMap

from broadcast import accounts, audiences, generations, ledger, messages, operators, publishing, versions
from broadcast.areas import AreaTree
from broadcast.areas import revision as areas_revision
from broadcast.content import PERSONAL_CHANNELS, Content
from broadcast.drafts import Follows
from broadcast.drafts.checking import check_content
from broadcast.geometry import check_place, shape_of, to_wkb
from broadcast.operators import Operator
from broadcast.problems import Problem, Rejected, refuse
from broadcast.publishing import House
from broadcast.store import Connection, Database
from broadcast.text_rules import warnings
from broadcast.versions import Resolved, Version
from broadcast.wording.levels import WORDING_REVISION
from broadcast.wording.render import render
from config.rendering import facts_of
from subscribers import audience, registry
from subscribers.matcher import Matcher, rule_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a preview or a submission looked at: the places, the numbers, and what a person should know before going on."""

    resolved: Resolved
    counts: dict[str, Any]
    warnings: tuple[Problem, ...]

    @property
    def people(self) -> int:
        """How many people would be sent to."""
        return int(self.counts["send"])


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
        on_tree: Callable[[AreaTree], None] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.db, self.house, self.channels_on = db, house, channels_on
        self.sender_name, self.public_url, self.now = sender_name, public_url, now
        self.matcher = matcher or Matcher(db, channels_on)
        self._tree: AreaTree | None = None
        self._on_tree = on_tree

    async def actor(self, token: str) -> Operator:
        """Return whose token it is; raises Rejected (401 token_invalid)."""
        found = await self.db.read(operators.by_token, token.strip()) if token.strip() else None
        if found is None:
            raise Rejected(
                Problem(
                    code="token_invalid",
                    detail="this is no operator's token",
                    fix="use the token that `fasttime operators add` printed; a disabled operator's is worthless",
                    field="FASTTIME_TOKEN",
                    status=401,
                )
            )
        return found

    async def tree(self) -> AreaTree:
        """Return the areas as imported now."""
        if self._tree is None or self._tree.revision != await self.db.read(areas_revision):
            self._tree = await self.db.read(AreaTree.load)
            if self._on_tree is not None:
                self._on_tree(self._tree)
        return self._tree

    # writing -------------------------------------------------------------------------------------------------------

    async def draft(self, actor: Operator, content: Content) -> Version:
        """Start a message."""
        operators.require(actor, "draft")
        await self._check(actor, content)
        return await self.db.write(messages.create, actor, content, self.now())

    async def edit(self, actor: Operator, message_id: int, content: Content) -> Version:
        """Replace a draft's text."""
        operators.require(actor, "edit")
        await self.in_scope(actor, await self.head(message_id))
        await self._check(actor, content)
        return await self.db.write(messages.edit, actor, message_id, content, self.now())

    async def follow(self, actor: Operator, message_id: int, action: str, content: Content) -> Version:
        """Draft an update, a correction or an all-clear."""
        operators.require(actor, action)
        await self.in_scope(actor, await self.head(message_id))
        await self._check(actor, content)
        return await self.db.write(messages.follow, actor, message_id, action, content, self.now())

    async def base_of(self, message_id: int) -> Content:
        """Return the content that an update, correction or all-clear starts from; its kind is that of the message's first version."""
        existing = await self.db.read(versions.of_message, message_id)
        published = versions.newest_published(existing) or existing[-1]
        return replace(published.content, kind=existing[0].kind)

    async def edited_from(self, message_id: int) -> tuple[Content | None, str]:
        """Return what an edited text is read against: for a first version (None, ""), else the content it follows and how."""
        existing = await self.db.read(versions.of_message, message_id)
        v = versions.head(existing)
        if v.action == "new":
            return None, ""
        predecessor = next(p for p in existing if p.id == v.predecessor_id)
        return replace(predecessor.content, kind=existing[0].kind), v.action

    async def head(self, message_id: int) -> Version:
        """Return the version that an action on the message means."""
        return versions.head(await self.db.read(versions.of_message, message_id))

    async def preview(self, actor: Operator | None, message_id: int) -> tuple[Version, Seen]:
        """Return who would be told, and what a person should know before submitting; changes nothing."""
        if actor is not None:
            operators.require(actor, "read")
        v = await self.head(message_id)
        return v, await self.look(v, actor)

    async def submit(self, actor: Operator, message_id: int) -> tuple[Version, Seen]:
        """Ask for approval of exactly what stands there, to exactly those people."""
        operators.require(actor, "submit")
        v = await self.head(message_id)
        await self.in_scope(actor, v)
        base, action = await self.edited_from(message_id)
        problems = await asyncio.to_thread(self._unready, v.content, base, action)
        if problems:
            raise Rejected(problems)
        seen = await self.look(v, actor)
        v = await self.db.write(messages.submit, actor, v.id, revision=v.revision, resolved=seen.resolved, count=seen.people, wording_revision=WORDING_REVISION, now=self.now())
        return v, seen

    # deciding ------------------------------------------------------------------------------------------------------

    async def approve(self, actor: Operator, message_id: int, content_hash: str | None) -> Version:
        """Approve: with that it is published."""
        operators.require(actor, "approve")
        v = await self.head(message_id)
        await self.in_scope(actor, v)
        if v.state == "pending_approval" and v.wording_revision != WORDING_REVISION:
            raise refuse("content_changed", "the wording we add has changed since it was submitted", "return it and submit it again", status=409)
        return await self.db.write(publishing.approve, actor, message_id, content_hash=content_hash, house=self.house, now=self.now())

    async def send_back(self, actor: Operator, message_id: int, action: str, why: str) -> Version:
        """Return or reject."""
        operators.require(actor, action)
        await self.in_scope(actor, await self.head(message_id))
        return await self.db.write(messages.send_back, actor, message_id, action, why, self.now())

    async def hold(self, actor: Operator, message_id: int) -> Version:
        """Claim for nobody any more, at once."""
        operators.require(actor, "hold")
        await self.in_scope(actor, await self.head(message_id))
        return await self.db.write(publishing.hold, actor, message_id, self.now())

    async def resume(self, actor: Operator, message_id: int) -> Version:
        """Let a held version go on."""
        operators.require(actor, "resume")
        await self.in_scope(actor, await self.head(message_id))
        return await self.db.write(publishing.resume, actor, message_id, self.now())

    async def cancel(self, actor: Operator, message_id: int, why: str) -> tuple[Version, int]:
        """Cancel; returns how many people are being handed over at this moment."""
        operators.require(actor, "cancel")
        await self.in_scope(actor, await self.head(message_id))
        return await self.db.write(publishing.cancel, actor, message_id, why=why, house=self.house, now=self.now())

    async def resend(self, actor: Operator, message_id: int, only: tuple[str, ...]) -> tuple[Version, int]:
        """Order a further hand-over to those who failed or are in doubt; the next approval of the message approves it."""
        operators.require(actor, "resend")
        unknown = [line for line in only if line not in ("failed", "in_doubt")]
        if unknown or not only:
            raise refuse(
                "only_unknown",
                f"{', '.join(unknown) or 'nothing'} cannot be sent to again",
                "use --only failed, --only in_doubt or --only failed,in_doubt: never the delivered",
                field="only",
            )
        v = await self.head(message_id)
        await self.in_scope(actor, v)
        now = self.now()

        def order(conn: Connection) -> int:
            published = versions.newest_published(versions.of_message(conn, message_id))
            if published is None:
                raise refuse("state_conflict", "nothing of this message was published yet", "approve it first", field="state", status=409)
            wanted = generations.resend_members(conn, published, only, accounts.account(conn, published).channels, now)
            people = len(BitMap().union(*wanted.values())) if wanted else 0
            publishing.order_resend(conn, actor, message_id, only=",".join(only), members=generations.pack(wanted), people=people, now=now)
            return people

        people = await self.db.write(order)
        return v, people

    # looking -------------------------------------------------------------------------------------------------------

    async def explain(self, message_id: int, person: int | str) -> dict[str, Any]:
        """Return the rule trace of one person: area hit, audience, preference, consent, channels, every attempt, the line and its reason.

        `person` is a subscriber id or an external id. The frozen audience decides where there is one; the rule as the registry stands now, at the
        hour of the freezing, explains it.
        Raises Rejected (404) for a message or person that is not there.
        """
        existing = await self.db.read(versions.of_message, message_id)
        v = versions.newest_published(existing) or existing[-1]
        found = await self.db.read(registry.show, person)
        if found is None:
            raise refuse("subscriber_unknown", "nobody has this id", "use the id or external_id that `fasttime subscribers show` knows", field="subscriber", status=404)
        person_id = int(found["id"])
        tree = await self.tree()
        resolved = v.resolved if v.content_hash is not None or v.published else (await self._places(v.content, v.room, None))[0]
        index, _ = await self.matcher.index()
        # Quiet hours are told as they were judged; before that, as they would be now.
        at = await self.db.read(audiences.frozen_at, v.id) or self.now()
        rule = await self.db.read(rule_for, v, self.channels_on, resolved, at=at)
        trace = await asyncio.to_thread(audience.reasons, index, rule, person_id, tree=tree, content=v.content)
        attempts = await self.db.read(ledger.attempts_of, v.id, person_id)
        account = await self.db.read(accounts.account, v)
        line, reason = account.of_person(person_id)
        if line is None:  # not in the frozen audience, or nothing is frozen yet
            reason = "" if trace.outcome == "send" else trace.outcome
        return {
            "message": message_id,
            "version": v.number,
            "subscriber": person_id,
            "steps": [{"name": s.name, "passed": s.passed, "detail": s.detail} for s in trace.steps],
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
        resolved, found = await self._places(v.content, actor.area if actor else v.room, actor)
        index, _ = await self.matcher.index()
        rule = await self.db.read(rule_for, v, self.channels_on, resolved, at=self.now())
        counted = await asyncio.to_thread(audience.preview, index, rule)
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
                found += warnings(f"languages.{language}.{name}", words) if name == "sms" and words else []
        on = self.channels_on(v.status)
        found += [
            Problem(code="channel_off", detail=f"the channel {c} is not configured for status {v.status}: its people are no_channel", fix="see `fasttime doctor`")
            for c in v.content.channels
            if c in PERSONAL_CHANNELS and c not in on
        ]
        return Seen(resolved=resolved, counts=counts, warnings=tuple(found))

    async def _check(self, actor: Operator, content: Content) -> None:
        await self._places(content, actor.area, actor)

    async def _places(self, content: Content, everywhere: str | None, actor: Operator | None) -> tuple[Resolved, list[Problem]]:
        """Resolve areas and shapes; raises Rejected for places that are unknown or not the operator's."""
        tree = await self.tree()
        codes = tuple(content.areas)
        scope = content.scope or ""
        bound = actor.area if actor else None
        if scope and ":" not in scope and scope != "UK" and not codes:
            codes = (scope,)
        if bound is not None and (scope == "UK" or (scope and ":" not in scope and tree.within(bound, [scope]))):
            raise refuse("area_out_of_scope", f"the level of {scope} is not this control room's to change", "ask the control room it belongs to", field="scope", status=403)
        outside = tree.within(bound, codes)
        if outside:
            raise refuse(
                "area_out_of_scope",
                f"{', '.join(outside)} is not in this control room's area {bound}",
                "choose areas inside it, or ask the control room it belongs to",
                field="areas",
                status=403,
            )
        places = tree.places(codes, content.polygons, content.circles, everywhere=everywhere)
        found: list[Problem] = []
        drawn = shape_of(content.polygons, content.circles)
        if drawn is not None:
            share = check_place(drawn, tree.reach(bound), "polygons" if content.polygons else "circles")
            if share > 0.001:
                found.append(
                    Problem(
                        code="shape_partly_outside",
                        detail=f"{share:.0%} of the shape lies outside the control room's area",
                        fix="look at it on a map before you submit",
                        field="polygons",
                    )
                )
        return Resolved(
            targets=tuple(sorted(places.targets)),
            by_code=tuple(sorted(places.by_code)),
            shape=to_wkb(places.shape) if places.shape is not None else None,
            everybody=places.everybody,
        ), found

    async def in_scope(self, actor: Operator, v: Version) -> None:
        """A control room is the area its operators are bound to: nobody decides over another's message."""
        if actor.area is None:
            return
        tree = await self.tree()
        if v.room is None or tree.within(actor.area, [v.room]):
            raise refuse("area_out_of_scope", "the message belongs to another control room", f"this operator is bound to {actor.area}", status=403)

    def _unready(self, content: Content, base: Content | None, action: str) -> list[Problem]:
        """Return why a text cannot go out as it is: what a door would refuse now, blanks left unfilled, a rendering that fails."""
        follows = cast("Follows", action if base is not None else "update")
        problems = list(check_content(content, now=self.now(), base=base, follows=follows))
        if not problems:
            now = self.now()
            for language in content.languages:
                for channel in content.channels:
                    facts = facts_of(_Draft, sender_name=self.sender_name, public_url=self.public_url, sent=now)  # type: ignore[arg-type]
                    render(content, facts, channel, language)
        return problems


class _Draft:
    """Stands in for a version that has no code yet, to see that everything can be rendered."""

    code = "XXXXXXXXX"
    sent = None
