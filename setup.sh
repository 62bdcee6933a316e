#!/usr/bin/env bash
# Sets up what the two README commands need, says what it does, and leaves alone what is there already.
#   setup.sh demo   virtual environment, locked libraries, MicroPython VM, the console's browser libraries
#   setup.sh test   the same, and brokers, database, browser and test libraries
# Nothing is skipped silently: what can't be had is named with what still works without it.
set -euo pipefail
cd "$(dirname "$0")"
purpose=${1:-demo}
say() { printf 'setup: %s\n' "$*" >&2; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
may_install() {
    command -v apt-get >/dev/null || return 1
    [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null
}
apt_updated=
install_packages() { # WHY PACKAGE...: installs the missing ones; false when it may not or cannot
    local why=$1 missing=()
    shift
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return 0
    if ! may_install; then
        say "missing for $why: ${missing[*]} — as root: apt-get install ${missing[*]}"
        return 1
    fi
    say "installing for $why: ${missing[*]}"
    if [ -z "$apt_updated" ]; then as_root apt-get update -qq || true; apt_updated=1; fi
    # RUNLEVEL=1: servers are installed but not started; the tests start their own on free ports.
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || {
        say "apt-get could not install: ${missing[*]}"
        return 1
    }
}

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    say "$python is older than 3.11; install Python 3.11 or set PYTHON=/path/to/python3.11"
    exit 2
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    install_packages "virtual environments" python3-venv || { say "cannot go on without python3-venv"; exit 2; }
fi

lock=requirements.lock
[ "$purpose" = test ] && lock=requirements-test.lock
stamp=.venv/.locked
wanted=$(cat requirements.lock "$lock" pyproject.toml | sha256sum)
if [ "$(cat $stamp 2>/dev/null)" != "$wanted" ] && { [ "$purpose" = test ] || [ "$(cat $stamp-test 2>/dev/null)" != "$(cat requirements.lock requirements-test.lock pyproject.toml | sha256sum)" ]; }; then
    [ -x .venv/bin/python ] || { say "creating the virtual environment .venv"; "$python" -m venv .venv; }
    say "installing locked Python libraries from $lock (about a minute)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock" 2>/tmp/waakzaam-pip.$$ ||
        { cat /tmp/waakzaam-pip.$$ >&2; rm -f /tmp/waakzaam-pip.$$; say "pip could not install the libraries; is the package registry reachable?"; exit 2; }
    rm -f /tmp/waakzaam-pip.$$
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . 2>/dev/null
    echo "$wanted" >$stamp
    if [ "$purpose" = test ]; then echo "$wanted" >$stamp-test; fi
fi

install_packages "building the MicroPython VM" gcc gcc-multilib libc6-dev make pkg-config dpkg-dev || true
bash simulators/virtual_board/build_vm.sh || say "no MicroPython VM: the firmware runs on CPython instead and every output says so (see: .venv/bin/waakzaam doctor)"
.venv/bin/python -m alarm_backend.console.vendor || say "no browser libraries: the console shows its queue without the map"

if [ "$purpose" = test ]; then
    install_packages "the MQTT broker tests" mosquitto || true
    install_packages "the PostgreSQL tests" postgresql || true
    install_packages "the tests of many gateway workers" nats-server || true
    install_packages "the comparison with PostGIS" postgresql-postgis || true
    .venv/bin/python -m tests.support.oidc_provider_setup || say "no OpenID provider: the tests of single sign-on are skipped"
    install_packages "the browser tests" chromium fonts-dejavu-core || true
fi
