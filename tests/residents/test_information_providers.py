"""From which organisations somebody hears: on their page in their language, over the API, in what
it would have meant last month, and in what they take with them.
"""

from __future__ import annotations

from datetime import UTC, datetime

from broadcast.groups import registered
from broadcast.groups.files import named
from tests.console.site import Site
from tests.residents.journey import Box, register
from tests.residents.test_api import WANTED, call
from tests.residents.test_choosing import me_of, told
from tests.residents.test_discreet import explained, lines

WATCH = named("provider", "Neighbourhood Watch", {"cy": "Gwarchod Cymdogaeth", "ar": "حراسة الحي"})
COUNCIL = named("provider", "Camden Council", {})


async def given(site: Site) -> None:
    await site.db.write(registered.register, [WATCH, COUNCIL], datetime.now(UTC))


async def test_who_switches_an_organisation_off_hears_only_what_is_urgent_of_it(
    site: Site, box: Box
) -> None:
    visitor, _ = await register(site, box)
    page = await visitor.get("/me")
    assert "Who you hear from" not in page.words  # nobody to choose among
    await given(site)
    page = await visitor.get("/me")
    ticked = "//input[@name='providers'][@checked]/@value"
    assert page.tree.xpath(ticked) == ["camden council", "neighbourhood watch"]
    assert await told(site, provider="Neighbourhood Watch")
    page = await visitor.send(page, "/me/providers", providers=["camden council"])
    assert "Saved. Your next message follows these choices." in page.words
    assert page.tree.xpath(ticked) == ["camden council"]
    me = (await me_of(site))["id"]
    message = await site.live(provider="Neighbourhood Watch")
    assert (await lines(site, message))[me] == ("not_sent", "provider_off")
    assert (await explained(site, message, me))["reason"] == "provider_off"
    last_month = (await visitor.get("/me/last-month")).words
    assert "from an organisation that you switched off: " in last_month
    assert await told(site, provider="Neighbourhood Watch", severity="Extreme")
    assert await told(site, provider="Camden Council")
    assert await told(site)
    taken = await visitor.get("/me/data.csv")
    assert "person.providers_off,neighbourhood watch" in taken.text
    await visitor.send(
        await visitor.get("/me"),
        "/me/providers",
        providers=["camden council", "neighbourhood watch"],
    )
    assert await told(site, provider="Neighbourhood Watch")


async def test_each_language_has_words_for_it_and_the_provider_s_name_there(
    site: Site, box: Box
) -> None:
    visitor, _ = await register(site, box)
    await given(site)
    for lang, heading, name in (
        ("cy", "Gan bwy y clywch", "Gwarchod Cymdogaeth"),
        ("ar", "ممن تصلك الرسائل", "حراسة الحي"),
    ):
        page = await visitor.get(f"/me?lang={lang}")
        section = page.tree.xpath("//section[@id='providers']")[0]
        assert section.xpath("string(h2)") == heading
        assert name in section.xpath("string()")


async def test_a_provider_registered_while_the_page_was_read_stays_wanted(
    site: Site, box: Box
) -> None:
    visitor, _ = await register(site, box)
    await site.db.write(registered.register, [COUNCIL], datetime.now(UTC))
    page = await visitor.get("/me")
    await given(site)
    await visitor.send(page, "/me/providers", providers=[])
    assert (await me_of(site))["providers_off"] == ["camden council"]
    assert await told(site, provider="Neighbourhood Watch")


async def test_a_program_reads_who_there_is_and_switches_one_off(site: Site, box: Box) -> None:
    await given(site)
    begun = await call(site, "POST", "/registrations", WANTED)
    typed = {"registration": begun.json["registration"], "code": await box.code()}
    session = (await call(site, "POST", "/registrations/confirm", typed)).json["session"]
    found = (await call(site, "GET", "/me", session=session)).json["providers"]
    assert found == [
        {"provider": "camden council", "name": "Camden Council", "wanted": True},
        {"provider": "neighbourhood watch", "name": "Neighbourhood Watch", "wanted": True},
    ]
    wrong = await call(site, "PATCH", "/me", {"providers_off": ["Wach"]}, session)
    assert (wrong.status, wrong.code) == (422, "provider_unknown")
    off = {"providers_off": ["neighbourhood watch"]}
    done = await call(site, "PATCH", "/me", off, session)
    assert [each["wanted"] for each in done.json["providers"]] == [True, False]
    assert not await told(site, provider="Neighbourhood Watch")
