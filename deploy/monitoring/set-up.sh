#!/bin/sh
# Installs Prometheus and its promtool, which the alerts and dashboards are tried with, where they are missing: as root
# on Debian or Ubuntu. The system's own server, which the package would start, is not wanted. Anywhere else those tests
# are skipped, but with CI=true, where nothing may be skipped, this fails.
set -eu
if command -v promtool >/dev/null && command -v prometheus >/dev/null; then exit 0; fi

"$(dirname "$0")/../debian-install.sh" prometheus || true

if ! command -v promtool >/dev/null; then
    echo "Alerts are not tried: promtool is missing. Debian, Ubuntu: apt install prometheus" >&2
    if [ "${CI:-}" = true ]; then exit 1; fi
fi
