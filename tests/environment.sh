# Where tests, nightly trials and benchmarks run: read by their programs, which then have `say`, `give_up`, `debian`,
# `environment`, `pip_install`, $folder, $python, $stamp and, with the Python of the environment, $bin. It lies under
# .cache/tests, which may be deleted at any time, and is made anew when pyproject.toml or the Python changes.
# shellcheck shell=bash
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
folder=$PWD/.cache/tests
bin=$folder/venv/bin
mkdir -p "$folder" || exit

say() { printf '%s\n' "$*"; }
give_up() { say "$program: $*" >&2; exit 1; }

# Install Debian packages if we may; a test says what it misses, so failing here ends nothing.
debian() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "not installed: $* (on Debian: apt-get install --no-install-recommends $*)"
        return 1
    fi
    say "installing Debian packages: $*"
    # Tests run their servers themselves; those of the system are not to be started because they are installed.
    local policy=/usr/sbin/policy-rc.d made= status
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy && made=yes
    fi
    {
        apt-get -qq update &&
            DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y "$@"
    } >"$folder/apt.log" 2>&1 </dev/null
    status=$?
    [ -z "$made" ] || rm -f $policy
    [ $status = 0 ] || tail -n 5 "$folder/apt.log"
    return $status
}

# Install the Debian packages of these programs that are missing; without a name, of all that tests run.
real_parts() {
    local packages
    packages=$("$bin/python" tests/real_parts.py "$@")
    # shellcheck disable=SC2086 # words, not one name
    [ -z "$packages" ] || debian $packages
}

find_python() {
    for python in ${YTPOOL_TEST_PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            return
        fi
    done
    give_up "no Python 3.11 or later found; name one with YTPOOL_TEST_PYTHON"
}

# Make a virtual environment at $1; Debian's Python comes without what makes one.
environment() {
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        debian "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" || return
    fi
    rm -rf "$1" && "$python" -m venv "$1"
}

pip_install() { # environment, log, what
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check "${@:3}" >"$2" 2>&1 </dev/null
}

find_python
stamp=$("$python" -c 'import hashlib, sys; print(hashlib.sha256(open("pyproject.toml", "rb").read()).hexdigest(), sys.executable, sys.version)')

if [ "$(cat "$folder/venv/stamp" 2>/dev/null)" != "$stamp" ]; then
    say "installing Python packages"
    environment "$folder/venv" || give_up "$python could not make a virtual environment"
    if ! pip_install "$folder/venv" "$folder/pip.log" --editable '.[dev]'; then
        cat "$folder/pip.log"
        give_up "the Python packages could not be installed"
    fi
    say "$stamp" >"$folder/venv/stamp"
fi
