#!/bin/sh
# Installs Dovecot, the IMAP server that the mailbox is tested on, where it is missing: as root on Debian or Ubuntu.
# The stack starts one of its own; the system's, which the package would start, is not wanted. Anywhere else the tests of
# the mailbox are skipped, but with CI=true, where nothing may be skipped, this fails.
set -eu
PATH="$PATH:/usr/sbin"
if command -v dovecot >/dev/null; then exit 0; fi

"$(dirname "$0")/../debian-install.sh" dovecot-imapd || true

if ! command -v dovecot >/dev/null; then
    echo "The mailbox is off: Dovecot is missing. Debian, Ubuntu: apt install dovecot-imapd" >&2
    if [ "${CI:-}" = true ]; then exit 1; fi
fi
