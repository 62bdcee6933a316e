"""Read hardware/*.toml: a document of a known schema, or an error that names file and place."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from waakzaam.exits import BadInput

HARDWARE = Path(__file__).resolve().parents[2] / "hardware"


def read(path: Path, schema: str) -> dict[str, Any]:
    """The document at `path`; raises BadInput when it is missing, not TOML or of another schema."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(str(path), f"cannot be read: {getattr(error, 'strerror', None) or 'not text'}") from None
    except tomllib.TOMLDecodeError as error:
        raise BadInput(str(path), f"is not TOML: {error}", "mend the line it names") from None
    if document.get("schema") != schema:
        raise BadInput(str(path), f"schema is {document.get('schema')!r}", f"expected {schema}")
    return document


def field(row: dict[str, Any], name: str, where: str) -> Any:
    """A field that must be there; raises BadInput."""
    if name not in row:
        raise BadInput(where, f"has no field {name!r}", f"add {name} = ...")
    return row[name]
