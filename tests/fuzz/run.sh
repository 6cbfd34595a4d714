#!/usr/bin/env bash
# Builds the fuzz targets with clang and runs each for FUZZ_SECONDS; crashes end up in build/fuzz/artifacts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cmake --preset fuzz >/dev/null
cmake --build --preset fuzz

shopt -s nullglob
targets=(build/fuzz/fuzz/*_fuzz)
[ ${#targets[@]} -gt 0 ] || {
  echo "no fuzz targets" >&2
  exit 1
}
mkdir -p build/fuzz/artifacts
for target in "${targets[@]}"; do
  name=$(basename "$target" _fuzz)
  echo "== $name, ${FUZZ_SECONDS:-60} s"
  mkdir -p "build/fuzz/corpus/$name"
  log=build/fuzz/$name.log
  "$target" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/artifacts/$name-" "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name" \
    >"$log" 2>&1 || { tail -200 "$log" && exit 1; }
  grep -E '^Done |average_exec' "$log"
done
