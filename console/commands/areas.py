"""fasttime areas: importing the places, and asking what lies where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.command_group import Group
from console.commands.options import Json
from console.output import Output

if TYPE_CHECKING:
    from broadcast.places.areas import Area

app = typer.Typer(
    cls=Group,
    name="areas",
    help="Wards, boroughs, forces, regions and countries.",
    no_args_is_help=True,
)

_MAX_POINTS_BYTES = 64 << 20  # some two million points
_MAX_BYTES = 512 << 20  # the wards of the United Kingdom at full resolution are 400 MB


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="GeoJSON, TopoJSON or CSV, as the ONS publishes them; - reads stdin.",
            show_default=False,
        ),
    ],
    level: Annotated[
        str,
        typer.Option(
            "--level", help="ward, borough, force, region or country.", show_default=False
        ),
    ],
    code_field: Annotated[
        str, typer.Option("--code-field", help="The field of the GSS code; left out: found.")
    ] = "",
    name_field: Annotated[
        str, typer.Option("--name-field", help="The field of the name; left out: found.")
    ] = "",
    parent_field: Annotated[
        str,
        typer.Option(
            "--parent-field", help="The field of the code above; left out: found, or none."
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Import or renew areas: all of the file or nothing."""
    from broadcast.files.csv_files import name_of, read_file
    from broadcast.messages import small_counts
    from broadcast.places.files.columns import AreaFields
    from broadcast.places.files.reading import parse_area_file
    from console.commands.session import Session, machine_user, run
    from console.output import problem_json
    from service.setup import places

    out = Output(json=json)

    async def work(session: Session) -> None:
        fields = AreaFields(
            code=code_field or None, name=name_field or None, parent=parent_field or None
        )
        records, warnings = parse_area_file(
            read_file(file, max_bytes=_MAX_BYTES, max_line=_MAX_BYTES), name_of(file), level, fields
        )
        out.warn(warnings)
        counts, settled = await session.db.write(
            places.bring_in,
            machine_user(),
            records,
            name=name_of(file),
            level=level,
            now=session.now(),
        )
        if settled:
            out.note(
                f"{settled} officers and partners are kept by area from now on, without coordinates"
            )
        left = await session.db.read(places.replaced, await session.tree())
        if left:
            people = small_counts.people(sum(each["people"] for each in left))
            out.note(
                f"known by a code that was replaced ({len(left)} in all): {people}, told by the"
                " new one, see `fasttime areas replaced`"
            )
        words = ", ".join(f"{n} {what}" for what, n in counts.items())
        out.answer(
            {
                "file": name_of(file),
                "level": level,
                **counts,
                "warnings": [problem_json(p) for p in warnings],
            },
            f"{len(records)} areas of level {level}: {words}",
        )

    run(work, out)


@app.command("replaced")
def replaced(json: Json = False) -> None:
    """Print the areas whose code a later import replaced and by which people are still known."""
    from console.commands.session import Session, run
    from service.setup import places

    out = Output(json=json)

    async def work(session: Session) -> None:
        await session.log("areas.replaced", "")
        found = await session.db.read(places.replaced, await session.tree())
        out.table(
            found,
            ("CODE", "NAME", "LEVEL", "NOW", "PEOPLE"),
            [
                (
                    f["code"],
                    f["name"],
                    f["level"],
                    f"{f['now']['code']} {f['now']['name']}",
                    f["people"],
                )
                for f in found
            ],
        )

    run(work, out)


@app.command("postcodes")
def postcodes(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="The ONSPD or Code-Point Open: the zip as published, or a CSV of it; - reads"
            " stdin.",
            show_default=False,
        ),
    ],
    json: Json = False,
) -> None:
    """Import or renew where postcodes lie. The whole file is checked first; then it is stored in
    small steps, so that messages go on, and people who gave only a postcode get its place.
    """
    import asyncio

    from broadcast.files.spooled import as_file
    from broadcast.messages import small_counts
    from broadcast.places.postcodes import look_up
    from broadcast.places.postcodes.directory import Directory, Entry, open_directory
    from console.commands.session import Session, machine_user, run
    from service.setup import places
    from subscribers.registry import placing

    out = Output(json=json)

    async def work(session: Session) -> None:
        with as_file(file) as given:
            await stored(session, open_directory(given))

    async def stored(session: Session, directory: Directory) -> None:
        counts = {"postcodes": 0, "without_place": 0, "changed": 0, "people_placed": 0}
        with out.progress() as bars:
            for step in ("checking", "storing"):
                entries = look_up.batches(directory.entries())
                counts["postcodes"] = 0
                while some := await asyncio.to_thread(next, entries, list[Entry]()):
                    counts["postcodes"] += len(some)
                    if step == "storing":
                        counts["changed"] += await session.db.write(
                            places.store_postcodes, some, session.now()
                        )
                    words = f"{counts['postcodes']:,} postcodes"
                    bars.show(step, min(directory.done, directory.size), directory.size, words)
                directory.refuse_problems()
            counts["without_place"] = directory.without_place
            after: int | None = 0
            while after is not None:
                placed, after = await session.db.write(
                    placing.place_by_postcode, session.now(), after
                )
                counts["people_placed"] += placed
            after = 0
            while after is not None:
                _, after = await session.db.write(placing.place_others_by_postcode, after)
        known = await session.db.write(
            places.postcodes_imported,
            machine_user(),
            name=directory.path.name,
            count=counts["postcodes"],
            now=session.now(),
        )
        out.answer(
            {"file": directory.path.name, **counts, "known": known},
            f"{counts['postcodes']:,} postcodes: {counts['changed']:,} new or changed,"
            f" {counts['without_place']:,} more without a place, left out;"
            f" {small_counts.people(counts['people_placed'])} got a place",
        )

    run(work, out)


@app.command("postcode")
def postcode(
    written: Annotated[str, typer.Argument(metavar="POSTCODE", show_default=False)],
    json: Json = False,
) -> None:
    """Print where one postcode lies, how exactly, and in which areas."""
    from console.commands.session import Session, run
    from service.setup import places

    out = Output(json=json)

    async def work(session: Session) -> None:
        await session.log("areas.postcode", "")
        tree = await session.tree()
        found = await session.db.read(places.place_of_postcode, tree, written)
        out.answer(
            found,
            f"{found['postcode']}: {found['lat']:.5f}, {found['lon']:.5f},"
            f" within about {found['uncertainty_m']:,} m",
            "areas: " + (", ".join(f"{a['code']} {a['name']}" for a in found["areas"]) or "-"),
        )

    run(work, out)


@app.command("list")
def list_(json: Json = False) -> None:
    """Print every area, the largest level first."""
    from console.commands.session import Session, run

    out = Output(json=json)

    async def work(session: Session) -> None:
        await session.log("areas.list", "")
        found = (await session.tree()).all()
        out.table(
            [_area(a) | {"parent": a.parent} for a in found],
            ("CODE", "NAME", "LEVEL", "PARENT"),
            [(a.code, a.name, a.level, a.parent) for a in found],
        )

    run(work, out)


@app.command("show")
def show(
    code: Annotated[str, typer.Argument(metavar="CODE", show_default=False)], json: Json = False
) -> None:
    """Print one area: what it lies in, what lies in it, where it is."""
    from console.commands.session import Session, run
    from service.setup import places

    out = Output(json=json)

    async def work(session: Session) -> None:
        await session.log("areas.show", code)
        tree = await session.tree()
        document = places.document(tree, code)
        bounds, above, below = document["bounds"], document["within"], document["children"]
        where = (
            "no geometry"
            if bounds is None
            else (
                f"{bounds['south']:.4f}..{bounds['north']:.4f} N,"
                f" {bounds['west']:.4f}..{bounds['east']:.4f} E"
            )
        )
        out.answer(
            document,
            f"{document['code']} {document['name']} ({document['level']})",
            "within:   " + (", ".join(f"{a['name']} ({a['level']})" for a in above) or "-"),
            "children: " + (", ".join(f"{a['code']} {a['name']}" for a in below) or "-"),
            f"place:    {where}",
        )

    run(work, out)


@app.command("locate", context_settings={"ignore_unknown_options": True})
def locate(
    point: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="LAT LON", help="Degrees, north and east positive.", show_default=False
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            metavar="POINTS.csv",
            help="A CSV with the columns lat and lon.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Print the areas in which a place lies, smallest first; on a border, all that touch it."""
    from broadcast.problems import refuse
    from console.commands.session import Session, run
    from service.setup import places

    out = Output(json=json)
    if (file is None) == (not point) or (point and len(point) != 2):
        raise refuse(
            "point_missing",
            "give one latitude and one longitude, or --file",
            "write `fasttime areas locate 51.5 -0.12`",
            field="LAT LON",
        )
    points = _points(file) if file is not None else [_degrees(*(point or ()), where="LAT LON")]

    async def work(session: Session) -> None:
        await session.log("areas.locate", "", f"points={len(points)}")
        document = places.located(await session.tree(), points)
        rows = [
            (p["lat"], p["lon"], ", ".join(f"{a['code']} {a['name']}" for a in p["areas"]) or "-")
            for p in document
        ]
        out.table(document, ("LAT", "LON", "AREAS"), rows)

    run(work, out)


def _area(a: Area) -> dict[str, Any]:
    return {"code": a.code, "name": a.name, "level": a.level}


def _points(file: Path) -> list[tuple[float, float]]:
    """Return the points of a CSV in its order; raises Rejected with every row that is no place on
    Earth.
    """
    from broadcast.files.csv_files import MAX_LINE_CHARS, name_of, read_file, read_table
    from broadcast.problems import Problem, Rejected

    table = read_table(
        read_file(file, max_bytes=_MAX_POINTS_BYTES, max_line=MAX_LINE_CHARS),
        name_of(file),
        expected=("lat", "lon"),
    )
    names = [name.casefold() for name in table.header]
    missing = [name for name in ("lat", "lon") if name not in names]
    if missing:
        raise Rejected(
            Problem(
                code="header_missing",
                detail=f"there is no column {' and no column '.join(missing)}",
                fix="begin with the line lat,lon",
                where=f"{name_of(file)}:1",
            )
        )
    lat, lon = names.index("lat"), names.index("lon")
    points: list[tuple[float, float]] = []
    problems: list[Problem] = []
    for line, cells in table.rows:
        try:
            points.append(_degrees(cells[lat], cells[lon], where=f"{name_of(file)}:{line}"))
        except Rejected as rejected:
            problems += rejected.problems
    if problems:
        raise Rejected(problems)
    return points


def _degrees(lat: str, lon: str, *, where: str) -> tuple[float, float]:
    from broadcast.files.nearest import shown
    from broadcast.problems import Problem, Rejected

    try:
        if not (lat.isascii() and lon.isascii()) or "_" in lat + lon:
            raise ValueError
        north, east = float(lat), float(lon)
        if not (abs(north) <= 90 and abs(east) <= 180):
            raise ValueError
    except ValueError:
        detail = f"{shown(lat.strip())}, {shown(lon.strip())} is no place on Earth"
        raise Rejected(
            Problem(
                code="coordinates_invalid",
                detail=detail,
                fix="latitude is -90 to 90, longitude -180 to 180, in degrees",
                where=where,
            )
        ) from None
    return north, east
