"""Under each attack on the doors, urgent messages go out as if nothing were the matter: the long
form, printed.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from broadcast.content.model import Audience
from broadcast.ledger.claims.tables import slice_
from broadcast.messages.tables import version
from broadcast.operators import operators
from broadcast.store.database import Connection
from subscribers.registry import importing
from tests.chaos.embedded import embedded
from tests.chaos.harness import CAMDEN, ROOT, System, base_env, content, people, running, urgent
from tests.security.attacker import ATTACKS
from tests.services.process import tree_of

MESSAGES = 100
P99_SECONDS = 2.0
SLOWER = 1.5
ANSWER_SECONDS = 2.0


@contextmanager
def descriptors(soft: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def memory_of(system: System) -> int:
    """Return the resident memory of `up` and all below it, in MiB."""
    process = system.kept["up"].program.process
    assert process is not None
    found = 0
    for pid in tree_of(process.pid):
        found += int(Path("/proc", str(pid), "statm").read_text(encoding="ascii").split()[1])
    return found * resource.getpagesize() >> 20


async def delays(system: System) -> tuple[list[float], float]:
    """Publish the messages; return seconds from approval to first delivery attempt, sorted, and to
    the last of all.
    """
    small = Audience(kinds=("business",))
    ids = []
    began = time.monotonic()
    for n in range(MESSAGES):
        text = urgent(CAMDEN, f"Stay indoors, number {n}")
        ids.append(
            (
                await system.publish(
                    replace(text, areas=content().areas)
                    if n == MESSAGES // 2
                    else replace(text, audience=small)
                )
            ).id
        )

    def read(conn: Connection) -> list[tuple[datetime, datetime | None]]:
        first = (
            select(slice_.c.version_id, func.min(slice_.c.claimed_at).label("at"))
            .group_by(slice_.c.version_id)
            .subquery()
        )
        query = select(version.c.approved_at, first.c.at).outerjoin(
            first, first.c.version_id == version.c.id
        )
        return [(row[0], row[1]) for row in conn.execute(query.where(version.c.id.in_(ids)))]

    async def all_claimed() -> bool:
        return all(at is not None for _, at in await system.db.read(read))

    await system.until(all_claimed, 60)
    took = time.monotonic() - began
    return (
        sorted(
            (at - approved).total_seconds()
            for approved, at in await system.db.read(read)
            if at is not None
        ),
        took,
    )


async def answers(system: System, token: str) -> dict[str, float]:
    """Return how long hold, cancel and a webhook take to be answered, each tried three times: the
    slowest.
    """
    url, found = str(system.env["FASTTIME_PUBLIC_URL"]), {}
    v = await system.publish(replace(urgent(CAMDEN), audience=Audience(kinds=("business",))))

    def ask(path: str, body: bytes) -> float:
        headers = {
            "Authorization": f"Bearer {token}",
            "Idempotency-Key": str(uuid.uuid4()),
            "Content-Type": "application/json",
        }
        if path.startswith("/hooks"):
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        request = urllib.request.Request(url + path, data=body, method="POST", headers=headers)
        began = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status = answer.status
        except urllib.error.HTTPError as refused:
            status = refused.code
        assert status in (200, 403, 409), (path, status)
        return time.monotonic() - began

    for name, path, body in (
        ("webhook", "/hooks/twilio/inbound", b"AccountSid=x"),
        ("hold", f"/api/v1/messages/{v.message_id}/hold", b"{}"),
        ("cancel", f"/api/v1/messages/{v.message_id}/cancel", b'{"why": "over", "reason": "over"}'),
    ):
        found[name] = max([await asyncio.to_thread(ask, path, body) for _ in range(3)])
    return found


@pytest.mark.security
@pytest.mark.timeout(1200)
async def test_a_hundred_urgent_messages_go_out_in_time_under_every_attack(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    system = embedded(tmp_path, rate=0, seed=3)
    rows: list[tuple[str, Any]] = []
    before: dict[str, float] = {}
    with descriptors(1024):
        async with running(system, 1000):
            now = datetime.now(UTC)
            extra = [
                p._replace(
                    external_id=f"b{n}", kind="business", area=CAMDEN, mobile=f"+9998{n:08d}"
                )
                for n, p in enumerate(people(5))
            ]
            await system.db.write(importing.import_records, extra, "test", now)
            _, token = await system.db.write(
                operators.add, name="Cy", role="approver", area=None, email=None, now=now
            )
            _, author = await system.db.write(
                operators.add, name="Di", role="author", area=None, email=None, now=now
            )
            quiet, quiet_all = await delays(system)
            resting = memory_of(system)
            rows.append(
                ("undisturbed", (quiet, quiet_all, await answers(system, token), resting, resting))
            )
            for name in ATTACKS:
                # As many messages are out before the attack as during it: the pair is compared
                _, quiet_all = await delays(system)
                port = str(system.web_port)
                command = [
                    sys.executable,
                    "-m",
                    "tests.security.attacker",
                    name,
                    "127.0.0.1",
                    port,
                    author,
                ]
                attacker = subprocess.Popen(command, cwd=ROOT, env=base_env())
                try:
                    await asyncio.sleep(3)
                    found, took = await delays(system)
                    told = await answers(system, token)
                    most = memory_of(system)
                finally:
                    attacker.kill()
                    await asyncio.to_thread(attacker.wait)
                until = time.monotonic() + 60
                while memory_of(system) > resting * 1.5 and time.monotonic() < until:
                    await asyncio.sleep(1)
                rows.append((name, (found, took, told, most, memory_of(system))))
                before[name] = quiet_all
    heading = (
        "attack                first attempt p50   p99     last   all in, quiet   hold  cancel"
    )
    lines = [f"{heading}  webhook   memory, after"]
    for name, (found, took, told, most, after) in rows:
        p99 = found[int(len(found) * 0.99) - 1]
        lines.append(
            f"{name:21} {found[len(found) // 2]:13.2f} s {p99:5.2f} s {found[-1]:5.2f} s"
            f" {took:6.1f} s {before.get(name, took):5.1f} s {told['hold']:5.2f} s"
            f" {told['cancel']:5.2f} s {told['webhook']:6.2f} s"
            f" {most:6d} {after:6d} MiB"
        )
    with capsys.disabled():
        print("\n" + "\n".join(lines) + "\n")
    for name, (found, took, told, _most, after) in rows:
        assert found[int(len(found) * 0.99) - 1] <= P99_SECONDS, name
        assert took <= SLOWER * before.get(name, took) + 0.5, name
        assert max(told.values()) <= ANSWER_SECONDS, name
        assert after <= resting * 1.5, name
