#!/usr/bin/env bash
# Installs what the benchmark needs and ipcbridge itself does not: Mosquitto (apt), bench/node_modules, bench/.venv.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

if ! PATH="$PATH:/usr/sbin:/sbin" command -v mosquitto >/dev/null; then
  echo "bench: installing mosquitto (apt)"
  as_root apt-get update -q
  # The package would start a broker of its own; the bench starts one on loopback only while it runs.
  as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -q -y --no-install-recommends mosquitto
fi

# Both sides of a comparison must run on the same interpreter, so take the one behind the checkout's .venv.
if [ -n "${PYTHON:-}" ]; then
  python=$PYTHON
elif [ -x ../.venv/bin/python ]; then
  python=$(../.venv/bin/python -c 'import os, sys; print(os.path.realpath(sys._base_executable))')
else
  python=python3
fi

install_venv() { # directory, requirements
  [ -x "$1/bin/python" ] || "$python" -m venv "$1"
  cmp -s "$2" "$1/installed.txt" && return
  echo "bench: installing $2 into bench/$1"
  "$1/bin/pip" install --quiet --disable-pip-version-check -r "$2" &&
    cp "$2" "$1/installed.txt"
}

install_venv .venv requirements.txt
# zeroRPC is unmaintained and pulls in gevent: it gets a venv of its own, and the run goes on without it.
install_venv .venv-zerorpc requirements-zerorpc.txt || echo "bench: zeroRPC did not install; its row will say so" >&2

# The packages that `make dist` has left, to measure what is released beside this checkout.
dist=${IPCBRIDGE_DIST:-../dist}
rm -rf .released
if ls "$dist"/ipcbridge-*.tgz >/dev/null 2>&1; then
  npm install --prefix .released --ignore-scripts --no-fund --no-audit --loglevel=error "$(realpath "$dist"/ipcbridge-*.tgz)"
  ../.venv/bin/pip install --quiet --disable-pip-version-check --no-index --find-links "$dist" --target .released/python ipcbridge
fi

if ! cmp -s package-lock.json node_modules/.installed-lock.json; then
  echo "bench: installing npm packages into bench/node_modules"
  # zeromq ships its binaries in the tarball; no install script is needed.
  npm ci --ignore-scripts --no-fund --no-audit --loglevel=error
  cp package-lock.json node_modules/.installed-lock.json
fi
