"""A browser without script, as few lines: pages are parsed, forms are filled and sent, cookies are
kept by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from lxml import html

from tests.console.site import Site

HERE = "http://127.0.0.1"
"""The public address that a site is opened with, so that its cookies need no TLS."""
FORM = "application/x-www-form-urlencoded"


@dataclass
class Seen:
    """A page that came back."""

    status: int
    url: str
    text: str
    headers: Any

    @property
    def tree(self) -> Any:
        return html.fromstring(self.text)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.tree.itertext()).split())

    @property
    def h1(self) -> str:
        return " ".join(self.tree.xpath("string(//h1)").split())

    def forms(self) -> list[str]:
        return [str(f.get("action", self.url)) for f in self.tree.xpath("//form[@method='post']")]

    def fields(self, action: str) -> list[tuple[str, str]]:
        """Return what a browser would send of the form with this action, untouched."""
        for form in self.tree.xpath("//form[@method='post']"):
            if form.get("action", self.url) == action:
                # a browser leaves out the line break that a text area begins with
                return [(str(k), str(v).removeprefix("\n")) for k, v in form.form_values()]
        raise AssertionError(f"no form {action} on {self.url}: {self.forms()}")


@dataclass
class Visitor:
    """One browser profile."""

    site: Site
    cookies: dict[str, str] = field(default_factory=dict)
    origin: str | None = ""

    async def ask(
        self, method: str, path: str, pairs: Any = None, *, follow: bool = True, **headers: str
    ) -> Seen:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        data = None
        if method == "POST":
            data = urlencode(pairs or []).encode()
            sent.setdefault("Content-Type", FORM)
            if self.origin is not None:
                sent.setdefault("Origin", self.origin or self.site.url)
        async with self.site.client.request(
            method, self.site.url + path, data=data, headers=sent, allow_redirects=False
        ) as response:
            text = await response.text()
            for name, morsel in response.cookies.items():
                self.cookies[name] = morsel.value
                if not morsel.value:
                    del self.cookies[name]
            if follow and response.status == 303:
                return await self.ask("GET", response.headers["Location"].partition("#")[0])
            return Seen(response.status, path, text, response.headers)

    async def get(self, path: str, **more: Any) -> Seen:
        return await self.ask("GET", path, **more)

    async def send(self, page: Seen, action: str, more: Any = None, **changes: Any) -> Seen:
        """Send a form of a page with some fields changed; a list stands for several values."""
        wanted = {**(more or {}), **changes}
        pairs = [(k, v) for k, v in page.fields(action) if k not in wanted]
        for name, value in wanted.items():
            pairs += [(name, each) for each in (value if isinstance(value, list) else [value])]
        return await self.ask("POST", action, pairs)

    async def sign_in(self, role: str) -> Seen:
        page = await self.get("/room/sign-in")
        return await self.send(page, "/room/sign-in", token=self.site.tokens[role])
