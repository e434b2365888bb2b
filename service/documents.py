"""The CAP document of a version: built once at publication and kept byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from broadcast.messages.published import CANCEL_SUFFIX
from broadcast.messages.versions import Version
from broadcast.wording.cancelling import in_languages
from config.settings import Settings

Documents = Callable[[Version, str, list[tuple[str, str, datetime]], datetime], bytes]


def documents(settings: Settings) -> Documents:
    """Return what builds a version's document of a msgType with its references, as sent at a
    time.
    """

    def document(
        v: Version, msg_type: str, references: list[tuple[str, str, datetime]], sent: datetime
    ) -> bytes:
        # a command that publishes nothing need not wait for XML
        from broadcast.cap.outgoing import as_cancel, to_cap
        from broadcast.cap.write import write

        identifier = v.identifier or f"{settings.sender}-{v.code}-{v.number}"
        note = v.content.note
        if msg_type == "Cancel":
            identifier += CANCEL_SUFFIX
            note = " / ".join(in_languages(v.cancel_reason, v.content.languages).values())
        if v.status == "Exercise" and not note:
            note = f"EXERCISE {v.content.exercise or v.code} EXERCISE"
        alert = to_cap(
            v.content,
            identifier=identifier,
            sender=settings.sender,
            sender_name=settings.sender_name,
            sent=sent,
            expires=v.ends(sent),
            msg_type=msg_type,
            references=tuple(references),
            code=v.code,
            public_url=settings.public_url,
            area_names=dict(v.resolved.names),
            group_names=v.resolved.group_names(),
            outlines=dict(v.resolved.outlines),
            near=v.resolved.near,
            note=note,
        )
        return write(as_cancel(alert, v.cancel_reason) if msg_type == "Cancel" else alert)

    return document
