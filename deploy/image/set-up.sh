#!/bin/sh
# Installs what the image is tested with where no engine runs: buildah builds it, debootstrap makes the Debian it is built
# on, runc starts it. As root on Debian or Ubuntu; elsewhere what is missing is named.
set -eu
PATH="$PATH:/usr/sbin:/sbin"
missing=""
for name in buildah runc debootstrap; do
    command -v "$name" >/dev/null || missing="$missing $name"
done
# shellcheck disable=SC2086
if [ -n "$missing" ] && ! "$(dirname "$0")/../debian-install.sh" $missing; then
    echo "The image's tests need$missing, and root: apt install$missing" >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "The image's tests build without an engine and change the user they run as: run them as root." >&2
    exit 1
fi
