"""What the requests of one web process use of it together, and who asks how often; hold, cancel and
webhooks have a part of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ipaddress
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

from starlette.types import Scope

from broadcast.problems import Problem, Rejected
from console.server.limits import Limits, share_of

ASKERS_KEPT = 10_000
"""Tokens and addresses whose pace is remembered; the one that asked longest ago is forgotten
first.
"""

SHARES = ("general", "acts", "hooks")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(slots=True)
class _Pace:
    tokens: float
    at: float


class Capacity:
    """Counts what is under way. `proxies` are the networks of the proxies in front, whose forwarded
    addresses are believed.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        proxies: Iterable[Network] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits
        self._proxies, self._clock = tuple(proxies), clock
        self._paces: OrderedDict[str, _Pace] = OrderedDict()
        self.streams = 0
        self.requests = dict.fromkeys(SHARES, 0)
        self.body_bytes = dict.fromkeys(SHARES, 0)
        self._hooks_at_work = asyncio.Semaphore(limits.hooks_at_work)

    def ask(self, scope: Scope) -> None:
        """Count one more request of its token and its address; raises Rejected (429)."""
        share = share_of(scope["path"])
        if share != "hooks":  # a provider reports a million deliveries from a few addresses, signed
            for asker in self._askers(scope):
                self._check_pace(f"{share} {asker}")

    def read(self, share: str, size: int) -> None:
        """Count bytes of a body; raises Rejected (503) where all bodies of that share together are
        too many.
        """
        self.body_bytes[share] += size
        if self.body_bytes[share] > self._most(share, "body_bytes"):
            raise _busy("the bodies under way are too large together")

    def enter(self, share: str, *, stream: bool) -> None:
        """Take a place for a request that is there as a whole; raises Rejected (503)."""
        if stream:
            if self.streams >= self.limits.streams:
                raise _busy(
                    "too many event streams are open",
                    "close pages that nobody reads, and try again",
                )
            self.streams += 1
            return
        if self.requests[share] >= self._most(share, "requests"):
            raise _busy("too many requests are under way")
        self.requests[share] += 1

    def leave(self, share: str, *, stream: bool) -> None:
        """Give the place of a request back."""
        if stream:
            self.streams -= 1
        else:
            self.requests[share] -= 1

    @contextlib.asynccontextmanager
    async def turn(self, share: str) -> AsyncIterator[None]:
        """Wait for a turn. A provider reports whatever we handed over within a moment: if all of
        that were worked on at once, every look of a page at the database would stand behind it.
        """
        if share != "hooks":
            yield
            return
        async with self._hooks_at_work:
            yield

    def _most(self, share: str, what: str) -> int:
        return int(getattr(self.limits, what if share == "general" else f"{what}_{share}"))

    def address_of(self, scope: Scope) -> str:
        """Return the address a request comes from: the last one that no proxy of ours stands
        for.
        """
        address = scope["client"][0] if scope.get("client") else "local"
        if not self._proxies or not self._is_proxy(address):
            return address
        forwarded = b",".join(
            value for name, value in scope["headers"] if name == b"x-forwarded-for"
        )
        for hop in reversed(forwarded.decode("latin-1")[-2000:].split(",")):
            if hop.strip() and not self._is_proxy(hop.strip()):
                return hop.strip()[:64]
        return address

    def _is_proxy(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._proxies)

    def _askers(self, scope: Scope) -> list[str]:
        askers = [f"address {self.address_of(scope)}"]
        for name, value in scope["headers"]:
            if name == b"authorization":
                askers.append(f"token {hashlib.sha256(value).hexdigest()}")
        return askers[:2]

    def _check_pace(self, asker: str) -> None:
        now, limits = self._clock(), self.limits
        pace = self._paces.pop(asker, None) or _Pace(float(limits.requests_at_once), now)
        pace.tokens = min(
            limits.requests_at_once, pace.tokens + (now - pace.at) * limits.requests_per_second
        )
        pace.at = now
        self._paces[asker] = pace
        while len(self._paces) > ASKERS_KEPT:
            self._paces.popitem(last=False)
        if pace.tokens < 1:
            detail = f"more than {limits.requests_per_second:g} requests a second for some time"
            raise Rejected(
                Problem(
                    code="too_many_requests",
                    detail=detail,
                    fix="ask less often, and wait as long as Retry-After says",
                    status=429,
                )
            )
        pace.tokens -= 1


def read_proxies(text: str) -> tuple[Network, ...]:
    """Return the networks of a setting: addresses or networks with commas between. Raises
    ValueError.
    """
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def _busy(
    detail: str, fix: str = "try again in a moment, with the same Idempotency-Key"
) -> Rejected:
    return Rejected(
        Problem(
            code="busy",
            detail=detail,
            fix=fix,
            status=503,
        )
    )
