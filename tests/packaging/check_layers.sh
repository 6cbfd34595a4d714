#!/usr/bin/env bash
# Each layer of the core includes only itself and the layers of its own list; nothing in the core includes a binding,
# and users reach none of its private headers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# What each layer may include besides itself. From the lowest to the highest: a layer lists only those above it here.
declare -A may_include=(
  [base]=''
  [shm]='base'
  [rpc]='base'
  [naming]='base rpc'
  [reactor]='base'
  [transport]='base shm naming reactor'
  [doctor]='base shm rpc naming reactor transport'
  [endpoint]='base shm rpc naming reactor transport'
  [workers]='base shm rpc endpoint'
  [cpp_api]='base rpc endpoint workers'
)
status=0

complain() {
  echo "$1" >&2
  status=1
}

includes() { grep -rnE '^\s*#\s*include\s*["<]' --include='*.[ch]pp' "$1"; }

for folder in core/*/; do
  layer=$(basename "$folder")
  [ "$layer" = include ] && continue
  if [ -z "${may_include[$layer]+listed}" ]; then
    complain "core/$layer is no layer: list what it may include"
    continue
  fi
  allowed="$layer ${may_include[$layer]}"
  allowed=${allowed% }
  # Private headers are written from the root ("core/base/fd.hpp"), the public ones as users write them.
  if includes "$folder" | grep '"' | grep -vE "\"core/(${allowed// /|})/"; then
    complain "core/$layer may include only core/{${allowed// /,}}"
  fi
  # The codes and defaults are everybody's; what throws is for the topmost layer.
  if [ "$layer" != cpp_api ] && includes "$folder" | grep '<ipcbridge/' | grep -v '<ipcbridge/\(code\|defaults\).hpp>'; then
    complain "core/$layer may include only code.hpp and defaults.hpp of the public headers"
  fi
done

if includes core/include | grep -E '"|<(core|bindings)/'; then
  complain "a public header includes a private one"
fi
if includes examples | grep -E '["<](core|bindings)/'; then
  complain "an example includes what users cannot reach"
fi
# Whoever links the target of users gets core/include on his path, and nothing from which "core/…" can be written.
if grep -E 'target_include_directories\(ipcbridge INTERFACE' core/CMakeLists.txt | grep -v 'INTERFACE include)'; then
  complain "the target ipcbridge lets its users include private headers"
fi
exit $status
