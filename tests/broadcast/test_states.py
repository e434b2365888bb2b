"""Every action in every state: what it leads to, or that it is refused."""

from __future__ import annotations

from itertools import product

import pytest

from broadcast.messages.states import RESUMES, STATES, TRANSITIONS, after
from broadcast.problems import Rejected

ACTIONS = sorted({action for action, _ in TRANSITIONS})


@pytest.mark.parametrize(("action", "state"), list(product(ACTIONS, STATES)))
def test_an_action_leads_where_the_table_says_and_nowhere_else(action: str, state: str) -> None:
    target = TRANSITIONS.get((action, state))
    if target is None:
        with pytest.raises(Rejected, match="state_conflict") as said:
            after(action, state, "live")
        assert said.value.status == 409
    elif target != RESUMES:
        assert after(action, state, "held") == target


def test_resume_leads_back_to_the_state_that_hold_found() -> None:
    assert after("resume", "held", "live") == "live"
    assert after("resume", "held", "approved") == "approved"
    # held before that was kept: it waits for its release
    assert after("resume", "held") == "approved"
