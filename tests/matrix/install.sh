#!/usr/bin/env bash
# Installs the runtimes that the matrix runs into build/matrix, from package-lock.json beside this file. With `whole` also PyPy (apt).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

if [ "${1:-}" = whole ] && ! command -v pypy3 >/dev/null; then
  echo "matrix: installing pypy3 (apt)"
  as_root apt-get update -q
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends pypy3
fi

[ "$(uname -m)" = x86_64 ] || { echo "matrix: its runtimes are for x64, and are left out" >&2; exit 0; }
into=../../build/matrix
if cmp -s package-lock.json $into/node_modules/.installed-lock.json; then exit; fi
echo "matrix: installing Node.js 16 to 26, Bun and Deno into build/matrix"
mkdir -p $into
cp package.json package-lock.json $into
(cd $into && npm ci --ignore-scripts --no-fund --no-audit --prefer-offline --loglevel=error)
cp package-lock.json $into/node_modules/.installed-lock.json
