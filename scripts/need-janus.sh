#!/bin/sh
# Janus is what `make bench` compares with. Installed where that can be done, named where not.
command -v janus >/dev/null && exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "installing janus" >&2
    apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends janus >/dev/null && exit 0
fi
echo "missing: janus, which the comparison needs (Debian, Ubuntu: apt install janus); the benchmarks without it are done" >&2
exit 1
