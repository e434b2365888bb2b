"""What somebody sent us is understood, joined, sealed and kept, in the transaction in which it is
acknowledged to the provider.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from broadcast.answers import joining, store
from broadcast.answers.alarm_words import is_alarming
from broadcast.answers.folding import folded
from broadcast.answers.sealing import SealingKey
from broadcast.answers.store import Kept, New
from broadcast.ledger import attempt_look_up, receipts
from broadcast.ledger.attempt_look_up import Handed
from broadcast.store.database import Connection
from broadcast.wording import answering
from channels.reply_words import Reading
from subscribers.contact import points
from subscribers.contact.keys import Key, ring_of
from subscribers.registry import acts, reached, showing

log = structlog.get_logger("answers")
LONGEST = 10_000
"""So many characters of an answer are kept: six times the longest text that a phone sends."""
_PROVIDER_SAYS_SO = (
    *("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"),
    *("start", "unstop", "yes", "help", "info"),
)
"""To these Twilio answers by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealer:
    """What answers are sealed with, and the secret by which a call's keys are told again."""

    key: SealingKey
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text that came. `statuses` are the CAP statuses whose messages it may answer, by the
    account and the number that it came to; `to` is that number.
    """

    words: str = field(repr=False)
    number: str = field(repr=False)
    to: str = field(repr=False)
    provider: str
    provider_id: str
    reading: Reading
    statuses: tuple[str, ...]
    simulated: bool
    media: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of it; `words` is what is answered, "" for nothing."""

    people: int
    answer: Kept | None
    words: str = field(repr=False)


def mark_of(conn: Connection, number: str) -> str:
    """Return the mark of a number, by which its answers are found and erased: which contact key
    made it, and what nobody makes without that key.
    """
    return _mark(ring_of(conn).to_write(conn).newest, number)


def erase_of(conn: Connection, person: int, numbers: Iterable[str], now: datetime) -> int:
    """Erase the words and the sender of every answer of somebody who is erased already, and of
    those that came from a number which was theirs and is nobody's any more; return of how many.
    Raises Rejected contact_key_missing where answers are marked with a key that is not at hand.
    """
    left = [number for number in numbers if not points.anybody_has(conn, "mobile", number)]
    keys = [ring_of(conn).key(key_id) for key_id in store.marked_with(conn)] if left else []
    marks = [_mark(key, number) for key in keys for number in left]
    return store.erase(conn, now, marks=marks, person=person)


def told_again(secret: bytes, text: str) -> str:
    """Return by what the same answer is known when it is told again; it stays through a change of
    the contact keys.
    """
    return hmac.digest(secret, b"answer from|" + text.encode(), "sha256").hex()


def _mark(key: Key, number: str) -> str:
    return key.id + key.mark_of("answer from", number).hex()


def takes_replies(sender: str) -> bool:
    """Return whether a text from this sender can be replied to: numbers can, names cannot. "" is a
    sender that is not known, whom the provider chooses among numbers.
    """
    return re.fullmatch(r"(?:whatsapp:)?\+?[0-9 ]*", sender, re.ASCII) is not None


def keep_text(conn: Connection, text: Text, sealer: Sealer, sender: str, now: datetime) -> Told:
    """Keep what everybody with this number said: a stop or a start is carried out, everything else
    is an answer. The same text told again changes nothing, and is answered as the first time.

    What comes by the simulator is kept as simulated and stops or starts nobody. `sender` is our
    name, for HELP.
    """
    people = _people_at(conn, text.number)
    kind = text.reading.kind
    joined = joining.open_appeal(conn, people, text.statuses, now)
    answered = joined.version_id if joined else None
    if kind in ("stop", "start", "help") and answered is None:
        answered = _latest(conn, people, text.statuses)
    world = joined.status if joined else joining.world_of(conn, people, text.statuses, now)
    fresh = _respond(conn, text, people, answered, world, now)
    language = joined.language if joined else _language(conn, people)
    was_stopped = _stopped(conn, people)
    if not text.simulated:
        if kind == "stop":
            acts.stop(conn, fresh, "sms", "sms_reply", now)
        elif kind == "start":
            acts.start(conn, fresh, "sms", "sms_reply", now)
    kept = None
    if text.reading.answer:
        may = takes_replies(text.to) and kind not in ("stop", "start", "help") and not was_stopped
        kept = _keep(conn, text, sealer, joined, people, world, now, may)
    if kind == "help" and people and points.discreet_at(conn, text.number, "sms"):
        sender = ""  # whoever holds the telephone must not learn by HELP who writes there
    return Told(
        people=len(people),
        answer=kept,
        words=_words(text, kept, language, sender) if takes_replies(text.to) else "",
    )


def _words(text: Text, kept: Kept | None, language: str, sender: str) -> str:
    kind = text.reading.kind
    if kind == "help":
        return answering.help_text(language, sender)
    if kind in ("stop", "start"):
        plain = "".join(folded(text.words))
        if plain in _PROVIDER_SAYS_SO:
            return ""
        return answering.stopped(language) if kind == "stop" else answering.started(language)
    if kept is not None and kept.acknowledge:
        return answering.acknowledgement(language, how_to_stop=kind == "stop_unclear")
    return ""


def _keep(
    conn: Connection,
    text: Text,
    sealer: Sealer,
    joined: Handed | None,
    people: Sequence[int],
    world: str,
    now: datetime,
    may_acknowledge: bool,
) -> Kept:
    only = people[0] if len(people) == 1 else None
    content = {"words": text.words[:LONGEST], "from": text.number, "media": text.media}
    kept = store.keep(
        conn,
        New(
            channel="sms",
            kind="word" if text.reading.kind in ("stop", "start", "help") else text.reading.kind,
            provider=text.provider,
            provider_id=text.provider_id,
            joined="appeal" if joined else "unsorted",
            message_id=joined.message_id if joined else None,
            version_id=joined.version_id if joined else None,
            status=world,
            simulated=text.simulated,
            person_id=joined.person if joined and only is not None else only,
            mark=mark_of(conn, text.number),
            urgent=is_alarming(text.words),
            key_id=sealer.key.id,
            sealed=sealer.key.seal(content),
        ),
        now,
        may_acknowledge=may_acknowledge,
    )
    tell(kept, joined.message_id if joined else None)
    return kept


def keep_keys(
    conn: Connection,
    *,
    digits: str,
    number: str,
    provider: str,
    call: str,
    attempt: str,
    position: int,
    simulated: bool,
    sealer: Sealer,
    now: datetime,
) -> None:
    """Keep the keys that somebody pressed in a call of ours: 1 and 2, which we ask for, as a
    response; anything else as an answer too, joined by the attempt, its keys sealed.
    """
    handed = attempt_look_up.handed(conn, attempt, position)
    if handed is None:
        return
    asked_for = digits in ("1", "2")
    receipts.store_response(
        conn,
        kind="keypress",
        channel="voice",
        now=now,
        digest=_digest("keypress", attempt, str(position), call, digits),
        person_id=handed.person,
        version_id=handed.version_id,
        attempt=attempt,
        value=digits if asked_for else "other",
    )
    if asked_for:
        return
    message = store.message_of(conn, handed.version_id)
    kept = store.keep(
        conn,
        New(
            channel="voice",
            kind="keypress",
            provider=provider,
            # HMAC: the keys may be a number, and a plain digest of few digits tells them
            provider_id=told_again(sealer.secret, f"{call}|{attempt}|{position}|{digits}"),
            joined="attempt",
            message_id=message,
            version_id=handed.version_id,
            attempt=attempt,
            status=handed.status,
            simulated=simulated,
            person_id=handed.person,
            mark=mark_of(conn, number) if number else "",
            key_id=sealer.key.id,
            sealed=sealer.key.seal({"words": digits, "from": number, "media": 0}),
        ),
        now,
        may_acknowledge=False,  # the call itself says thank you
    )
    tell(kept, message)


def tell(kept: Kept, message: int | None) -> None:
    """Log that an answer was kept, and aloud where its words raise it at once."""
    if kept.fresh:
        log.info("answer.kept", answer=kept.id, message=message, urgent=kept.urgent)
    if kept.fresh and kept.urgent:
        log.warning("answer.urgent", answer=kept.id, message=message)


def _respond(
    conn: Connection,
    text: Text,
    people: Sequence[int],
    version_id: int | None,
    world: str,
    now: datetime,
) -> list[int]:
    """Keep the response of each of these people, never its words; return of whom it is new."""
    kind = f"simulated_{text.reading.kind}" if text.simulated else text.reading.kind
    fresh = []
    everybody: list[int | None] = [*people] or [None]
    for person in everybody:
        new = receipts.store_response(
            conn,
            kind=kind,
            channel="sms",
            now=now,
            digest=_digest("reply", text.provider_id, "" if person is None else str(person)),
            person_id=person,
            version_id=version_id,
            simulated=text.simulated or world != "Actual",
        )
        if new and person is not None:
            fresh.append(person)
    return fresh


def _latest(conn: Connection, people: Sequence[int], statuses: Sequence[str]) -> int | None:
    found = [attempt_look_up.last_reached(conn, [p], ["sms"], statuses) for p in people]
    return max((one[0] for one in found if one is not None), default=None)


def _stopped(conn: Connection, people: Sequence[int]) -> bool:
    return any(c.stopped for c in reached.contacts(conn, people, "sms").values())


def _language(conn: Connection, people: Sequence[int]) -> str:
    known = showing.show(conn, people[0]) if people else None
    return str(known["language"]) if known and known["language"] else "en"


def _people_at(conn: Connection, number: str) -> list[int]:
    return (
        reached.persons_with_address(conn, "sms", number)
        if re.fullmatch(r"\+[0-9]{5,15}", number, re.ASCII)
        else []
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()
