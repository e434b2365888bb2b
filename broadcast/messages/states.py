"""The states of a message version: one table of allowed changes, checked in one function."""

from __future__ import annotations

from broadcast.problems import Rejected, refuse

STATES = (
    "draft",
    "pending_approval",
    "returned",
    "rejected",
    "approved",
    "live",
    "held",
    "blocked",
    "expired",
    "superseded",
    "corrected",
    "cancelled",
    "stood_down",
)
OPEN = ("draft", "pending_approval", "returned", "approved", "blocked")
"""Unpublished: at most one such version per message."""
ENDED = ("rejected", "expired", "superseded", "corrected", "cancelled", "stood_down")
RESUMES = "resume_state"

TRANSITIONS: dict[tuple[str, str], str] = {
    ("edit", "draft"): "draft",
    ("edit", "returned"): "draft",
    ("submit", "draft"): "pending_approval",
    ("submit", "returned"): "pending_approval",
    ("submit", "blocked"): "pending_approval",
    ("approve", "pending_approval"): "approved",
    ("return", "pending_approval"): "returned",
    (
        "return_published",
        "pending_approval",
    ): "blocked",  # its text went out as a document: it is approved as it is, or cancelled
    ("reject", "draft"): "rejected",
    ("reject", "returned"): "rejected",
    ("reject", "pending_approval"): "rejected",
    ("release", "approved"): "live",
    ("block", "approved"): "blocked",
    ("hold", "approved"): "held",
    ("hold", "live"): "held",
    ("resume", "held"): RESUMES,
    ("cancel", "approved"): "cancelled",
    ("cancel", "blocked"): "cancelled",
    ("cancel", "live"): "cancelled",
    ("cancel", "held"): "cancelled",
    ("expire", "approved"): "expired",
    ("expire", "blocked"): "expired",
    ("expire", "live"): "expired",
    ("expire", "held"): "expired",
    ("supersede", "live"): "superseded",
    ("supersede", "held"): "superseded",
    # What people were told can be wrong, or over, after it stopped being shown: these two reach the
    # ended ones as well.
    ("correct", "live"): "corrected",
    ("correct", "held"): "corrected",
    ("correct", "expired"): "corrected",
    ("correct", "cancelled"): "corrected",
    ("stand_down", "live"): "stood_down",
    ("stand_down", "held"): "stood_down",
    ("stand_down", "expired"): "stood_down",
    ("stand_down", "cancelled"): "stood_down",
}

ENDS_PREDECESSOR = {"update": "supersede", "correct": "correct", "all_clear": "stand_down"}
"""What approving a version of that action does to the one before it (rule R10)."""

_FIX = {
    "edit": (
        "only a draft or a returned version can be edited: have an approver return it first, or"
        " write an update"
    ),
    "submit": "only a draft, a returned or a blocked version can be submitted",
    "approve": "only a submitted version can be approved: submit it first",
    "return": "only a submitted version can be returned",
    "reject": "only an unpublished version can be rejected; cancel a published one",
    "hold": "only an approved or live version can be held",
    "resume": "only a held version can be resumed",
    "cancel": "only a published version can be cancelled; reject a draft",
    "supersede": "only a live version can be updated",
    "correct": "only a version that went out can be corrected",
    "stand_down": "only a version that went out can be stood down",
}


def after(action: str, state: str, resume_state: str | None = None) -> str:
    """Return the state that `action` leads to from `state`; raises Rejected (409 state_conflict)
    where it is not allowed.
    """
    target = TRANSITIONS.get((action, state))
    if target is None:
        raise state_conflict(action, state)
    if target == RESUMES:
        return resume_state or "approved"
    return target


def state_conflict(action: str, state: str) -> Rejected:
    """Return the refusal of an action in a state that does not allow it."""
    return refuse(
        "state_conflict",
        f"{action.replace('_', ' ')} is not possible: the version is {state.replace('_', ' ')}",
        _FIX.get(action, ""),
        field="state",
        status=409,
    )
