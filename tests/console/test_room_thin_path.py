"""From an empty page to people's hands, by two persons: written, checked, approved and watched, in
pages without script.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from broadcast.content.model import Audience, Circle
from broadcast.ledger.claims import open_batches
from console.room import showing
from console.room.frame import Room
from service import idempotency
from service.rendering import StoredRenderings
from subscribers.registry.importing import import_records
from tests.console.site import CAMDEN, WESTMINSTER, Site, open_site, person
from tests.console.test_face import EXERCISER
from tests.console.visitor import HERE, Seen, Visitor


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


async def two(site: Site) -> tuple[Visitor, Visitor]:
    author, approver = Visitor(site), Visitor(site)
    await author.sign_in("author")
    await approver.sign_in("approver")
    return author, approver


WORDS = {"headline-0": "Gas leak in Strutton Ground", "instruction-0": "Stay indoors."}


async def written(author: Visitor, base: str = "/room", **changes: Any) -> Seen:
    """Write a message; return the page that checks it."""
    page = await author.get(f"{base}/new")
    fields = {**WORDS, "areas": [WESTMINSTER], **changes}
    return await author.send(page, f"{base}/new", fields, do="check")


async def submitted(author: Visitor, base: str = "/room", **changes: Any) -> str:
    """Write and submit; return the address of the message."""
    check = await written(author, base, **changes)
    mark = "EXERCISE: " if base == "/exercise" else ""
    assert check.h1 == f"{mark}Check before you submit", check.words
    path = check.url.removesuffix("/check")
    page = await author.send(check, f"{path}/submit")
    assert page.url == path, page.words
    return path


async def test_written_found_checked_submitted_approved_and_it_arrives(site: Site) -> None:
    author, approver = await two(site)
    page = await author.get("/room/new")
    found = await author.send(page, "/room/new", WORDS, search="westm", do="search")
    assert "1 found for “westm”" in found.words
    assert dict(found.fields("/room/new"))["headline-0"] == WORDS["headline-0"]
    added = await author.send(found, "/room/new", add=WESTMINSTER)
    assert "Chosen places (1)" in added.words
    assert "Westminster E09000033, 32 people" in added.words
    assert "Would be sent to 31" in added.words
    assert "Gas leak in Strutton Ground. Stay indoors." in added.words
    check = await author.send(added, "/room/new", do="check")
    assert "You cannot approve it yourself." in check.words
    assert "Would be sent to 31" in check.words
    assert "Gas leak in Strutton Ground" in check.words
    assert "<svg" in check.text
    path = check.url.removesuffix("/check")
    waiting = await author.send(check, f"{path}/submit")
    assert "Another person, an approver, must approve it." in waiting.words
    assert f"{path}/approve" not in waiting.forms()
    assert (await author.get(f"{path}/approve")).status == 403

    page = await approver.get(f"{path}/approve")
    assert "This goes to 31 people now. It cannot be unsent" in page.words
    assert "Send now to 31 people" in page.words
    assert page.tree.xpath("//*[@aria-label='Text message, en']")
    wrong = await approver.send(page, f"{path}/approve", phrase="EXERCISE")
    assert (wrong.status, "type SEND 31" in wrong.words) == (422, True)
    assert dict(wrong.fields(f"{path}/approve"))["phrase"] == "EXERCISE"
    live = await approver.send(wrong, f"{path}/approve", phrase=" send  31 ")
    assert live.url == path
    await site.release(1)
    await site.done(await site.claimed(lane="urgent"))
    live = await author.get(path)
    numbers = {
        str(cell.get("data-line")): int(cell.text_content())
        for cell in live.tree.xpath("//td[@data-line]")
    }
    assert sum(numbers.values()) == 32
    assert numbers["accepted"] > 0


async def test_what_an_approver_reads_is_word_by_word_what_arrives(site: Site) -> None:
    """A text that said until when only once it was sent took two parts where one was agreed to."""
    ends = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
    message, agreed = await site.submitted(expires=ends)
    approver = Visitor(site)
    await approver.sign_in("approver")
    page = await approver.get(f"/room/messages/{message}/approve")
    read = {
        channel: " ".join(page.tree.xpath("string(//*[@aria-label=$label])", label=label).split())
        for channel, label in (("sms", "Text message, en"), ("voice", "Telephone call, en"))
    }
    await site.approve(message, agreed)
    renderings = StoredRenderings(
        site.db, sender_name="Met Police", public_url=HERE, zone=site.settings.timezone
    )
    for channel, said in read.items():
        sent, _ = await renderings.rendered(
            (await site.version(message)).id, channel, "en", repeat=False
        )
        assert said.endswith(sent.body)
        assert "Until" in said


async def test_who_reads_another_language_stands_at_the_check_and_at_the_end(site: Site) -> None:
    two_more = [person(n, language="so", mobile=f"+447700901{n:03d}") for n in (101, 102)]
    await site.db.write(import_records, two_more, "test", datetime.now(UTC))
    author, approver = await two(site)
    check = await written(author, severity="Minor", urgency="Future")
    said = "people who read a language that it lacks get English [en] instead: Somali [so] (2"
    assert f"{said} people)" in check.words
    path = check.url.removesuffix("/check")
    await author.send(check, f"{path}/submit", accept=["language_lacking"])
    page = await approver.get(f"{path}/approve")
    assert "Many read another language" in page.words
    await approver.send(page, f"{path}/approve", phrase="SEND 33")
    await site.release(1)
    while await site.db.read(
        open_batches.candidates, "routine", "sms", ("Actual",), datetime.now(UTC)
    ):
        await site.done(await site.claimed())
    page = await approver.get(path)
    assert said not in page.words
    ended = await approver.send(page, f"{path}/cancel", why="wrong street")
    assert f"Nobody was told that it ended. Of those who got it, {said} people)" in ended.words


async def test_the_check_leaves_out_no_warning_that_has_the_code_of_another(site: Site) -> None:
    author, _ = await two(site)
    loud = {"headline-0": "GAS LEAK IN STRUTTON GROUND", "instruction-0": "STAY INDOORS ALL OF YOU"}
    check = await written(author, **loud)
    assert "languages.en.headline" in check.words
    assert "languages.en.instruction" in check.words
    assert check.text.count('name="accept" value="shouting"') == 1


async def test_what_changed_after_the_approver_s_page_was_made_is_not_approved(site: Site) -> None:
    author, approver = await two(site)
    path = await submitted(author)
    page = await approver.get(f"{path}/approve")
    sent = await approver.send(page, f"{path}/return", why="say which street")
    assert "Why: say which street" in sent.words
    edit = await author.get(f"{path}/edit")
    more = {"headline-0": "Gas leaks", "areas": [WESTMINSTER, CAMDEN]}
    check = await author.send(edit, f"{path}/edit", more, do="check")
    await author.send(check, f"{path}/submit")
    stale = await approver.send(page, f"{path}/approve", phrase="SEND 31")
    assert (stale.status, stale.h1) == (409, "This is not what you read")
    assert "author changed it, " in stale.words
    assert " and it was submitted anew, " in stale.words
    changed = "Changed since you opened the page: headline in English [en], where"
    assert changed in stale.words
    assert "Gas leak in Strutton Ground Gas leaks" in stale.words
    assert (await site.version(1)).state == "pending_approval"
    # the same while it is being changed, when the version has no names of places of its own
    now = await approver.get(f"{path}/approve")
    await approver.send(now, f"{path}/return", why="where is it")
    await author.send(await author.get(f"{path}/edit"), f"{path}/edit", do="save")
    stale = await approver.send(page, f"{path}/approve", phrase="SEND 31")
    assert changed in stale.words
    # and where nothing was changed, no change is claimed
    stale = await approver.send(now, f"{path}/approve", phrase="SEND 32")
    assert "It says the same, but somebody decided on it meanwhile. It is now draft." in stale.words
    assert "Changed since" not in stale.words


async def test_a_form_sent_twice_or_by_two_approvers_sends_once(site: Site) -> None:
    author, approver = await two(site)
    other = Visitor(site)
    await other.sign_in("approver2")
    writing = await author.get("/room/new")
    fields: dict[str, Any] = {**WORDS, "areas": [WESTMINSTER], "do": "check"}
    drafts = [await author.send(writing, "/room/new", fields) for _ in range(2)]
    assert drafts[0].url == drafts[1].url
    path = await submitted(author)
    page, theirs = await approver.get(f"{path}/approve"), await other.get(f"{path}/approve")
    for _ in range(3):
        again = await approver.send(page, f"{path}/approve", phrase="SEND 31")
        assert (again.status, again.url) == (200, path)
    await other.send(theirs, f"{path}/approve", phrase="SEND 31")
    approvals = await site.get("/api/v1/audit?subject=message%202%20version%201", role="auditor")
    assert approvals.body.count(b'"approve"') == 1, approvals.body


async def test_who_presses_twice_while_it_is_being_done_sees_what_was_done(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    author, approver = await two(site)
    path = await submitted(author)
    page = await approver.get(f"{path}/approve")
    finish, unfinished = idempotency._do, asyncio.Event()

    async def late(*arguments: Any) -> Any:
        await unfinished.wait()
        return await finish(*arguments)

    monkeypatch.setattr(idempotency, "_do", late)
    pressed = [
        asyncio.create_task(approver.send(page, f"{path}/approve", phrase="SEND 31"))
        for _ in range(2)
    ]
    await asyncio.sleep(0.3)
    assert not any(press.done() for press in pressed)
    unfinished.set()
    for press in pressed:
        seen = await press
        assert (seen.status, seen.url) == (200, path), seen.words
    approvals = await site.get("/api/v1/audit?subject=message%201%20version%201", role="auditor")
    assert approvals.body.count(b'"approve"') == 1, approvals.body


async def test_live_and_exercise_never_mix(site: Site) -> None:
    await site.db.write(import_records, [EXERCISER], "test", datetime.now(UTC))
    author, approver = await two(site)
    live, practice = await submitted(author), await submitted(author, "/exercise")
    assert practice.startswith("/exercise/messages/")
    for part in ("", "/approve", "/log", "/replay"):
        for address, marked in ((live, False), (practice, True)):
            seen = await approver.get(address + part)
            assert seen.h1.startswith("EXERCISE") is marked, (address + part, seen.h1)
            title = seen.tree.xpath("string(//title)").removeprefix("Error: ")
            assert title.startswith("EXERCISE: ") is marked, (address + part, title)
            icon = seen.tree.xpath("//link[@rel='icon']/@href")[0]
            assert ("exercise.svg" in icon) is marked, (address + part, icon)
    assert (await author.get(practice.replace("/exercise", "/room"))).url == practice
    drill, real = await approver.get(f"{practice}/approve"), await approver.get(f"{live}/approve")
    for word in ("EXERCISE", "Run exercise for", "enrolled for exercises"):
        assert word in drill.words
        assert word not in real.words
    wrong = await approver.send(drill, f"{practice}/approve", phrase="SEND 31")
    assert wrong.status == 422
    number = practice.rpartition("/")[2]
    foreign = await approver.ask(
        "POST", f"/room/messages/{number}/approve", drill.fields(f"{practice}/approve")
    )
    assert foreign.status == 403  # its token is the exercise's
    page = await approver.get("/room/sessions")
    assert page.status == 200
    assert (await approver.get(f"/room/messages/{number}/approve")).status == 409
    done = await approver.send(wrong, f"{practice}/approve", phrase="exercise")
    assert done.url == practice


async def test_hold_resume_stop_correct_and_all_clear(site: Site) -> None:
    author, approver = await two(site)
    path = await submitted(author)
    await approver.send(await approver.get(f"{path}/approve"), f"{path}/approve", phrase="SEND 31")
    await site.release(1)
    page = await approver.get(path)
    assert "Hold now" in page.words
    assert "Stop for the 31 still waiting" in page.words
    assert "31 people will not get it. 0 already have it or may have." in page.words
    held = await approver.send(page, f"{path}/hold")
    assert "Resume for" in held.words
    going = await approver.send(held, f"{path}/resume")
    assert "Hold now" in going.words
    refused = await approver.send(going, f"{path}/cancel", why="")
    assert "why is missing" in refused.words
    for word, title in (("correct", "Correct what people got"), ("all-clear", "Say it is over")):
        form = await author.get(f"{path}/{word}")
        assert form.h1 == title
    form = await author.get(f"{path}/correct")
    check = await author.send(
        form, f"{path}/correct", {"headline-0": "Not Strutton Ground"}, note="wrong street"
    )
    assert check.h1 == "Check before you submit", check.words
    assert "Submit correction to " in check.words
    await author.send(check, f"{path}/submit")
    assert "Resume" not in (await author.get(path)).words
    now = await approver.get(f"{path}/approve")
    assert "Differs from the version before" in now.words
    row = now.tree.xpath("//table[@class='differs']//tr[td]")[0]
    assert [each.text_content() for each in row] == [
        "Headline in English [en]",
        "Gas leak in Strutton Ground",
        "Not Strutton Ground",
    ]
    assert row.xpath("td/del")
    wanted = now.tree.xpath("string(//label[@for='phrase']/strong)")
    corrected = await approver.send(now, f"{path}/approve", phrase=wanted)
    assert "Version 1, first version: corrected" in corrected.words
    await site.release(1)
    page = await approver.get(path)
    stopped = await approver.send(page, f"{path}/cancel", why="enough", reason="over")
    assert "cancelled" in stopped.words


async def test_where_one_person_is_enough_for_practice_the_pages_say_so_too(tmp_path: Path) -> None:
    env = {"FASTTIME_PUBLIC_URL": HERE, "FASTTIME_TWO_PERSON": "actual"}
    async with open_site(tmp_path, **env) as site:
        await site.db.write(import_records, [EXERCISER], "test", datetime.now(UTC))
        alone = Visitor(site)
        await alone.sign_in("approver")
        path = await submitted(alone, "/exercise", exercise="Blue Heron")
        assert "Read it and decide" in (await alone.get(path)).words
        page = await alone.get(f"{path}/approve")
        done = await alone.send(page, f"{path}/approve", phrase="exercise")
        assert done.url == path, done.words
        real = await submitted(alone)
        assert "another person must approve it" in (await alone.get(real)).words


async def test_of_two_editors_the_second_is_told_and_nothing_is_overwritten(site: Site) -> None:
    author, other = await two(site)
    check = await written(author)
    path = check.url.removesuffix("/check")
    mine, theirs = await author.get(f"{path}/edit"), await other.get(f"{path}/edit")
    await other.send(theirs, f"{path}/edit", {"headline-0": "Theirs"}, do="save")
    late = await author.send(mine, f"{path}/edit", {"headline-0": "Mine"}, do="save")
    assert late.status == 409
    assert "Not saved: approver changed this meanwhile. Your text is kept below" in late.words
    assert dict(late.fields(f"{path}/edit"))["headline-0"] == "Mine"
    assert (await site.version(1)).content.languages["en"].headline == "Theirs"
    stale = await author.send(check, f"{path}/submit")
    assert (stale.status, (await site.version(1)).state) == (409, "draft")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"areas": []}, "area_empty"),
        ({"areas": ["E09999999"]}, "area_unknown"),
        ({"corners": "51.5,-0.1\nnot a corner\n51.4,-0.1", "areas": []}, "polygon"),
        ({"corners": "{", "areas": []}, "corners_invalid"),
        ({"headline-0": ""}, "headline"),
        ({"expires": "soon"}, "expires"),
        ({"channels": []}, "channels"),
    ],
)
async def test_what_is_wrong_is_named_and_the_text_is_kept(
    site: Site, changes: dict[str, Any], said: str
) -> None:
    author = Visitor(site)
    await author.sign_in("author")
    page = await written(author, **{"description-0": "<b>Kept</b> & whole", **changes})
    assert page.status in (404, 422)
    assert said in page.words
    assert page.tree.xpath("string(//title)").startswith("Error: ")
    assert dict(page.fields("/room/new"))["description-0"].strip() == "<b>Kept</b> & whole"


async def test_ways_to_say_where_give_one_content(site: Site) -> None:
    author = Visitor(site)
    await author.sign_in("author")
    corners = "51.49,-0.16\n51.49,-0.12\n51.51,-0.12\n51.51,-0.16"
    check = await written(author, areas=[], corners=corners, circles="51.5,-0.14 0.5")
    assert check.h1 == "Check before you submit", check.words
    path = check.url.removesuffix("/check")
    edit = await author.get(f"{path}/edit")
    assert dict(edit.fields(f"{path}/edit"))["corners"].split() == corners.split()
    before = (await site.version(1)).content
    await author.send(edit, f"{path}/edit", do="save")
    assert (await site.version(1)).content == before


async def test_few_people_in_a_drawn_shape_are_not_told_apart(site: Site) -> None:
    author, approver = await two(site)
    path = await submitted(author, areas=[], circles="51.55,-0.14 0.3", severity="Extreme")
    page = await approver.get(f"{path}/approve")
    assert "Send now to fewer than 10 people" in page.words
    assert "Type SEND FEWER THAN 10" in page.words
    done = await approver.send(page, f"{path}/approve", phrase="send fewer than 10")
    assert done.url == path


async def test_nobody_writes_or_reads_beyond_their_area(site: Site) -> None:
    camden, author = Visitor(site), Visitor(site)
    await camden.sign_in("camden")
    await author.sign_in("author")
    refused = await written(camden, areas=[WESTMINSTER])
    assert (refused.status, "area_out_of_scope" in refused.words) == (403, True)
    page = await camden.get("/room/new")
    found = await camden.send(page, "/room/new", search="e0900", do="search")
    assert CAMDEN in found.text
    assert WESTMINSTER not in found.text
    check = await written(author, visibility="private")
    path = check.url.removesuffix("/check")
    for address in (path, f"{path}/check", f"{path}/edit", "/room/messages/99", "/room/messages/x"):
        assert (await camden.get(address)).status == 404, address
    assert "/room/messages/" not in (await camden.get("/room")).text


async def test_an_approver_reads_warnings_in_full_numbers_and_when_it_ends(site: Site) -> None:
    more = [person(n, language="so", mobile=f"+447700901{n:03d}") for n in (101, 102)]
    await site.db.write(import_records, more, "test", datetime.now(UTC))
    author, approver = await two(site)
    check = await written(author, severity="Minor", urgency="Future", hotlines="020 7946 0123")
    path = check.url.removesuffix("/check")
    await author.send(check, f"{path}/submit", accept=["hotline_without_hours"])
    page = await approver.get(f"{path}/approve")
    warned = {
        item.xpath("string(strong)"): item.text_content()
        for item in page.tree.xpath("//*[@class='warned']/li")
    }
    hotline = warned["A hotline without its hours"]
    assert "does not say when somebody answers" in hotline
    assert "add the hours" in hotline
    assert hotline.endswith("accepted by the author")
    missing = warned["Many read another language"]
    assert "Somali [so] (2 people)" in missing
    assert missing.endswith("not accepted by the author: decide yourself")
    assert "Holds 4 h 00 min from the approval" in page.words
    numbers = {
        row.xpath("string(th)"): row.xpath("string(td)")
        for row in page.tree.xpath("//table[@class='counts']//tr")
    }
    assert numbers["Would be sent to"] == "33"
    assert numbers["by text message"] == "32"
    assert numbers["in English [en]"] == "33"
    for code in ("Actual", "Minor", "sms", "GSM-7", "pending_approval", "hotline_without_hours"):
        assert code not in page.words, code
    newcomers = [person(n, mobile=f"+447700901{n:03d}") for n in (111, 112, 113)]
    await site.db.write(import_records, newcomers, "test", datetime.now(UTC))
    page = await approver.get(f"{path}/approve")
    moved = "The audience has changed: submitted for 33 people, it is now 36 people."
    assert moved in page.words


async def test_the_first_page_says_what_needs_whom_how_it_goes_and_how_the_machine_is(
    site: Site,
) -> None:
    author, approver = await two(site)
    live = await site.live(severity="Severe")
    path = await submitted(author)
    home = await approver.get("/room")
    assert "http-equiv" not in home.text  # nothing loads itself again but at its reader's wish
    wished = await approver.get("/room?refresh=10")
    assert wished.tree.xpath("//meta[@http-equiv='refresh']/@content") == ["10"]
    needs = " ".join(home.tree.xpath("string(//section[@aria-labelledby='needs'])").split())
    assert "To approve (1)Gas leak in Strutton Ground" in needs
    mine = await author.get("/room")
    assert "Nothing." in mine.tree.xpath("string(//section[@aria-labelledby='needs'])")
    assert "32 people: 31 waiting + 0 delivered + 1 not sent" in home.words
    assert "Sending: running" in home.words
    assert "Text message: on" in home.words
    assert "Put aside: nothing" in home.words
    page = await approver.get(f"{path}/approve")
    await approver.send(page, f"{path}/return", why="Say which street")
    needs = (await author.get("/room")).tree.xpath("string(//section[@aria-labelledby='needs'])")
    assert "Returned to you (1)" in needs

    # the author's page says who may approve it, and whether one of them is there
    again = await author.send(await author.get(f"{path}/check"), f"{path}/submit")
    may = again.tree.xpath("string(//p[starts-with(., 'Who may approve it')])")
    assert re.search(r"approver \(signed in since \d", may), again.words
    assert "approver2 (not signed in)" in may

    action = f"/room/messages/{live}/hold"
    held = await approver.send(await approver.get("/room"), action)
    assert (await site.version(live)).state == "held"
    assert "Resume" in held.words
    home = await approver.get("/room")
    going = f"/room/messages/{live}/resume"
    await approver.send(home, going)
    assert (await site.version(live)).state == "live"
    again = await approver.get("/room")
    assert dict(again.fields(action))["key"] != dict(home.fields(going))["key"]
    await approver.send(again, action)  # a second hold is another act than the first
    assert (await site.version(live)).state == "held"
    assert action not in (await author.get("/room")).forms()  # an author holds nothing


async def test_no_field_changes_without_being_named_among_the_differences(site: Site) -> None:
    author, _ = await two(site)
    await submitted(author)
    v = await site.version(1)
    room = Room(site.app.state.web)
    other: dict[str, Any] = {
        "kind": "police_news",
        "status": "Exercise",
        "urgency": "Past",
        "severity": "Minor",
        "certainty": "Possible",
        "languages": {"cy": next(iter(v.content.languages.values()))},
        "expires": timedelta(hours=9),
        "level": "severe",
        "scope": "UK",
        "areas": (CAMDEN,),
        "polygons": ((((51.5, -0.1), (51.6, -0.1), (51.6, -0.2), (51.5, -0.1)),),),
        "circles": (Circle(latitude=51.5, longitude=-0.1, radius_km=1.0),),
        "audience": Audience(kinds=("officer",)),
        "channels": ("sms",),
        "hotlines": ("police_emergency",),
        "source": "a patrol",
        "note": "wrong street",
        "incidents": ("a,b,c",),
        "visibility": "private",
        "include_perhaps": True,
        "exercise": "Winter",
        "provider": "council",
    }
    assert set(other) == {each.name for each in fields(v.content)}
    for name, value in other.items():
        changed = replace(v, content=replace(v.content, **{name: value}))
        assert showing.compared(room, v, changed), name
