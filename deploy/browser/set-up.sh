#!/bin/sh
# Sees to it that the tests find a Chromium: the system's, else Debian's package (as root), else Playwright's own
# download into the cache of the user. $1: the virtual environment's Python.
set -eu
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then exit 0; fi
done
if "$1" -c 'from playwright.sync_api import sync_playwright as p
import os, sys
with p() as tools: sys.exit(not os.path.exists(tools.chromium.executable_path))' 2>/dev/null; then exit 0; fi

"$(dirname "$0")/../debian-install.sh" chromium && exit 0
echo "Fetching Playwright's Chromium ..."
"$1" -m playwright install chromium && exit 0

echo "The tests of the pages need a Chromium and found none." >&2
echo "Install one (Debian: apt install chromium) or let 'playwright install chromium' reach its server, and run this again." >&2
exit 1
