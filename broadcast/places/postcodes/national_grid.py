"""From eastings and northings of the British National Grid to longitude and latitude.

Source: Ordnance Survey, "A guide to coordinate systems in Great Britain", v3.6, annexes B and C:
the transverse Mercator projection backwards on Airy's ellipsoid, then the Helmert transformation to
WGS 84, which is within about 5 metres everywhere.
"""

from __future__ import annotations

from math import atan2, cos, degrees, radians, sin, sqrt, tan
from typing import Final

_A: Final = 6_377_563.396  # Airy 1830, metres
_B: Final = 6_356_256.909
_F0: Final = 0.9996012717
_LAT0: Final = radians(49.0)
_LON0: Final = radians(-2.0)
_E0: Final = 400_000.0
_N0: Final = -100_000.0
_E2: Final = 1 - (_B * _B) / (_A * _A)
_N: Final = (_A - _B) / (_A + _B)
_WGS_A: Final = 6_378_137.0
_WGS_B: Final = 6_356_752.3142
_SHIFT: Final = (446.448, -125.157, 542.060)  # metres
_TURN: Final = tuple(radians(s / 3600) for s in (0.1502, 0.2470, 0.8421))
_SCALE: Final = 1 - 20.4894e-6


def to_degrees(easting: float, northing: float) -> tuple[float, float]:
    """Return (latitude, longitude) in degrees of WGS 84 of a point in metres."""
    lat = _LAT0 + (northing - _N0) / (_A * _F0)
    while abs(rest := northing - _N0 - _meridian(lat)) > 1e-5:
        lat += rest / (_A * _F0)
    nu = _A * _F0 / sqrt(1 - _E2 * sin(lat) ** 2)
    rho = _A * _F0 * (1 - _E2) / (1 - _E2 * sin(lat) ** 2) ** 1.5
    eta2, t, s = nu / rho - 1, tan(lat), 1 / cos(lat)
    d = easting - _E0
    vii = t / (2 * rho * nu)
    viii = t / (24 * rho * nu**3) * (5 + 3 * t**2 + eta2 - 9 * t**2 * eta2)
    ix = t / (720 * rho * nu**5) * (61 + 90 * t**2 + 45 * t**4)
    x = s / nu
    xi = s / (6 * nu**3) * (nu / rho + 2 * t**2)
    xii = s / (120 * nu**5) * (5 + 28 * t**2 + 24 * t**4)
    xiia = s / (5040 * nu**7) * (61 + 662 * t**2 + 1320 * t**4 + 720 * t**6)
    return _to_wgs84(
        lat - vii * d**2 + viii * d**4 - ix * d**6,
        _LON0 + x * d - xi * d**3 + xii * d**5 - xiia * d**7,
    )


def _meridian(lat: float) -> float:
    less, more = lat - _LAT0, lat + _LAT0
    return (
        _B
        * _F0
        * (
            (1 + _N + 1.25 * _N**2 + 1.25 * _N**3) * less
            - (3 * _N + 3 * _N**2 + 2.625 * _N**3) * sin(less) * cos(more)
            + (1.875 * _N**2 + 1.875 * _N**3) * sin(2 * less) * cos(2 * more)
            - 35 / 24 * _N**3 * sin(3 * less) * cos(3 * more)
        )
    )


def _to_wgs84(lat: float, lon: float) -> tuple[float, float]:
    nu = _A / sqrt(1 - _E2 * sin(lat) ** 2)
    x, y = nu * cos(lat) * cos(lon), nu * cos(lat) * sin(lon)
    z = (1 - _E2) * nu * sin(lat)
    rx, ry, rz = _TURN
    moved = (
        _SHIFT[0] + _SCALE * x - rz * y + ry * z,
        _SHIFT[1] + rz * x + _SCALE * y - rx * z,
        _SHIFT[2] - ry * x + rx * y + _SCALE * z,
    )
    e2 = 1 - (_WGS_B * _WGS_B) / (_WGS_A * _WGS_A)
    flat = sqrt(moved[0] ** 2 + moved[1] ** 2)
    found = atan2(moved[2], flat * (1 - e2))
    for _ in range(4):  # each turn gains two digits; the second is below a millimetre already
        nu = _WGS_A / sqrt(1 - e2 * sin(found) ** 2)
        found = atan2(moved[2] + e2 * nu * sin(found), flat)
    return degrees(found), degrees(atan2(moved[1], moved[0]))
