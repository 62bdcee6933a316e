"""Sets up the console's browser libraries from the npm lock file: `python -m alarm_backend.console.vendor`.

Nothing third-party is committed. The libraries are installed in `.build/console-npm` with `npm ci` (every package is
checked against the lock's hash), and the few files that the console serves are copied to `.build/vendor`, next to forms
compressed once with brotli and gzip. Where there is no npm, Node.js comes from the Python registry into an
environment of its own, by hash too. Running it again does nothing when the lock has not changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

from alarm_backend.console import base_layer
from alarm_backend.console.libraries import BASE_LAYER, BUILD, CONSOLE, FOLDER, ROOT, SERVED
from alarm_backend.console.node import VendorFailed, install_locked, machine_node, registry_node, run

BASE_LAYER_SOURCE = ROOT / "data" / "basemap" / "belgium_municipalities.topojson"

# What is served, by the name it is served under.
FILES = {
    "inter.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
    "inter.LICENSE.txt": "@fontsource-variable/inter/LICENSE",
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "htmx.LICENSE.txt": "htmx.org/LICENSE",
    "axe.js": "axe-core/axe.min.js",
    "axe.LICENSE.txt": "axe-core/LICENSE",
}

FONT_FACE = """@font-face{font-family:"Inter";font-style:normal;font-weight:100 900;font-display:swap;
src:url("inter.woff2") format("woff2")}
"""

COMPRESS = """
const zlib = require("zlib"), fs = require("fs");
for (const name of process.argv.slice(1)) {
  const bytes = fs.readFileSync(name), size = zlib.constants.BROTLI_PARAM_SIZE_HINT;
  fs.writeFileSync(name + ".br", zlib.brotliCompressSync(bytes, {params: {[size]: bytes.length}}));
  fs.writeFileSync(name + ".gz", zlib.gzipSync(bytes, {level: 9}));
}
"""


def _digest() -> str:
    """What the result depends on, as one hash."""
    digest = hashlib.sha256()
    for source in (CONSOLE / "package-lock.json", Path(__file__), Path(base_layer.__file__), BASE_LAYER_SOURCE):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def is_ready() -> bool:
    """Whether every file is there and was made from the present lock file."""
    stamp = FOLDER / ".made-from"
    names = [*FILES, *SERVED]
    return stamp.exists() and stamp.read_text() == _digest() and all((FOLDER / name).exists() for name in names)


def install() -> None:
    """Install, copy and compress; raises VendorFailed. The served folder is replaced whole or not at all."""
    tools = machine_node() or registry_node()
    packages = BUILD / "console-npm"
    install_locked(CONSOLE, packages, tools)

    fresh = BUILD / "vendor.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, source in FILES.items():
        origin = packages / "node_modules" / source
        if not origin.exists():
            raise VendorFailed("copy", f"{source} is not in the installed packages")
        shutil.copyfile(origin, fresh / name)
    (fresh / "inter.css").write_text(FONT_FACE)
    base_layer.write(BASE_LAYER_SOURCE, fresh / BASE_LAYER)
    served = [str(file) for file in sorted(fresh.iterdir()) if file.suffix in {".js", ".css", ".json"}]
    run("compress", [tools.node, "-e", COMPRESS, *served], fresh, tools.path)
    (fresh / ".made-from").write_text(_digest())
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.replace(fresh, FOLDER)


def main() -> int:
    """Set up what is missing; exit status 1 with one line when it cannot be had."""
    if is_ready():
        return 0
    try:
        install()
    except (VendorFailed, base_layer.BaseLayerInvalid) as failure:
        print(f"browser libraries: {failure}", file=sys.stderr)
        return 1
    shown = FOLDER.relative_to(ROOT) if FOLDER.is_relative_to(ROOT) else FOLDER
    print(f"browser libraries: ready in {shown}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
