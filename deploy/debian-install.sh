#!/bin/sh
# Installs the Debian packages that are named. Fails, and says nothing, where this is not root on Debian or Ubuntu: the
# caller says what is missing and how to get it. The servers that packages bring are not started.
set -eu
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then exit 1; fi

echo "Installing $* ..." >&2
policy=/usr/sbin/policy-rc.d # asked by Debian's packages whether they may start what they bring: 101 is no
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
