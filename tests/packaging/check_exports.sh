#!/usr/bin/env bash
# A built module exports its init symbol and nothing else, is never unmapped, and links neither Node, libuv nor Python.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

status=0
problem() {
  echo "$*" >&2
  status=1
}

check() { # file, symbols that it may export (ERE), the one that it must export (ERE)
  local file=$1 allowed=$2 required=$3 exported dynamic
  exported=$(nm --dynamic --defined-only --format=posix "$file" | awk '{ print $1 }')
  grep -qxE "$required" <<<"$exported" || problem "$file does not export $required"
  if grep -vxE "$allowed" <<<"$exported"; then problem "$file exports the symbols above"; fi
  if nm --dynamic --format=posix "$file" | awk '$2 == "u"' | grep .; then problem "$file has unique symbols"; fi
  dynamic=$(readelf --dynamic --wide "$file")
  grep -q NODELETE <<<"$dynamic" || problem "$file can be unmapped (no -z nodelete)"
  grep -q SYMBOLIC <<<"$dynamic" || problem "$file may bind to others' symbols (no -Bsymbolic)"
  if grep -E 'NEEDED.*(libuv|libnode|libpython)' <<<"$dynamic"; then problem "$file links the runtime it is loaded into"; fi
  # Direct references would make loading fail in a Node that hides them; they are looked up at run time.
  if nm --dynamic --undefined-only --format=posix "$file" | grep -E '^(uv_|_ZN2v8|_ZN4node)'; then
    problem "$file refers to the symbols above directly"
  fi
}

shopt -s nullglob
addons=(js/native/*/ipcbridge.node)
extensions=(python/ipcbridge/_native*.so)
[ ${#addons[@]} -gt 0 ] || problem "there is no js/native/*/ipcbridge.node"
[ ${#extensions[@]} -gt 0 ] || problem "there is no python/ipcbridge/_native*.so"
for file in "${addons[@]}"; do
  check "$file" 'napi_register_module_v1|node_api_module_get_api_version_v1' napi_register_module_v1
done
for file in "${extensions[@]}"; do
  check "$file" PyInit__native PyInit__native
done
exit $status
