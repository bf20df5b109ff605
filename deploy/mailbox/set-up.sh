#!/bin/sh
# Installs Dovecot, the IMAP server that the mailbox is tested on, where it is missing: as root on Debian or Ubuntu.
# The stack starts one of its own; the system's, which the package would start, is not wanted. Anywhere else the tests of
# the mailbox are skipped, but with CI=true, where nothing may be skipped, this fails.
set -eu
PATH="$PATH:/usr/sbin"
if command -v dovecot >/dev/null; then exit 0; fi

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing dovecot-imapd ..."
    policy=/usr/sbin/policy-rc.d # asked by Debian's packages whether they may start what they bring: 101 is no
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod 755 "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends dovecot-imapd >/dev/null || true
fi

if ! command -v dovecot >/dev/null; then
    echo "The mailbox is off: Dovecot is missing. Debian, Ubuntu: apt install dovecot-imapd" >&2
    if [ "${CI:-}" = true ]; then exit 1; fi
fi
