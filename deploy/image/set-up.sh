#!/bin/sh
# Installs what the image is tested with where no engine runs: buildah builds it, debootstrap makes the Debian it is built
# on, runc starts it. As root on Debian or Ubuntu; elsewhere what is missing is named.
set -eu
PATH="$PATH:/usr/sbin:/sbin"
missing=""
for name in buildah runc debootstrap; do
    command -v "$name" >/dev/null || missing="$missing $name"
done
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing$missing ..."
    # shellcheck disable=SC2086
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    missing=""
fi
if [ -n "$missing" ]; then
    echo "The image's tests need$missing, and root: apt install$missing" >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "The image's tests build without an engine and change the user they run as: run them as root." >&2
    exit 1
fi
