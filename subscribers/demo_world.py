"""The demonstration world: an approximation of Greater London and invented people in it. No
boundary and no person in it is real.

The areas are Voronoi cells round 33 centre points, clipped to an outline drawn by hand: an
approximation, not boundaries. Codes, names and centre points are facts. Telephone numbers are
Ofcom's for drama, addresses those of RFC 2606.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Geometry
from shapely.geometry import MultiPoint, Point, Polygon

from broadcast.places.areas import AreaRecord
from broadcast.places.geometry import inside_shape, polygonal
from subscribers.people_file import writing
from subscribers.people_file.choices import TOPICS

LABEL: Final = (
    "Demonstration geography: Voronoi cells round borough centres, clipped to a rough outline. An"
    " approximation, not boundaries."
)
COUNTRY: Final = "E92000001"
REGION: Final = "E12000007"
METROPOLITAN: Final = "E23000001"  # the 32 boroughs
CITY: Final = "E23000034"  # the City of London Police: the City alone
MOBILES: Final = (
    1_000  # +447700900000..999: there are no others that may be used (Ofcom, numbers for drama)
)

# code, name, latitude, longitude of a point near the middle, people in thousands (rounded)
_BOROUGHS: Final = (
    ("E09000001", "City of London", 51.5148, -0.0922, 9),
    ("E09000002", "Barking and Dagenham", 51.5464, 0.1293, 219),
    ("E09000003", "Barnet", 51.6160, -0.2101, 389),
    ("E09000004", "Bexley", 51.4588, 0.1415, 247),
    ("E09000005", "Brent", 51.5586, -0.2636, 340),
    ("E09000006", "Bromley", 51.3719, 0.0515, 330),
    ("E09000007", "Camden", 51.5455, -0.1628, 210),
    ("E09000008", "Croydon", 51.3548, -0.0867, 391),
    ("E09000009", "Ealing", 51.5250, -0.3306, 367),
    ("E09000010", "Enfield", 51.6490, -0.0814, 330),
    ("E09000011", "Greenwich", 51.4721, 0.0543, 289),
    ("E09000012", "Hackney", 51.5492, -0.0625, 259),
    ("E09000013", "Hammersmith and Fulham", 51.4987, -0.2263, 183),
    ("E09000014", "Haringey", 51.5880, -0.1055, 264),
    ("E09000015", "Harrow", 51.5970, -0.3410, 261),
    ("E09000016", "Havering", 51.5640, 0.2210, 262),
    ("E09000017", "Hillingdon", 51.5420, -0.4480, 306),
    ("E09000018", "Hounslow", 51.4690, -0.3650, 288),
    ("E09000019", "Islington", 51.5465, -0.1090, 217),
    ("E09000020", "Kensington and Chelsea", 51.4990, -0.1940, 143),
    ("E09000021", "Kingston upon Thames", 51.3870, -0.2870, 168),
    ("E09000022", "Lambeth", 51.4570, -0.1170, 318),
    ("E09000023", "Lewisham", 51.4470, -0.0170, 300),
    ("E09000024", "Merton", 51.4100, -0.1970, 215),
    ("E09000025", "Newham", 51.5270, 0.0350, 351),
    ("E09000026", "Redbridge", 51.5860, 0.0700, 310),
    ("E09000027", "Richmond upon Thames", 51.4400, -0.3130, 195),
    ("E09000028", "Southwark", 51.4740, -0.0730, 308),
    ("E09000029", "Sutton", 51.3610, -0.1860, 209),
    ("E09000030", "Tower Hamlets", 51.5190, -0.0290, 310),
    ("E09000031", "Waltham Forest", 51.5940, -0.0120, 278),
    ("E09000032", "Wandsworth", 51.4520, -0.1870, 328),
    ("E09000033", "Westminster", 51.5130, -0.1570, 205),
)
_OUTLINE: Final = (  # longitude, latitude; drawn by hand, clockwise from the north-west
    *(
        (-0.50, 51.60),
        (-0.48, 51.632),
        (-0.40, 51.615),
        (-0.30, 51.64),
        (-0.25, 51.655),
        (-0.18, 51.67),
        (-0.10, 51.69),
        (-0.01, 51.68),
    ),
    *(
        (0.02, 51.63),
        (0.09, 51.61),
        (0.14, 51.625),
        (0.22, 51.63),
        (0.27, 51.605),
        (0.31, 51.56),
        (0.24, 51.51),
        (0.21, 51.49),
    ),
    *(
        (0.22, 51.45),
        (0.16, 51.42),
        (0.15, 51.37),
        (0.08, 51.32),
        (0.04, 51.293),
        (-0.05, 51.31),
        (-0.12, 51.29),
        (-0.16, 51.33),
    ),
    *(
        (-0.22, 51.33),
        (-0.25, 51.37),
        (-0.31, 51.33),
        (-0.33, 51.39),
        (-0.39, 51.41),
        (-0.39, 51.44),
        (-0.46, 51.46),
        (-0.51, 51.47),
    ),
    *((-0.49, 51.53),),
)
# the first seven digits after 0 of Ofcom's drama ranges, 1,000 numbers each; London first
_LANDLINES: Final = (
    *("2079460", "1134960", "1144960", "1164960", "1174960", "1184960", "1214960", "1314960"),
    *("1414960", "1514960", "1614960", "1914980", "2920180"),
)
_LANGUAGES: Final = (  # shares of main languages in London, per cent, about (Census 2021)
    *(
        ("en", 78.4),
        ("ro", 1.8),
        ("es", 1.5),
        ("pl", 1.4),
        ("bn", 1.3),
        ("pt", 1.3),
        ("gu", 1.1),
        ("it", 1.1),
        ("pa", 1.0),
        ("tr", 0.8),
        ("fr", 0.8),
        ("ar", 0.8),
    ),
    *(
        ("ur", 0.8),
        ("ta", 0.8),
        ("fa", 0.5),
        ("zh", 0.5),
        ("bg", 0.5),
        ("so", 0.4),
        ("lt", 0.4),
        ("el", 0.4),
        ("ru", 0.4),
        ("sq", 0.3),
    ),
)
_GIVEN: Final = (
    "Ada",
    "Amina",
    "Bela",
    "Cai",
    "Dara",
    "Efe",
    "Farah",
    "Goran",
    "Hana",
    "Ivo",
    "Jaya",
    "Kofi",
    "Lena",
    "Musa",
    "Nia",
    "Omar",
    "Pia",
    "Rosa",
    "Sami",
    "Tove",
)
_FAMILY: Final = (
    "Ashby",
    "Bright",
    "Copper",
    "Dunmore",
    "Ember",
    "Fenwick",
    "Gale",
    "Hollow",
    "Ives",
    "Juniper",
    "Kestrel",
    "Larch",
    "Marlow",
    "Nettle",
    "Osprey",
    "Penrose",
)
_FIRMS: Final = (
    "Bakery",
    "Books",
    "Cycles",
    "Dental",
    "Electrics",
    "Florist",
    "Grocer",
    "Hairdressing",
    "Kitchens",
    "Laundry",
    "Motors",
    "Pharmacy",
)
_PARTNERS: Final = (
    "Street Watch",
    "Business Crime Partnership",
    "Hospital Security",
    "University Security",
    "Interfaith Forum",
    "Transport Hub",
)
_SECTORS: Final = (
    "retail",
    "hospitality",
    "finance",
    "transport",
    "health",
    "education",
    "construction",
    "culture",
)
_COMMUNITIES: Final = (
    "Jewish",
    "Muslim",
    "Irish",
    "Somali",
    "Polish",
    "Sikh",
    "Hindu",
    "LGBT+",
    "students",
)
_FLOORS: Final = (("", 0.83), ("Moderate", 0.05), ("Severe", 0.08), ("Extreme", 0.04))
_KINDS: Final = (("resident", 0.80), ("business", 0.14), ("partner", 0.03), ("officer", 0.03))


def demo_areas() -> list[AreaRecord]:
    """Return 33 boroughs with their cells, their two forces, the region and the country; those
    above are the unions of what is in them.
    """
    cells = _cells()
    boroughs = [
        AreaRecord(
            code=code,
            name=name,
            level="borough",
            parent=CITY if code == "E09000001" else METROPOLITAN,
            geometry=cells[n],
        )
        for n, (code, name, *_) in enumerate(_BOROUGHS)
    ]
    return [
        *boroughs,
        AreaRecord(code=METROPOLITAN, name="Metropolitan Police", level="force", parent=REGION),
        AreaRecord(code=CITY, name="City of London Police", level="force", parent=REGION),
        AreaRecord(code=REGION, name="London", level="region", parent=COUNTRY),
        AreaRecord(code=COUNTRY, name="England", level="country", parent=""),
    ]


def demo_people(n: int, seed: int = 1) -> bytes:
    """Return a subscribers CSV of `n` invented people, the same for the same seed.

    At most 1,000 have a mobile of their own, up to 13,000 a landline to be called, the others mail
    at example.org, .com or .net; about one in a hundred has nothing, and three in a thousand share
    a contact with the one before. Every borough has somebody if there are 33.
    """
    rng = np.random.default_rng(seed)
    borough = _boroughs_of(n, rng)
    lat, lon = _places(borough, rng)
    kinds = _drawn(rng, n, _KINDS)
    languages = _drawn(rng, n, _LANGUAGES)
    floors = _drawn(rng, n, _FLOORS)
    luck = rng.random((n, 8))
    pick = rng.integers(0, 1 << 30, (n, 6))
    mobiles = set(rng.permutation(n)[: min(MOBILES, (n + 2) // 3)].tolist())
    rest = np.setdiff1d(np.arange(n), np.fromiter(mobiles, dtype=np.int64, count=len(mobiles)))
    landlines = set(rng.permutation(rest)[: min(1_000 * len(_LANDLINES), n // 4)].tolist())
    rows: list[list[str]] = []
    mobile_no = landline_no = 0
    before = ("", "", "")
    for i in range(n):
        chance, choice = luck[i].tolist(), pick[i].tolist()
        mobile = phone = email = ""
        kind = kinds[i]
        if i in mobiles:
            mobile, mobile_no = f"+447700900{mobile_no:03d}", mobile_no + 1
        elif i in landlines:
            phone, landline_no = (
                f"+44{_LANDLINES[landline_no // 1_000]}{landline_no % 1_000:03d}",
                landline_no + 1,
            )
        if (not mobile and not phone and chance[0] > 0.02) or chance[0] > 0.6:
            email = f"person{i + 1}@example.{('org', 'com', 'net')[choice[0] % 3]}"
        if chance[7] < 0.003 and before[2]:
            email = before[2]
        before = (mobile, phone, email)
        rows.append(
            [
                f"D{i + 1:07d}",
                _name(kind, choice, _BOROUGHS[int(borough[i])][1]),
                kind,
                email,
                mobile,
                phone,
                languages[i] if kind in ("resident", "business") else "en",
                "",
                # A twentieth is known by borough only, as people are who gave no address.
                "" if chance[1] < 0.05 else f"{lat[i]:.6f}",
                "" if chance[1] < 0.05 else f"{lon[i]:.6f}",
                _BOROUGHS[int(borough[i])][0],
                (
                    ";".join(dict.fromkeys((_SECTORS[choice[1] % 8], _SECTORS[choice[2] % 8])))
                    if kind == "business"
                    else ""
                ),
                _COMMUNITIES[choice[3] % len(_COMMUNITIES)] if chance[2] < 0.12 else "",
                _topics(kind, chance, choice),
                _channels(mobile, phone, email, choice[5]),
                floors[i],
                _quiet_hours(chance[4] / 0.06) if chance[4] < 0.06 else "",
                "",
                "",
                "",
                "",
                "",
                "",
            ]
        )
    return "".join(writing.lines(rows)).encode()


def _cells() -> list[Geometry]:
    outline = Polygon(_OUTLINE)
    centres = [Point(lon, lat) for _, _, lat, lon, _ in _BOROUGHS]
    found = list(
        shapely.get_parts(shapely.voronoi_polygons(MultiPoint(centres), extend_to=outline))
    )
    return [
        polygonal(
            shapely.intersection(next(cell for cell in found if cell.contains(centre)), outline)
        )
        for centre in centres
    ]


def _boroughs_of(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    weights = np.array([people for *_, people in _BOROUGHS], dtype=np.float64)
    chosen = rng.choice(len(_BOROUGHS), n, p=weights / weights.sum())
    if n >= len(_BOROUGHS):
        # somebody everywhere, also in the City with its few residents
        chosen[: len(_BOROUGHS)] = np.arange(len(_BOROUGHS))
    return chosen.astype(np.int64)


def _places(
    borough: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a place in its cell for everybody, evenly spread."""
    lat, lon = np.empty(len(borough)), np.empty(len(borough))
    for number, cell in enumerate(_cells()):
        waiting = np.flatnonzero(borough == number)
        inner = cell.buffer(-1e-5)  # written with six decimals they still lie inside
        west, south, east, north = cell.bounds
        while waiting.size:
            y, x = (
                np.round(rng.uniform(south, north, waiting.size), 6),
                np.round(rng.uniform(west, east, waiting.size), 6),
            )
            inside = inside_shape(inner, y, x)
            lat[waiting[inside]], lon[waiting[inside]] = y[inside], x[inside]
            waiting = waiting[~inside]
    return lat, lon


def _drawn(rng: np.random.Generator, n: int, shares: tuple[tuple[str, float], ...]) -> list[str]:
    weights = np.array([share for _, share in shares])
    names = [name for name, _ in shares]
    return [
        names[number] for number in rng.choice(len(names), n, p=weights / weights.sum()).tolist()
    ]


def _name(kind: str, choice: list[int], borough: str) -> str:
    if kind == "business":
        return f"{_FAMILY[choice[0] % len(_FAMILY)]} {_FIRMS[choice[1] % len(_FIRMS)]}"
    if kind == "partner":
        return f"{borough} {_PARTNERS[choice[1] % len(_PARTNERS)]}"
    person = f"{_GIVEN[choice[0] % len(_GIVEN)]} {_FAMILY[choice[1] % len(_FAMILY)]}"
    return f"PC {person}" if kind == "officer" else person


def _topics(kind: str, chance: list[float], choice: list[int]) -> str:
    enrolled = chance[3] < (0.5 if kind in ("partner", "officer") else 0.02)
    if chance[5] < 0.12:
        chosen = [t for n, t in enumerate(TOPICS[:5]) if choice[4] >> n & 1] or ["threat_level"]
        return ";".join([*chosen, "exercise"] if enrolled else chosen)
    return ";".join(TOPICS) if enrolled else ""


def _quiet_hours(when: float) -> str:
    """Return nine hours that begin at any half hour of the day, for people work in shifts: so no
    demonstration is another at night.

    With one bedtime for all, six in a hundred would fall silent between a submission and its
    release at ten o'clock, and block it.
    """
    begin = int(when * 48) * 30
    end = (begin + 9 * 60) % (24 * 60)
    return f"{begin // 60:02d}:{begin % 60:02d}-{end // 60:02d}:{end % 60:02d} Europe/London"


def _channels(mobile: str, phone: str, email: str, choice: int) -> str:
    if mobile:
        ways = (
            ("sms", "sms;voice", "sms", "voice;sms")
            if not email
            else ("sms;email", "email;sms", "sms", "sms;voice;email")
        )
        return ways[choice % 4]
    if phone:
        return ("voice;email", "email;voice")[choice % 2] if email else "voice"
    return "email" if email else ""
