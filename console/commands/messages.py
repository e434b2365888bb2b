"""fasttime message: writing, submitting, approving and ending messages. What acts does so as the
person of FASTTIME_TOKEN.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broadcast.problems import Problem
from console.command_group import Group
from console.commands.options import Json, MessageFile, MessageId, Why, Yes
from console.output import Output, on_terminal, problem_json, sums

if TYPE_CHECKING:
    from broadcast.messages.versions import Version
    from broadcast.operators.operators import Operator
    from console.commands.session import Session
    from service.commands.submitting import Seen

app = typer.Typer(
    cls=Group,
    name="message",
    help="Write, submit, approve, hold, cancel, correct.",
    no_args_is_help=True,
)


_WITHOUT_HASH = Problem(
    code="hash_missing",
    detail="without --hash this would approve a text that nobody was shown here",
    fix="say what was read: give --hash, as `submit` and `message show` print it",
    field="--hash",
    status=409,
)
"""Off a terminal the hash is what ties an approval to what its author submitted."""


async def counts_of(session: Session, v: Version) -> dict[str, Any] | None:
    """Return the account of a version that went out; what was counted at submission of one that did
    not.
    """
    from broadcast.ledger import delivery_report
    from broadcast.messages import small_counts

    if v.published:
        return (await session.db.read(delivery_report.account, v)).shown()
    return (
        None if v.seen_count is None else {"people": small_counts.number(v.seen_count, v.content)}
    )


async def message_document(session: Session, v: Version, **more: Any) -> dict[str, Any]:
    """Return the contract's JSON of a message, with more of this command's own."""
    from console.shapes import message_json

    return message_json(v, await counts_of(session, v)) | more


def _line(v: Version) -> str:
    return (
        f"message {v.message_id} version {v.number}: {v.kind}, {v.status},"
        f" {v.state.replace('_', ' ')}"
    )


def _act(json: bool, work: Callable[[Session, Operator, Output], Awaitable[None]]) -> None:
    """Run one person's act."""
    from console.commands.session import run

    out = Output(json=json)

    async def inside(session: Session) -> None:
        await work(session, await session.person(), out)

    run(inside, out)


async def drafted(session: Session, out: Output, v: Version, *more: str) -> None:
    """Print a draft as it is kept now."""
    out.answer(
        await message_document(session, v),
        _line(v),
        *more,
        f"next: fasttime message submit {v.message_id}",
    )


@app.command("draft")
def draft(file: MessageFile, json: Json = False) -> None:
    """Start a message; it goes to nobody until a second person approves it."""
    from broadcast.operators import operators
    from console.commands.texts import read_new
    from service.commands import drafting

    async def work(session: Session, actor: Operator, out: Output) -> None:
        operators.require(actor, "draft")
        read = await read_new(session, file)
        out.warn(read.warnings)
        if read.updates is None:
            await drafted(
                session, out, await session.context.do(drafting.draft, actor, read.content)
            )
        else:
            v = await session.context.do(
                drafting.follow, actor, read.updates, "update", read.content
            )
            await drafted(
                session, out, v, f"an update of message {read.updates}, as the document says"
            )

    _act(json, work)


@app.command("edit")
def edit(id_: MessageId, file: MessageFile, json: Json = False) -> None:
    """Replace the text of a draft; any submission of it is void."""
    from console.commands.texts import read_edit, read_following
    from service.commands import drafting, reading

    async def work(session: Session, actor: Operator, out: Output) -> None:
        v = await reading.head(session.context, id_)
        if v.action == "new":
            read = read_edit(file, session.now(), v.content)
        else:
            read = read_following(
                file,
                session.now(),
                await drafting.base_of(session.context, id_),
                v.action,
                v.content,
            )
        out.warn(read.warnings)
        await drafted(
            session, out, await session.context.do(drafting.edit, actor, id_, read.content)
        )

    _act(json, work)


@app.command("preview")
def preview(id_: MessageId, json: Json = False) -> None:
    """Say who would be told and by which channels; changes nothing."""
    from service.commands import submitting

    async def work(session: Session, actor: Operator, out: Output) -> None:
        v, seen = await session.context.do(submitting.preview, actor, id_)
        await _answer_seen(
            session,
            out,
            v,
            seen,
            (
                f"next: fasttime message submit {v.message_id}"
                if v.state in ("draft", "returned")
                else ""
            ),
        )

    _act(json, work)


@app.command("submit")
def submit(
    id_: MessageId,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            "--accept",
            metavar="CODE",
            help="A warning that you accept; the approver sees the others.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Ask for the approval of exactly this text, to exactly these people."""
    from service.commands import submitting

    async def work(session: Session, actor: Operator, out: Output) -> None:
        v, seen = await session.context.do(submitting.submit, actor, id_, accept or ())
        await _answer_seen(
            session,
            out,
            v,
            seen,
            f"next, by another person: fasttime message approve {v.message_id} --hash"
            f" {v.content_hash}",
        )

    _act(json, work)


async def _answer_seen(
    session: Session, out: Output, v: Version, seen: Seen, following: str
) -> None:
    from broadcast.messages import small_counts
    from console.expected import sentences
    from console.explained import clock_of

    out.warn(seen.warnings)
    counts, people = seen.shown(v), small_counts.number(seen.people, v.content)
    document = await message_document(session, v) | {
        "counts": counts,
        "people": people,
        "warnings": [problem_json(p) for p in seen.warnings],
        "expected": seen.expected.to_json(),
    }
    channels = ", ".join(f"{channel} {n}" for channel, n in counts["channels"].items()) or "none"
    lines = [
        _line(v),
        f"addressed {counts['addressed']}, would be sent to {people}{_more(v)}",
        f"by channel: {channels}",
        f"not sent to: {sums(counts['suppressed'])}",
    ]
    if counts["organisations"]:
        lines.append(f"by trade and size: {sums(counts['organisations'])}")
    if counts["passes_on"]:
        from console.room import naming

        lines.append(f"among them: {naming.inboxes(counts['passes_on'])}")
    if counts["held"]:
        lines.append(f"of these, after their quiet hours: {counts['held']}")
    if counts["perhaps"]:
        lines.append(f"perhaps inside, and not told: {counts['perhaps']}")
    clock = clock_of(session.settings.timezone)
    lines += sentences(seen.expected, lambda at: clock(at.isoformat()))
    out.answer(document, *lines, *([following] if following else []))


def _more(v: Version) -> str:
    return f", and up to {v.margin} more who register meanwhile" if v.margin else ""


@app.command("approve")
def approve(
    id_: MessageId,
    content_hash: Annotated[
        str | None,
        typer.Option(
            "--hash",
            metavar="H",
            help="What you approve; refused if it changed since.",
            show_default=False,
        ),
    ] = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Approve as the second person: with that it is published and goes out. Off a terminal only
    with --hash.
    """
    from broadcast.messages import resends, small_counts
    from broadcast.operators import operators
    from broadcast.problems import Rejected
    from service.commands import deciding, reading

    async def work(session: Session, actor: Operator, out: Output) -> None:
        operators.require(actor, "approve")
        v = await reading.head(session.context, id_)
        seen = content_hash
        waiting = await session.db.read(resends.waiting, id_)
        if v.state == "pending_approval":
            asks = on_terminal() and not yes
            if content_hash is None and not on_terminal():
                raise Rejected([_WITHOUT_HASH])
            if asks:
                _show_text(out, v, session)
            await _show_warned(session, actor, out, v, count=asks)
            out.confirm(
                f"This goes at once to {people_in_words(v)}, and cannot be taken back.",
                yes=yes,
                expected=_people(v),
            )
            # what was read is what is approved, whoever edits it meanwhile
            seen = content_hash or v.content_hash
        elif waiting is not None and seen in (None, waiting.digest):
            number = waiting.shown(v.content)["people"]
            people = str(number)
            question = (
                f"This sends message {id_} once more to {small_counts.people(number)}, marked"
                " REPEAT"
                f" ({waiting.only.replace('_', ' ')})."
            )
            if on_terminal() and not yes:
                out.confirm(question, yes=yes, expected=people)
                seen = waiting.digest  # the person has read whom and typed how many
        done = await session.context.do(deciding.approve, actor, id_, seen)
        running = await is_running(session)
        if not running:
            out.note(
                "approved; nothing is running here: start `fasttime up`"
                if session.settings.embedded
                else "approved; no worker is running: start `fasttime worker`"
            )
        out.answer(
            await message_document(session, done, running=running),
            _line(done),
            f"identifier {done.identifier}",
            f"watch it: fasttime deliveries watch {id_}",
        )

    _act(json, work)


async def _show_warned(
    session: Session, actor: Operator, out: Output, v: Version, *, count: bool
) -> None:
    """Tell what the author was warned of and did not accept, and what came up since, in words: with
    `count` as it is now, which takes counting, else by the name of each warning alone.
    """
    from broadcast.messages import advice
    from broadcast.problems import Rejected
    from console.room import naming
    from service.commands import advising, submitting

    found: list[Problem] = []
    if count:
        try:
            _, seen = await session.context.do(submitting.preview, actor, v.message_id)
        except Rejected as rejected:  # it cannot be counted now; the approval will say whether
            out.note(f"  the audience cannot be counted now: {rejected.problems[0].detail}")
        else:
            found = list(seen.warnings)
    for each in advising.warned(await session.db.read(advice.of_submission, v.id), found):
        if not each.accepted:
            said = "; ".join(p.detail for p in each.found) or naming.word(each.code).lower()
            out.note(f"  {each.says} ({each.code}): {said}")


def _show_text(out: Output, v: Version, session: Session) -> None:
    from broadcast.content.model import provided_by
    from console.room import naming
    from service.rendering import as_it_arrives

    out.note(f"{_line(v)}, {'urgent' if v.urgent else 'routine'}, content_hash {v.content_hash}")
    if v.content.level:
        out.note(f"level {v.content.level} of {v.resolved.named(v.content.scope or '')}")
    for language, channel, made in as_it_arrives(v, session.settings, session.context.now()):
        size = f", {naming.parts(made.segments)}" if channel == "sms" else ""
        out.note(f"  {language}, {naming.CHANNELS[channel].lower()}{size}:")
        for line in (made.subject, *made.body.splitlines()):
            if line:
                out.note(f"      {line}")
    if v.content.provider:
        out.note(f"  from {v.resolved.named(provided_by(v.content))}")
    if v.content.visibility != "public":
        out.note(f"  {v.content.visibility}: not shown on the public page or in the feed")
    places = [
        *(v.resolved.named(code) for code in v.content.areas),
        *([_drawn(v)] if v.content.polygons or v.content.circles else []),
    ]
    where = ", ".join(places) or v.resolved.named(v.content.scope or "everywhere")
    by = ", ".join(v.content.channels)
    out.note(f"  to {people_in_words(v, f'in {where}')}, by {by}")
    if whom := naming.only_for(v.content.audience, v.resolved.named):
        out.note(f"  only for {whom}")


def _drawn(v: Version) -> str:
    near = v.resolved.near
    return f"a drawn shape (part of {', '.join(near)})" if near else "a drawn shape"


def people_in_words(v: Version, where: str = "") -> str:
    """Return how many people an approval is for, and `where`: "12 people in Camden, and up to 20
    more who register meanwhile"; where nobody is sent to, that it stands on the page and in the
    feeds.
    """
    from broadcast.content.model import for_everybody
    from broadcast.messages import small_counts

    there = f" {where}" if where else ""
    if v.seen_count or not for_everybody(v.content):
        people = small_counts.people(small_counts.number(v.seen_count or 0, v.content))
        return f"{people}{there}{_more(v)}"
    return f"0 people by text, call or mail{there}{_more(v)}; page and feeds"


def _people(v: Version) -> str:
    from broadcast.messages import small_counts

    return str(small_counts.number(v.seen_count or 0, v.content))


async def is_running(session: Session) -> bool:
    """Return whether anything is there to hand messages over: an `up` on this data folder, or the
    cluster's workers.
    """
    from broadcast.store import checkup
    from console.processes.data_folder import is_running as up_is_running

    if session.settings.embedded and session.settings.database_url.startswith("sqlite"):
        return up_is_running(session.settings.data)
    return bool({"match", "urgent", "routine"} & await session.db.read(checkup.live_roles))


@app.command("return")
def return_(id_: MessageId, why: Why, json: Json = False) -> None:
    """Send a submitted message back to its author."""
    _send_back(id_, "return", why, json)


@app.command("reject")
def reject(id_: MessageId, why: Why, yes: Yes = False, json: Json = False) -> None:
    """End an unpublished message for good."""
    _send_back(id_, "reject", why, json, yes=yes, question=f"Message {id_} is rejected for good.")


def _send_back(
    id_: int, action: str, why: str, json: bool, *, yes: bool = True, question: str = ""
) -> None:
    from service.commands import deciding

    async def work(session: Session, actor: Operator, out: Output) -> None:
        out.confirm(question, yes=yes)
        v = await session.context.do(deciding.send_back, actor, id_, action, why)
        out.answer(await message_document(session, v), _line(v))

    _act(json, work)


@app.command("hold")
def hold(id_: MessageId, json: Json = False) -> None:
    """Hand nobody over any more, at once; `resume` goes on."""
    from service.commands import deciding

    async def work(session: Session, actor: Operator, out: Output) -> None:
        v = await session.context.do(deciding.hold, actor, id_)
        out.answer(await message_document(session, v), _line(v))

    _act(json, work)


@app.command("resume")
def resume(id_: MessageId, json: Json = False) -> None:
    """Let a held message go on from where it stood."""
    from service.commands import deciding

    async def work(session: Session, actor: Operator, out: Output) -> None:
        v = await session.context.do(deciding.resume, actor, id_)
        out.answer(await message_document(session, v), _line(v))

    _act(json, work)


@app.command("cancel")
def cancel(
    id_: MessageId,
    why: Why,
    reason: Annotated[
        str,
        typer.Option(
            "--reason", help="What is published: in_error, over, replaced or other, in fixed words."
        ),
    ] = "other",
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Stop everything not sent yet and publish a CAP Cancel in fixed words; sends nothing to
    people, and keeps --why inside.
    """
    from broadcast.messages import small_counts
    from service.commands import advising, deciding

    async def work(session: Session, actor: Operator, out: Output) -> None:
        out.confirm(
            f"Message {id_} ends here. Whoever got it is told only by an all-clear or a"
            " correction.",
            yes=yes,
        )
        v, under_way = await session.context.do(deciding.cancel, actor, id_, why, reason)
        warnings = await advising.read_instead(session.context, v)
        out.warn(warnings)
        told = [problem_json(p) for p in warnings]
        are = f"{small_counts.people(under_way)} {'is' if under_way == 1 else 'are'}"
        out.answer(
            await message_document(session, v, handing_over=under_way, warnings=told),
            _line(v),
            f"{are} being handed over at this moment; nobody after them",
        )

    _act(json, work)


@app.command("update")
def update(id_: MessageId, file: MessageFile, json: Json = False) -> None:
    """Draft the next version, for the people of its rule and those the last one reached."""
    _follow(id_, "update", file, json)


@app.command("correct")
def correct(id_: MessageId, file: MessageFile, json: Json = False) -> None:
    """Draft a correction, for everybody who got it or may have got it."""
    _follow(id_, "correct", file, json)


@app.command("all-clear")
def all_clear(id_: MessageId, file: MessageFile, json: Json = False) -> None:
    """Draft the all-clear; its approval stands the message down."""
    _follow(id_, "all_clear", file, json)


def _follow(id_: int, action: str, file: Any, json: bool) -> None:
    from console.commands.texts import read_following
    from service.commands import drafting

    async def work(session: Session, actor: Operator, out: Output) -> None:
        read = read_following(
            file, session.now(), await drafting.base_of(session.context, id_), action
        )
        out.warn(read.warnings)
        await drafted(
            session,
            out,
            await session.context.do(drafting.follow, actor, id_, action, read.content),
        )

    _act(json, work)


@app.command("list")
def list_(json: Json = False) -> None:
    """Print every message's newest version, newest first."""
    from broadcast.messages import versions
    from broadcast.wording.times import table_time
    from console.commands.session import run
    from console.shapes import message_json

    out = Output(json=json)

    async def work(session: Session) -> None:
        await session.log("message.list", "")
        found = await session.db.read(versions.listed)
        document = [message_json(v, await counts_of(session, v)) for v in found] if json else None
        rows = [
            (
                v.message_id,
                v.number,
                v.kind,
                v.status,
                v.state,
                table_time(v.sent, session.settings.timezone) if v.sent else "",
                v.content.headline[:60],
            )
            for v in found
        ]
        out.table(document, ("ID", "VERSION", "KIND", "STATUS", "STATE", "SENT", "HEADLINE"), rows)

    run(work, out)


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of a message file: editors complete and check by it."""
    from json import dumps

    from broadcast.drafts.json_schema import message_schema

    typer.echo(dumps(message_schema(), indent=2, ensure_ascii=False))


@app.command("show")
def show(id_: MessageId, json: Json = False) -> None:
    """Print a message: its state, its text, its versions."""
    from broadcast.drafts import to_yaml
    from broadcast.messages import resends, small_counts, versions
    from console.commands.session import run
    from console.shapes import content_json, message_json

    out = Output(json=json)

    async def work(session: Session) -> None:
        await session.log("message.show", str(id_))
        existing = await session.db.read(versions.of_message, id_)
        v = versions.head(existing)
        document = message_json(v, await counts_of(session, v)) | {
            "why": v.why,
            "code": v.code,
            "content": content_json(v.content),
            "versions": [message_json(e) for e in existing],
        }
        waiting = await session.db.read(resends.waiting, id_)
        if waiting is not None:
            document["resend"] = waiting.shown(v.content)
        lines = [
            _line(v),
            f"content_hash {v.content_hash or '-'}",
            f"identifier {v.identifier or '-'}",
            *([f"why: {v.why}"] if v.why else []),
        ]
        lines += [f"  version {e.number}: {e.action}, {e.state}" for e in existing]
        if waiting is not None:
            people = small_counts.people(waiting.shown(v.content)["people"])
            lines.append(
                f"a resend to {people} ({waiting.only}) waits:"
                f" fasttime message approve {id_} --hash {waiting.digest}"
            )
        out.answer(document, *lines, "", to_yaml(v.content).rstrip())

    run(work, out)
