"""Reads CAP documents by cap-tools and writes them again; run in the tool's own environment.

read_cap.py FOLDER: for each FOLDER/*.xml what cap-tools makes of it goes to the same name with
.cap-tools behind it. Whatever it cannot read, or does not know, ends the run.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cap_tools.models import Alert
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig
from xsdata.formats.dataclass.serializers import XmlSerializer


def main(folder: str) -> None:
    config = ParserConfig(
        fail_on_unknown_properties=True,
        fail_on_unknown_attributes=True,
        fail_on_converter_warnings=True,
    )
    reader, writer = XmlParser(config=config), XmlSerializer()
    for path in sorted(Path(folder).glob("*.xml")):
        alert = reader.from_bytes(path.read_bytes(), Alert)
        Path(f"{path}.cap-tools").write_text(writer.render(alert), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
