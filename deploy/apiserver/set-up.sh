#!/bin/sh
# Builds kube-apiserver and etcd into the user's cache, once for each go.mod. Prints the folder of the programs.
# Needs Go 1.21 or later, which fetches the release that go.mod names; as root on Debian it is installed where it is
# missing (Debian 12 has an older one: its backports).
set -eu
cd "$(dirname "$0")"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/sealed-orders/apiserver-$(cat go.mod go.sum | cksum | cut -d' ' -f1)"
if [ -x "$cache/kube-apiserver" ] && [ -x "$cache/etcd" ]; then echo "$cache"; exit 0; fi

suitable() { go version 2>/dev/null | grep -qE 'go1\.(2[1-9]|[3-9][0-9])'; }
PATH="$PATH:/usr/local/go/bin"
suitable || ../debian-install.sh golang-go || true
if ! suitable; then
    echo "The API server is built with Go 1.21 or later, and none was found." >&2
    echo "Install it (Debian 13, Ubuntu 24.04: apt install golang-go; Debian 12: its backports) and run this again." >&2
    exit 1
fi

echo "Building kube-apiserver and etcd, once: nine to ten minutes of processor time, and 3 GB of cache ..." >&2
mkdir -p "$cache"
build() { # whole or not at all: an interrupted build leaves no program
    GOTOOLCHAIN=auto go build -buildvcs=false -ldflags "-s -w" -o "$cache/$2.part" "$1"
    mv "$cache/$2.part" "$cache/$2"
}
build go.etcd.io/etcd/server/v3 etcd
build k8s.io/kubernetes/cmd/kube-apiserver kube-apiserver
echo "$cache"
