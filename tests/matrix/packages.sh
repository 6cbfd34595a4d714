#!/usr/bin/env bash
# packages.sh COMMAND...: runs the command with what `make dist` has made, the npm package installed in build/matrix/package.
set -euo pipefail
dist=${IPCBRIDGE_DIST:-dist}
tarballs=("$dist"/ipcbridge-*.tgz)
if [ -e "${tarballs[0]}" ]; then
  package=$PWD/build/matrix/package
  rm -rf "$package" && mkdir -p "$package"
  npm install --prefix "$package" --ignore-scripts --no-fund --no-audit --loglevel=error "$(realpath "${tarballs[0]}")"
  tests/matrix/machines.sh
  export IPCBRIDGE_TEST_PACKAGE=$package IPCBRIDGE_TEST_WHEELS=$dist
fi
exec "$@"
