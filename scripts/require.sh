#!/bin/sh
# Says in one line what is missing to build Hubbub, and how to get it.
status=0
missing() {
    echo "missing: $1" >&2
    status=1
}
for tool in "$@"; do
    case $tool in
    cargo) command -v cargo >/dev/null || missing "Rust 1.95 or newer; see https://rustup.rs" ;;
    cc) command -v cc >/dev/null || missing "a C compiler (Debian: apt install build-essential)" ;;
    node)
        if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
            missing "Node.js 20.19 or newer with npm; see https://nodejs.org"
        elif ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
            missing "Node.js 20.19 or newer, found $(node --version)"
        fi
        ;;
    python3) command -v python3 >/dev/null || missing "Python 3.11 or newer" ;;
    esac
done
exit $status
