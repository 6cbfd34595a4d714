#!/usr/bin/env bash
# Each layer of the core includes only itself and what stands below it; nothing in the core includes a binding.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

layers=(base shm channel rpc endpoint cpp_api)
status=0
below=
for layer in "${layers[@]}"; do
  below+="${below:+|}$layer"
  # Private headers are written from the root ("core/base/fd.hpp"), the public ones as users write them: <ipcbridge/code.hpp>.
  if grep -rnE '^\s*#\s*include\s*"' --include='*.[ch]pp' "core/$layer" | grep -vE "#\s*include\s*\"core/($below)/"; then
    echo "core/$layer may include only core/{${below//|/,}}" >&2
    status=1
  fi
  # The codes are everybody's; what throws is for the topmost layer.
  if [ "$layer" != cpp_api ] && grep -rnE '<ipcbridge/' --include='*.[ch]pp' "core/$layer" | grep -v '<ipcbridge/code.hpp>'; then
    echo "core/$layer may include only ipcbridge/code.hpp of the public headers" >&2
    status=1
  fi
done
if grep -rnE '^\s*#\s*include\s*["<](core|bindings)/' --include='*.hpp' core/include; then
  echo "a public header includes a private one" >&2
  status=1
fi
exit $status
