"""Every route of the control room's pages."""

from __future__ import annotations

from fastapi import APIRouter

from console.room import entry, home, message, passkey, resend, stream
from console.room.figures import Figures
from console.room.frame import Room
from console.room.looking import (
    administration,
    answers,
    exercises,
    log,
    machine,
    message_pictures,
    organisations,
    replay,
)
from console.room.looking.course import Courses
from console.room.writing import compose, submission
from console.server.context import Web


def router(web: Web) -> APIRouter:
    """Return the routes."""
    api, room = APIRouter(), Room(web)
    figures = Figures(room)
    courses = Courses(room, figures)
    entry.attach(api, room)
    passkey.attach(api, room)
    home.attach(api, room, figures)
    compose.attach(api, room)
    submission.attach(api, room)
    message.attach(api, room, courses)
    resend.attach(api, room, figures)
    stream.attach(api, room, figures, courses)
    log.attach(api, room, figures)
    answers.attach(api, room)
    administration.attach(api, room)
    organisations.attach(api, room)
    replay.attach(api, room, figures)
    message_pictures.attach(api, room, figures)
    machine.attach(api, room)
    exercises.attach(api, room)
    return api
