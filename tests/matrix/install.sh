#!/usr/bin/env bash
# Installs the runtimes that the matrix runs into build/matrix, from package-lock.json beside this file.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

into=../../build/matrix
if cmp -s package-lock.json $into/node_modules/.installed-lock.json; then exit; fi
echo "matrix: installing Node.js 16 to 26, Bun and Deno into build/matrix"
mkdir -p $into
cp package.json package-lock.json $into
(cd $into && npm ci --ignore-scripts --no-fund --no-audit --prefer-offline --loglevel=error)
cp package-lock.json $into/node_modules/.installed-lock.json
