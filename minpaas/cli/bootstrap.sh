#!/bin/sh
# Make .venv with MinPaas and all it needs, exactly as requirements.lock says (with hashes). A second run does nothing.
set -eu
cd "$(dirname "$0")/../.."

stamp=.venv/.installed
wanted=$({ pwd; cat requirements.lock pyproject.toml; } | sha256sum) # with the path: a moved .venv does not work
[ -x .venv/bin/minpaas ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0

find_python() {
    for python in python3 /usr/bin/python3 python3.13 python3.12 python3.11; do
        "$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return
    done
    return 1
}

apt_install() {
    [ "$(id -u)" = 0 ] && sudo='' || sudo=sudo
    echo "       $ apt-get install $*"
    $sudo apt-get -qq update
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "$@" >/dev/null
}

echo "-----> Python packages"
if ! find_python; then
    echo "       no Python 3.11 or newer with venv here"
    if command -v apt-get >/dev/null; then
        apt_install python3 python3-venv || true
        find_python || apt_install python3.11 python3.11-venv || true # where python3 is older (Ubuntu 22.04)
    fi
fi
if ! find_python; then
    echo " !     Python 3.11 or newer with venv is needed: install it (python3, python3-venv) and run it again" >&2
    exit 1
fi

started=$(date +%s)
.venv/bin/python -c '' 2>/dev/null || "$python" -m venv --clear .venv
.venv/bin/python -m pip install -qq --disable-pip-version-check --no-compile --require-hashes -r requirements.lock
.venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
echo "$wanted" >"$stamp"
echo "       installed in .venv from requirements.lock ($(($(date +%s) - started)) s)"
