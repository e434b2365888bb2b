"""What follows a message answers its mails: one conversation in the inbox, in the right order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from broadcast.messages import versions
from broadcast.wording.languages import pack_for
from channels.email import EmailChannel
from channels.smtp_settings import SmtpSettings
from service.rendering import StoredRenderings
from tests.channels.mail_server import a_mail_server
from tests.channels.messages import a_delivery
from tests.console.site import PUBLIC_URL, Site, a_draft, open_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        yield running


def renderings(site: Site, key: bytes = b"") -> StoredRenderings:
    key = key or site.settings.key()
    return StoredRenderings(site.db, sender_name="Police", public_url=PUBLIC_URL, key=key)


async def test_update_correction_and_all_clear_answer_every_version_before(site: Site) -> None:
    message = await site.live()
    await site.follow(message, "update")
    await site.follow(message, "correct", note="The street was wrong.")
    await site.follow(message, "all-clear")
    made = renderings(site)
    mails = [
        (await made.rendered(v.id, "email", "en", repeat=False))[0]
        for v in await site.db.read(versions.of_message, message)
    ]
    secrets = [mail.secret for mail in mails]
    assert len(set(secrets)) == 4
    assert [mail.earlier for mail in mails] == [tuple(secrets[:n][::-1]) for n in range(4)]


async def test_an_update_is_called_so_where_it_is_approved_and_where_it_arrives(
    site: Site,
) -> None:
    """In the words and the size that the approver agreed to, an SMS of the author's own too."""
    words = {"headline": "Road closed", "sms": "Keep out of Camden. " * 7}
    ends = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
    languages = {"en": words, "cy": {"headline": "Ffordd ar gau"}}
    message = await site.live(languages=languages, expires=ends)
    again = a_draft(kind=None, languages=languages, expires=ends)
    assert (await site.post(f"/api/v1/messages/{message}/update", again)).status == 201
    agreed = (await site.post(f"/api/v1/messages/{message}/submit")).json["content_hash"]
    read = (await site.get(f"/api/v1/messages/{message}")).json["texts"]
    await site.approve(message, agreed)
    first, update = await site.db.read(versions.of_message, message)
    made = StoredRenderings(
        site.db,
        sender_name=site.settings.sender_name,
        public_url=site.settings.public_url,
        zone=site.settings.timezone,
    )
    assert {text["channel"] for text in read} > {"sms", "voice", "email"}
    for text in read:
        mark = pack_for(text["language"]).update
        assert mark in text["body"]
        if text["channel"] == "web":
            continue
        at = text["channel"], text["language"]
        before, sent = [(await made.rendered(v.id, *at, repeat=False))[0] for v in (first, update)]
        assert mark not in before.body
        assert sent.body.startswith(mark)
        assert sent.subject == text["subject"]
        if text["channel"] != "email":  # it says the minute in which it was sent
            assert (sent.body, sent.segments) == (text["body"], text.get("segments", 0))
    page = (await site.get(f"/messages/{first.code}?lang=en", role=None)).body.decode()
    assert "UPDATE" in page


async def test_the_inbox_shows_one_conversation(site: Site) -> None:
    message = await site.live()
    await site.follow(message, "update")
    made = renderings(site)
    async with a_mail_server() as server:
        channel = EmailChannel(SmtpSettings.from_url(server.url, "alerts@police.example.org"))
        for number, v in enumerate(await site.db.read(versions.of_message, message)):
            words, _ = await made.rendered(v.id, "email", "en", repeat=False)
            await channel.send(
                a_delivery("ada@example.org", number=number, rendered=words), timeout=5
            )
        await channel.close()
    first, update = (message_from_bytes(body) for body in server.bodies)
    assert first["In-Reply-To"] is None
    assert update["In-Reply-To"] == update["References"] == first["Message-ID"]


async def test_another_process_finds_the_same_and_another_key_does_not(site: Site) -> None:
    v = await site.version(await site.live())
    here, there, elsewhere = [
        (await made.rendered(v.id, "email", "en", repeat=False))[0].secret
        for made in (renderings(site), renderings(site), renderings(site, b"another key of 16"))
    ]
    assert here == there != elsewhere


async def test_a_repeat_is_a_mail_of_its_own_that_answers_the_first_copy(site: Site) -> None:
    v = await site.version(await site.live())
    made = renderings(site)
    first, repeat = [
        (await made.rendered(v.id, "email", "en", repeat=again))[0] for again in (False, True)
    ]
    assert (repeat.secret, repeat.earlier) == ("", (first.secret,))


async def test_only_mails_carry_what_joins_them(site: Site) -> None:
    v = await site.version(await site.live())
    made = renderings(site)
    for channel in ("sms", "web"):
        words, _ = await made.rendered(v.id, channel, "en", repeat=False)
        assert (words.secret, words.earlier) == ("", ())
    assert (await made.rendered(v.id, "email", "en", repeat=False))[0].secret
