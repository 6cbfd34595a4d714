#!/usr/bin/env bash
# Builds what is released once more, from a clone in another folder and with empty caches, and compares it with dist/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ -z "$(git status --porcelain)" ] || { echo "reproduce: commit first, since a clone has only what is committed" >&2; exit 1; }
again=$(mktemp -d)
trap 'rm -rf "$again"' EXIT
git clone --quiet . "$again/clone"
export CCACHE_DISABLE=1 ZIG_GLOBAL_CACHE_DIR=$again/zig ZIG_LOCAL_CACHE_DIR=$again/zig
make --directory "$again/clone" dist "$@"

status=0
for file in dist/*; do
  if cmp "$file" "$again/clone/$file"; then echo "the same: $file"; else status=1; fi
done
exit $status
