#!/usr/bin/env bash
# Builds what is released once more, from a clone in another folder and without a cache, and compares it with dist/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ -z "$(git status --porcelain)" ] || { echo "reproduce: commit first, since a clone has only what is committed" >&2; exit 1; }
clone=$(mktemp -d)/again
trap 'rm -rf "$(dirname "$clone")"' EXIT
git clone --quiet . "$clone"
CCACHE_DISABLE=1 make --directory "$clone" dist "$@"

status=0
for file in dist/*; do
  if cmp "$file" "$clone/$file"; then echo "the same: $file"; else status=1; fi
done
exit $status
