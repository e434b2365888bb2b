"""Answering a message by one's own link, on a page or by a program: no sign-in, looking counts for
nothing, and the same answer is kept once however often it is sent.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from broadcast.answers import store
from broadcast.answers.alarm_words import is_alarming
from broadcast.answers.links import Link
from broadcast.answers.store import Kept, New
from broadcast.ledger import receipts
from broadcast.messages import published, versions
from broadcast.messages.versions import Version
from broadcast.problems import Rejected, refuse
from broadcast.store.database import Connection
from service.answers.keeping import LONGEST, Sealer, mark_of, tell, told_again
from subscribers.registration import budgets, pending
from subscribers.registry import showing

PROVIDER: Final = "page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a link answers: the version, in which language its reader is registered, whether anybody
    may read it, and whether it is over. Nothing of it says who they are.
    """

    version: Version
    language: str
    public: bool
    over: bool


def asked(conn: Connection, link: Link, now: datetime) -> Asked | None:
    """Return what a link answers; None where its message never went out, or nobody has it any more.
    Reads, and writes nothing.
    """
    language = showing.language_of(conn, link.person)
    found = versions.get(conn, link.version_id) if language else None
    if found is None or found.live_at is None:
        return None
    return Asked(
        version=found,
        language=language,
        public=published.for_the_public(found),
        over=published.is_over(found, now),
    )


def keep(
    conn: Connection, link: Link, words: str, *, network: str, sealer: Sealer, now: datetime
) -> Kept:
    """Keep what was written, sealed, once: the same words by the same link are the same answer.
    `network`: where it came from, of which a keyed mark is counted.

    Raises Rejected: 404 answer_link_unknown; 422 answer_missing, answer_too_long; 429
    too_many_answers.
    """
    found = asked(conn, link, now)
    if found is None:
        raise unknown()
    said = words.strip()
    if not said:
        raise refuse("answer_missing", "nothing was written", "write an answer", field="answer")
    if len(said) > LONGEST:
        raise refuse(
            "answer_too_long",
            f"the answer has more than {LONGEST:,} characters",
            "send it in parts",
            field="answer",
        )
    by = f"link|{link.person}|{link.version_id}"
    # HMAC: a plain digest of few words tells them; the same after a change of the contact keys
    told = told_again(sealer.secret, by)
    number = hmac.digest(sealer.secret, f"answer|{told}|{said}".encode(), "sha256").hex()
    mark = mark_of(conn, by)
    if not store.is_kept(conn, PROVIDER, number):
        budgets.answer(conn, mark, pending.network_mark(conn, network), now)
    version = found.version
    receipts.store_response(
        conn,
        kind="simulated_text" if link.simulated else "text",
        channel="web",
        now=now,
        digest=number,
        person_id=link.person,
        version_id=version.id,
        simulated=link.simulated or version.status != "Actual",
    )
    kept = store.keep(
        conn,
        New(
            channel="web",
            kind="page",
            provider=PROVIDER,
            provider_id=number,
            joined="link",
            message_id=version.message_id,
            version_id=version.id,
            status=version.status,
            simulated=link.simulated,
            person_id=link.person,
            mark=mark,
            urgent=is_alarming(said),
            key_id=sealer.key.id,
            sealed=sealer.key.seal({"words": said, "from": "", "media": 0}),
        ),
        now,
        may_acknowledge=True,  # the page itself says thank you
    )
    tell(kept, version.message_id)
    return kept


def unknown() -> Rejected:
    """Return (to be raised) that a link answers nothing."""
    return refuse(
        "answer_link_unknown",
        "this link answers no message",
        "open it from the message once more",
        status=404,
    )
