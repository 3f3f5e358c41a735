#!/bin/sh
# Installs what the tests need beyond what building needs: browsers, Postgres, coturn, nginx, Prometheus, Python with venv.
# As root on Debian or Ubuntu with apt; elsewhere it says what is missing.
cd "$(dirname "$0")/.." || exit 1
scripts/require.sh cargo || exit 1

packages=""
need() {
    packages="$packages $1"
}
command -v cc >/dev/null || need build-essential
command -v git >/dev/null || need git
command -v node >/dev/null || need nodejs
command -v npm >/dev/null || need npm
command -v python3 >/dev/null || need python3
python3 -c 'import venv, ensurepip' 2>/dev/null || need python3-venv
command -v chromium >/dev/null || command -v google-chrome >/dev/null || need chromium
command -v firefox-esr >/dev/null || command -v firefox >/dev/null || need firefox-esr
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || need postgresql
command -v turnserver >/dev/null || need coturn
command -v nginx >/dev/null || need nginx
command -v openssl >/dev/null || need openssl
command -v systemd-analyze >/dev/null || need systemd
command -v readelf >/dev/null || need binutils
{ command -v prometheus && command -v promtool; } >/dev/null || need prometheus

[ -z "$packages" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing what the tests need:$packages"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    apt-get update -qq && apt-get install -y -qq --no-install-recommends $packages >/dev/null || {
        echo "apt could not install:$packages" >&2
        exit 1
    }
    scripts/require.sh cargo cc node python3
else
    echo "The tests need:$packages (names of Debian packages). Install them, or run this once as root." >&2
    exit 1
fi
