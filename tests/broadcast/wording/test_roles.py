"""As whom somebody gets a message who is registered several times."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broadcast.wording import roles
from broadcast.wording.languages import pack_for
from broadcast.wording.render import render
from tests.broadcast.wording.messages import FACTS, TAGS, a_content


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("status", ["Actual", "Exercise"])
def test_who_is_registered_twice_reads_as_whom_they_get_it_and_else_what_everybody_reads(
    tag: str, status: str
) -> None:
    content = a_content(status=status, exercise="Winter" if status == "Exercise" else "")
    twice = replace(FACTS, roles=("resident", "business", "business"))
    assert roles.languages() == set(TAGS)
    said = roles.as_whom(tag, twice.roles)
    assert said.count("(2)") == 1
    for channel in ("sms", "voice", "email"):
        everybody = render(content, FACTS, channel, tag)
        mine = render(content, twice, channel, tag)
        assert said in mine.body
        assert said not in everybody.body
        kept = " ".join(mine.body.replace(said, "").split())
        without = set(kept.split()) ^ set(everybody.body.split())
        assert without <= {pack_for(tag).full_stop, "."}
        if status == "Exercise":
            assert mine.body.rstrip().endswith("EXERCISE")
            assert mine.body.startswith("EXERCISE")
    assert roles.as_whom(tag, ()) == ""
