"""fasttime registry: everybody moved as one sealed file, after a second administrator agreed."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.command_group import Group
from console.commands.options import Json
from console.output import Output, is_stdout, stdout_for_bytes

if TYPE_CHECKING:
    from console.commands.session import Session

app = typer.Typer(
    cls=Group,
    name="registry",
    help="Everybody, moved as one sealed file.",
    no_args_is_help=True,
)

_MOST_OF_A_KEY = 1000  # bytes

KeyFile = Annotated[
    Path,
    typer.Option(
        "--key",
        metavar="KEYFILE",
        help="What `registry keygen` wrote; - reads stdin.",
        show_default=False,
    ),
]


@app.command("keygen")
def keygen(
    file: Annotated[
        Path, typer.Argument(metavar="KEYFILE", help="A new file.", show_default=False)
    ],
    json: Json = False,
) -> None:
    """Make the pair of keys where a file will be imported: the private half goes into KEYFILE, the
    public one is printed, and is given to who exports. Needs no database.
    """
    from broadcast.files import sealed_file
    from broadcast.problems import refuse

    private = sealed_file.new_private()
    if is_stdout(file):
        raise refuse(
            "key_needs_a_file",
            "a private key is written to no stream: a terminal or a log would keep it",
            "give the name of a new file",
            field="KEYFILE",
        )
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as opened:
            opened.write(private.hex() + "\n")
    except OSError as error:
        raise refuse(
            "file_not_written",
            f"{file}: {error.strerror or type(error).__name__}",
            "choose a new name, in a folder that this user may write to",
            field="KEYFILE",
        ) from None
    public = sealed_file.public_of(private)
    Output(json=json).answer(
        {"public": public.hex(), "id": sealed_file.id_of(public), "file": str(file)},
        f"public key: {public.hex()}",
        f"the private half is in {file}: keep it here, and remove it after the import",
    )


@app.command("export")
def export(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A new file; - is stdout.", show_default=False)
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="KEY", help="Ask: to which public key. See keygen.", show_default=False
        ),
    ] = "",
    request: Annotated[
        int | None,
        typer.Option(
            "--request",
            metavar="NUMBER",
            help="Write it: by a request that a second administrator agreed to.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Ask for the whole registry as one sealed file (--to), then write it (--request)."""
    from broadcast.messages import small_counts
    from broadcast.problems import refuse
    from console.commands.session import run
    from service.setup import registry_file

    out = Output(json=json)
    if bool(to) == (request is not None):
        raise refuse(
            "usage",
            "the registry is asked for first, and written when another administrator agreed",
            "give --to KEY to ask for it, or --request NUMBER to write it",
            field="--to",
        )

    async def work(session: Session) -> None:
        actor, now = await session.person(), session.now()
        if request is None:
            asked = await session.db.write(registry_file.propose, actor, to, now)
            out.answer(
                asked.to_json(),
                f"request {asked.id} waits for another administrator: they run",
                f"  fasttime registry agree {asked.id}",
                f"within an hour of that: fasttime registry export {file} --request {asked.id}",
            )
            return
        if is_stdout(file):
            stream = stdout_for_bytes()
            with tempfile.TemporaryDirectory(prefix="fasttime-") as folder:
                whole = Path(folder) / "registry"
                moved = await registry_file.write(session.db, actor, request, whole, now)
                with whole.open("rb") as sealed:
                    shutil.copyfileobj(sealed, stream)
                stream.flush()
            out.note(f"sealed: {small_counts.people(moved.people)}, SHA-256 {moved.sha256}")
            return
        moved = await registry_file.write(session.db, actor, request, file, now)
        out.answer(
            {"file": str(file), "sha256": moved.sha256, "rows": moved.rows},
            f"sealed in {file}: {small_counts.people(moved.people)}",
            f"SHA-256 {moved.sha256}",
        )

    run(work, out, with_channels=False)


@app.command("agree")
def agree(
    number: Annotated[
        int, typer.Argument(metavar="NUMBER", help="The request.", show_default=False)
    ],
    json: Json = False,
) -> None:
    """Agree, as another administrator, that the registry is sealed to the key asked for."""
    from broadcast.files import sealed_file
    from console.commands.session import run
    from service.setup import registry_file

    out = Output(json=json)

    async def work(session: Session) -> None:
        actor = await session.person()
        agreed = await session.db.write(registry_file.agree, actor, number, session.now())
        key = bytes.fromhex(agreed.what["to"])
        out.answer(
            agreed.to_json(),
            f"agreed: the registry may be written once, within an hour, to key {key.hex()}"
            f" (id {sealed_file.id_of(key)})",
        )

    run(work, out, with_channels=False)


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="- reads stdin.", show_default=False)
    ],
    key: KeyFile,
    json: Json = False,
) -> None:
    """Bring everybody into this empty installation: all of the file or nothing."""
    from broadcast.files.spooled import as_file
    from broadcast.messages import small_counts
    from broadcast.problems import refuse
    from console.commands.session import machine_user, run
    from service.setup import registry_file

    out = Output(json=json)

    if str(file) == str(key) == "-":
        raise refuse(
            "usage",
            "the file and the key cannot both come through stdin",
            "give the name of one of them",
            field="--key",
        )

    async def work(session: Session) -> None:
        private = _private(key)
        who = machine_user()
        with as_file(file) as given:
            moved = await registry_file.bring(session.db, who, given, private, session.now())
        out.answer(
            {"rows": moved.rows},
            f"imported: {small_counts.people(moved.people)}, with consents, stops and"
            " confirmations",
        )

    run(work, out, with_channels=False)


def _private(file: Path) -> bytes:
    from broadcast.files import sealed_file
    from broadcast.files.csv_files import read_file
    from broadcast.problems import Rejected, refuse

    try:
        found = bytes.fromhex(read_file(file, max_bytes=_MOST_OF_A_KEY).decode("ascii").strip())
    except (Rejected, ValueError):
        found = b""
    if len(found) != sealed_file.KEY_BYTES:
        raise refuse(
            "registry_key_invalid",
            f"{file} cannot be read, or holds no private key",
            "give the file that `fasttime registry keygen` wrote here",
            field="--key",
        )
    return found
