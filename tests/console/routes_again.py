"""Routes that were built once serve one installation after the other: building all of them takes a
third of a second, and most tests open an installation of their own.

What pages and API keep between two requests is made anew for every installation, by calling again
the initialisers that ran while the routes were built.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, cast

from fastapi import FastAPI
from jinja2 import Environment
from starlette.routing import BaseRoute

from console.server.context import Web
from console.server.web import attach_routes

_OURS = ("console.", "service.", "broadcast.")


class _Late:
    """Stands for the joined parts of whichever installation the routes serve now."""

    now_for: Web
    building = False

    def __getattr__(self, name: str) -> Any:
        if self.building:  # what an initialiser keeps is made anew, nothing else
            asks = sys._getframe(1).f_code
            assert asks.co_name == "__init__", f"{asks.co_qualname} keeps {name} while it is built"
        return getattr(self.now_for, name)


class Routes:
    """The routes of one application at a time."""

    def __init__(self) -> None:
        self._late = _Late()
        self._made: list[tuple[Any, dict[str, Any]]] = []
        self._routes: list[BaseRoute] = []

    def attach(self, app: FastAPI, web: Web) -> None:
        """Add the routes to an application, which nothing else is served by from now on."""
        self._late.now_for = web
        if not self._routes:
            self._late.building = True
            with self._noting():
                attach_routes(app, cast("Web", self._late))
            self._late.building = False
            self._routes = list(app.router.routes)
            return
        for thing, given in self._made:
            compiled = {k: v for k, v in _kept(thing).items() if isinstance(v, Environment)}
            thing.__init__(**given)
            _kept(thing).update(compiled)
        app.router.routes[:] = self._routes
        app.router._mark_routes_changed()

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Note what is made, with which arguments, until the block ends."""

        def note(frame: FrameType, event: str, _about: Any) -> None:
            code = frame.f_code
            if event != "call" or code.co_name != "__init__":
                return
            named = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            thing = frame.f_locals[named[0]]
            if type(thing).__module__.startswith(_OURS):
                self._made.append((thing, {name: frame.f_locals[name] for name in named[1:]}))

        before = sys.getprofile()
        sys.setprofile(note)
        try:
            yield
        finally:
            sys.setprofile(before)


def _kept(thing: Any) -> dict[str, Any]:
    return getattr(thing, "__dict__", {})


_free: list[Routes] = []


@contextmanager
def routes() -> Iterator[Routes]:
    """Lend routes until the block ends: several installations at once have their own."""
    lent = _free.pop() if _free else Routes()
    yield lent
    _free.append(lent)
