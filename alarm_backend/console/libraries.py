"""Where the browser libraries are put at set-up, and which of them the console serves."""

from __future__ import annotations

import os
from pathlib import Path

CONSOLE = Path(__file__).resolve().parent
ROOT = CONSOLE.parent.parent
BUILD = Path(os.environ.get("WAAKZAAM_BUILD", ROOT / ".build"))
FOLDER = BUILD / "vendor"
BASE_LAYER = "base_layer.json"
SERVED = frozenset({"htmx.js", "inter.woff2", "inter.css", BASE_LAYER})
