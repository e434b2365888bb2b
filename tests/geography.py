"""Two Londons for tests: the one that we drew (real codes and names, invented borders), and the
real one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.sources import OWN


@dataclass(frozen=True)
class London:
    """The files of one source, and the figures that hold for them."""

    boroughs: Path
    wards: Path
    all_wards: int
    in_the_city: int  # areas: the City and its wards
    city_ward: str  # the code of one ward of the City
    city_radius_km: float  # a circle of this radius holds the City

    @classmethod
    def of(cls, source: Path) -> London:
        """Return the London of a source (OWN or REFERENCE)."""
        geo = source / "geo"
        if source == OWN:
            return cls(
                geo / "boroughs.geojson",
                geo / "wards.geojson",
                all_wards=134,
                in_the_city=7,
                city_ward="E05900001",
                city_radius_km=5,
            )
        return cls(
            geo / "london_boroughs_small.geojson",
            geo / "london_wards_synthetic.geojson",
            all_wards=704,
            in_the_city=26,
            city_ward="E05009288",
            city_radius_km=3,
        )
