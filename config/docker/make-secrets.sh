#!/bin/sh
# Makes the secrets of docker-compose.yml, once: what is there stays. Each service gets a volume with its own ones only.
#
# make-secrets.sh FOLDER TURNSERVER.CONF HUBBUB_ADDRESS
set -eu
folder=$1 turnserver=$2 hubbub=$3

# 32 bytes of the system's random numbers, as 64 hexadecimal digits.
keep() {
    [ -s "$1" ] && return
    head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$1.new"
    mv "$1.new" "$1"
}

# Readable inside the volume, because each image has a user of its own; nobody else gets at the volumes.
umask 022
for service in hubbub postgres coturn grafana; do
    mkdir -p "$folder/$service"
done
keep "$folder/postgres/password"
keep "$folder/grafana/admin-password"
keep "$folder/hubbub/turn-secret"

# What is made of them is written anew each time.
printf 'postgres://hubbub:%s@postgres:5432/hubbub' "$(cat "$folder/postgres/password")" >"$folder/hubbub/storage-url"
{
    cat "$turnserver"
    echo
    echo "# Added by make-secrets.sh: the secret, and the one private address that may be relayed to."
    echo "static-auth-secret=$(cat "$folder/hubbub/turn-secret")"
    echo "allowed-peer-ip=$hubbub"
} >"$folder/coturn/turnserver.conf"
echo "The secrets are there. Grafana's password: docker compose run --rm secrets cat /secrets/grafana/admin-password"
