"""What the simulated provider was handed: append-only, and what every test compares with."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

KINDS = ("sms", "calls", "mails")

_quoted = lru_cache(maxsize=4096)(json.dumps)  # bodies repeat by the thousand


@dataclass(slots=True)
class Entry:
    """One attempt. `at` is seconds since 1970; `taken`: a real provider would have sent it on.

    `outcome`: taken, lost_reply, error_after, slow (all four taken); "refused 21211", throttled,
    error_before, dropped (none of them taken). `body` of a call is what was read aloud, known once
    somebody picked up; `keys` what they pressed.
    """

    to: str
    attempt: str
    body: str
    at: float
    outcome: str
    taken: bool
    sid: str = ""
    keys: str = ""

    def to_json(self) -> str:
        """Return one JSON object; `at` as RFC 3339 in UTC."""
        at = datetime.fromtimestamp(self.at, UTC).isoformat()
        keys = f', "keys": {_quoted(self.keys)}' if self.keys else ""
        return (
            f'{{"to": {json.dumps(self.to)}, "attempt": {json.dumps(self.attempt)}, "body":'
            f' {_quoted(self.body)}, "at": "{at}", "outcome": "{self.outcome}", "taken":'
            f' {"true" if self.taken else "false"}, "sid": {json.dumps(self.sid)}{keys}}}'
        )


class Ledger:
    """Three lists of entries. With a path each entry is written out before it is answered, and an
    existing file is read first.

    The file is JSON lines: {"kind", …entry} and, for calls, {"heard": sid, "body", "keys"}.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.sms: list[Entry] = []
        self.calls: list[Entry] = []
        self.mails: list[Entry] = []
        self._by_sid: dict[str, Entry] = {}  # calls only: what was heard comes later
        self._file = -1
        if path is not None:
            if path.exists():
                self._read(path)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def of(self, kind: str) -> list[Entry]:
        """Return the list named "sms", "calls" or "mails"."""
        return {"sms": self.sms, "calls": self.calls, "mails": self.mails}[kind]

    def add(self, kind: str, entry: Entry) -> None:
        """Append one entry."""
        self._keep(kind, entry)
        if self._file >= 0:
            os.write(self._file, f'{{"kind": "{kind}", {entry.to_json()[1:]}\n'.encode())

    def heard(self, sid: str, body: str = "", keys: str = "") -> None:
        """Note what was read aloud in a call, or which keys were pressed."""
        entry = self._by_sid.get(sid)
        if entry is None:
            return
        entry.body = body or entry.body
        entry.keys += keys
        if self._file >= 0:
            os.write(
                self._file, (json.dumps({"heard": sid, "body": body, "keys": keys}) + "\n").encode()
            )

    def to_json(self) -> bytes:
        """Return {sms, calls, mails} as one JSON document."""
        return (
            "{"
            + ", ".join(
                f'"{kind}": [{",".join(entry.to_json() for entry in self.of(kind))}]'
                for kind in KINDS
            )
            + "}"
        ).encode()

    def summary(self) -> dict[str, dict[str, object]]:
        """Return for each list: how many, how many taken, people reached, outcomes, and what was
        taken twice.

        `attempts_twice`: attempt ids taken more than once. `bodies_twice`: people who got the very
        same words more than once.
        """
        return {kind: _summary(self.of(kind)) for kind in KINDS}

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __iter__(self) -> Iterator[Entry]:
        for kind in KINDS:
            yield from self.of(kind)

    def _keep(self, kind: str, entry: Entry) -> None:
        self.of(kind).append(entry)
        if kind == "calls" and entry.sid:
            self._by_sid[entry.sid] = entry

    def _read(self, path: Path) -> None:
        for line in path.read_bytes().splitlines():
            try:
                row = json.loads(line)
            except ValueError:  # the last line of a run that was killed while it wrote
                continue
            if "heard" in row:
                self.heard(row["heard"], row["body"], row["keys"])
                continue
            at = datetime.fromisoformat(row["at"]).timestamp()
            known = {
                name: row.get(name, "") for name in ("to", "attempt", "body", "outcome", "sid")
            }
            self._keep(row["kind"], Entry(**known, at=at, taken=row["taken"]))


def _summary(entries: list[Entry]) -> dict[str, object]:
    taken = [entry for entry in entries if entry.taken]
    attempts = Counter(entry.attempt for entry in taken if entry.attempt)
    bodies = Counter((entry.to, entry.body) for entry in taken if entry.body)
    return {
        "entries": len(entries),
        "taken": len(taken),
        "people": len({entry.to for entry in taken}),
        "outcomes": dict(Counter(entry.outcome for entry in entries)),
        "attempts_twice": sum(1 for times in attempts.values() if times > 1),
        "bodies_twice": sum(1 for times in bodies.values() if times > 1),
    }
