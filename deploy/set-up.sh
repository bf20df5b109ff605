#!/bin/sh
# Makes the virtual environment $1 from requirements/*.lock; every file installed is checked against its hash.
# uv installs several times faster than pip; pip does the same work where uv has no build or can't reach the index.
set -eu
venv=$1

suitable='import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'
for python in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
    if "$python" -c "$suitable" >/dev/null 2>&1; then found=$python; break; fi
done
if [ -z "${found:-}" ]; then
    echo "Sealed Orders needs Python 3.11 or later with its venv module, and found none." >&2
    echo "Install it (Debian, Ubuntu: apt install python3 python3-venv) or name one: make PYTHON=/path/to/python3" >&2
    exit 1
fi

echo "Setting up $venv with $("$found" --version) ..."
"$found" -m venv --clear "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock ||
    echo "uv could not be installed; using pip, which takes longer." >&2

if ! "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --require-hashes --compile-bytecode \
    -r requirements/dev.lock; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
fi
# This project, in place; what builds it is already in the lock, so nothing else is fetched.
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
