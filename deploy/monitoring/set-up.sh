#!/bin/sh
# Installs Prometheus and its promtool, which the alerts and dashboards are tried with, where they are missing: as root
# on Debian or Ubuntu. The system's own server, which the package would start, is not wanted. Anywhere else those tests
# are skipped, but with CI=true, where nothing may be skipped, this fails.
set -eu
if command -v promtool >/dev/null && command -v prometheus >/dev/null; then exit 0; fi

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing prometheus ..."
    policy=/usr/sbin/policy-rc.d # asked by Debian's packages whether they may start what they bring: 101 is no
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod 755 "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus >/dev/null || true
fi

if ! command -v promtool >/dev/null; then
    echo "Alerts are not tried: promtool is missing. Debian, Ubuntu: apt install prometheus" >&2
    if [ "${CI:-}" = true ]; then exit 1; fi
fi
