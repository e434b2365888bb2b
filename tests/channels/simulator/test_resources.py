"""The simulator's lists, changes and removals are those of Twilio's OpenAPI description, asked with
the official library.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest

from broadcast.content import segments
from channels.contract import ChannelError
from channels.simulator import Simulator
from channels.twilio.client import TwilioClient, TwilioHttp
from tests.channels.simulator.rig import ACCOUNT, TOKEN
from tests.channels.twilio_api import answers
from tests.sources import EITHER

TEXT = {"to": "+447700900123", "from_": "+15005550006"}
CALL = {
    "to": "+442079460123",
    "from_": "+15005550006",
    "twiml": "<Response><Say>Hi</Say></Response>",
}


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[Any]:
    through = TwilioHttp(api_base=simulator.http_url, concurrency=4)
    yield TwilioClient(account=ACCOUNT, token=TOKEN, http=through)
    await through.close()


async def refused(act: Awaitable[object]) -> str:
    """Return the provider's code with which an act is refused."""
    with pytest.raises(ChannelError) as error:
        await act
    return error.value.code


async def removed(http: aiohttp.ClientSession, simulator: Simulator, what: str) -> int:
    """Remove a resource; return the status of the answer."""
    url = f"{simulator.http_url}/2010-04-01/Accounts/{ACCOUNT}/{what}.json"
    async with http.delete(url) as answer:
        return answer.status


@pytest.mark.parametrize("body", ["a" * 159, "a" * 161, "ż" * 71, "€" * 80, "€" * 81, "😀" * 35])
async def test_segments_are_counted_as_we_count_them(client: Any, body: str) -> None:
    made = await client.messages.create_async(**TEXT, body=body)
    assert made.num_segments == str(segments.count(body).segments)


async def test_texts_are_listed_by_the_day_they_were_sent(
    simulator: Simulator, client: Any
) -> None:
    old = await client.messages.create_async(**TEXT, body="old")
    await simulator.settled()
    record = simulator.handsets.by_sid[old.sid]
    assert record.sent is not None
    record.sent -= 3 * 86400
    new = await client.messages.create_async(**TEXT, body="new")
    await simulator.settled()
    today = datetime.now(UTC).date()

    async def listed(**asked: Any) -> set[str]:
        return {message.sid for message in await client.messages.list_async(**asked)}

    three_days_ago, yesterday = today - timedelta(days=3), today - timedelta(days=1)
    midday = datetime.combine(today - timedelta(days=2), datetime.min.time(), UTC)
    assert await listed() == {old.sid, new.sid}
    assert await listed(date_sent=three_days_ago) == {old.sid}
    assert await listed(date_sent_before=yesterday) == {old.sid}
    assert await listed(date_sent_before=midday) == {old.sid}
    assert await listed(date_sent_before=three_days_ago) == {old.sid}, "that day itself counts"
    assert await listed(date_sent_after=yesterday) == {new.sid}
    assert await listed(date_sent_after=three_days_ago) == {old.sid, new.sid}
    assert await listed(date_sent=yesterday) == set()
    assert await listed(date_sent_after=midday, to="+447700900999") == set()


async def test_a_date_that_is_none_is_refused(http: aiohttp.ClientSession, simulator: Simulator):
    url = f"{simulator.http_url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    async with http.get(url, params={"DateSent>": "yesterday"}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, 20001)


async def test_calls_are_listed_by_status_and_time(simulator: Simulator, client: Any) -> None:
    simulator.control(numbers={"+442079460124": "busy"})
    heard = await client.calls.create_async(**CALL)
    busy = await client.calls.create_async(**{**CALL, "to": "+442079460124"})
    await simulator.settled()
    today = datetime.now(UTC).date()

    async def listed(**asked: Any) -> set[str]:
        return {call.sid for call in await client.calls.list_async(**asked)}

    assert await listed(status="completed") == {heard.sid}
    assert await listed(status="busy") == {busy.sid}
    assert await listed(status="ringing") == set()
    assert await listed(start_time=today) == {heard.sid}, "a busy one never started"
    assert await listed(start_time_before=today) == set(), "before that day, unlike messages"
    assert await listed(start_time_after=today) == {heard.sid}
    assert await listed(end_time=date(2020, 1, 1)) == set()
    assert await listed(parent_call_sid="CA" + "1" * 32) == set()


async def test_a_text_is_redacted_and_removed_and_the_ledger_keeps_it(
    simulator: Simulator, client: Any, http: aiohttp.ClientSession
) -> None:
    made = await client.messages.create_async(**TEXT, body="Hello")
    assert await removed(http, simulator, f"Messages/{made.sid}") == 409
    await simulator.settled()
    other = client.messages(made.sid).update_async(body="Something else")
    assert await refused(other) == "20001"
    assert (await client.messages(made.sid).update_async(body="")).body == ""
    assert await removed(http, simulator, f"Messages/{made.sid}") == 204
    assert await refused(client.messages(made.sid).fetch_async()) == "20404"
    assert await client.messages.list_async() == []
    assert [entry.body for entry in simulator.ledger] == ["Hello"]


async def test_a_call_is_ended_once_and_not_again(
    simulator: Simulator, client: Any, http: aiohttp.ClientSession
) -> None:
    made = await client.calls.create_async(**CALL)
    ended = await client.calls(made.sid).update_async(status="completed")
    assert ended.status == "canceled", "nobody had taken it yet"
    await simulator.settled()
    assert (await client.calls(made.sid).fetch_async()).status == "canceled"
    again = client.calls(made.sid).update_async(status="completed")
    assert await refused(again) == "21220"
    assert await removed(http, simulator, f"Calls/{made.sid}") == 204


async def test_a_call_under_way_is_told_other_words_and_ended_but_not_called_off(
    simulator: Simulator, client: Any
) -> None:
    made = await client.calls.create_async(**CALL)
    await simulator.settled()
    simulator.handsets.by_sid[made.sid].status = "in-progress"
    other = "<Response><Say>Stay in</Say></Response>"
    spoken = await client.calls(made.sid).update_async(twiml=other)
    assert (spoken.status, simulator.handsets.by_sid[made.sid].body) == ("in-progress", other)
    assert await refused(client.calls(made.sid).update_async(status="canceled")) == "21220"
    assert (await client.calls(made.sid).update_async(status="completed")).status == "completed"


async def test_lists_are_by_who_sent_and_who_got_it(simulator: Simulator, client: Any) -> None:
    sent = [
        await client.messages.create_async(to=to, from_=sender, body="x")
        for to in ("+447700900123", "+447700900124")
        for sender in ("+15005550006", "+447700900998")
    ]
    await simulator.settled()
    found = await client.messages.list_async(to="+447700900124", from_="+447700900998")
    assert [message.sid for message in found] == [sent[3].sid]
    assert len(await client.messages.list_async(from_="+15005550006")) == 2


@pytest.mark.parametrize("source", EITHER)
async def test_an_account_is_of_the_documented_form_and_shows_no_token(
    source: Path, simulator: Simulator, client: Any, http: aiohttp.ClientSession
) -> None:
    url = f"{simulator.http_url}/2010-04-01/Accounts/{ACCOUNT}.json"
    async with http.get(url) as answer:
        found = await answer.json()
    jsonschema.validate(found, answers(source)["account"])
    assert found["auth_token"] is None
    fetched = await client.api.v2010.accounts(ACCOUNT).fetch_async()
    assert (fetched.sid, fetched.status) == (ACCOUNT, "active")
    simulator.control(check_auth=True, account=ACCOUNT, token="another")
    assert await refused(client.api.v2010.accounts(ACCOUNT).fetch_async()) == "20003"
