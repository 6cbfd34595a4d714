#!/usr/bin/env bash
# The core's tests under ASan+UBSan and under TSan, then the Node and Python suites on ASan builds of the bindings.
# With the argument `short`: under TSan only what several threads share. ASan is on in the fuzz targets, too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p build

# The sanitizers of GCC 12 do not know the address layouts that newer kernels randomise into.
fixed_layout=()
if setarch "$(uname -m)" -R true 2>/dev/null; then fixed_layout=(setarch "$(uname -m)" -R); fi

export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
# Suites may wait longer for the same thing; they must not test less.
export IPCBRIDGE_SANITIZED=1

failed=()
# suite NAME COMMAND...: the others run even if one fails.
suite() {
  echo "== $1"
  "${@:2}" || failed+=("$1")
}

run_core_tests() { # preset, folder of build/, options of cmake
  local build=build/$2
  cmake --preset "$1" -B "$build" "${@:3}" >"$build.log" || { cat "$build.log" && exit 1; }
  cmake --build "$build"
  suite "core, $2" "${fixed_layout[@]}" ctest --test-dir "$build" --no-tests=error --output-on-failure --progress -j 2 \
    "${ctest_options[@]}"
}

conclude() {
  [ ${#failed[@]} -eq 0 ] && exit
  printf 'failed: %s\n' "${failed[@]}"
  exit 1
}

ctest_options=()
if [ "${1:-}" = short ]; then
  ctest_options=(--exclude-regex Model) # one thread explores them
  run_core_tests tsan tsan-short -DIPCBRIDGE_BUILD_EXAMPLES=OFF "-DIPCBRIDGE_TEST_FOLDERS=support;shm;workers"
  conclude
fi
run_core_tests tsan tsan
run_core_tests asan asan

# A copy of the checkout, with the ASan modules in the places of the ordinary ones. Of all its files: a list of those
# that the suites load would soon lack one.
stage=build/asan/stage
rm -rf "$stage" && mkdir -p "$stage/build"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp -a --parents --target-directory "$stage"
cp -a js/dist "$stage/js/"
ln -s "$PWD/node_modules" "$PWD/.venv" "$stage/"
ln -s "$PWD/build/asan" "$stage/build/dev"
cmake --install build/asan --component node --prefix "$stage" >/dev/null
cmake --install build/asan --component python --prefix "$stage/python" >/dev/null

# V8 and CPython leak on purpose at exit, so leaks are looked for in the core's tests only. Freed memory is kept for a
# while, and by default for so long that tests which measure memory would take it for a leak.
export ASAN_OPTIONS=detect_leaks=0:strict_string_checks=1:quarantine_size_mb=16
export PYTHONMALLOC=malloc PYTHONPATH="$PWD/$stage/python"
# Python does not link libstdc++, and ASan looks for it only when it starts: without it, the first C++ exception
# would end the process.
preload="$(realpath "$(g++ -print-file-name=libasan.so)") $(realpath "$(g++ -print-file-name=libstdc++.so)")"
processes=$(($(nproc) + 1))
cd "$stage"
mapfile -t node_tests < <(find tests/node tests/values -name '*.test.*js' | sort)
suite "node, asan" env LD_PRELOAD="$preload" "${fixed_layout[@]}" \
  node --test --test-concurrency="$processes" "${node_tests[@]}"
suite "python, asan" env LD_PRELOAD="$preload" "${fixed_layout[@]}" \
  .venv/bin/python -m pytest -q -p no:cacheprovider -n "$processes" --dist loadfile --timeout 600
conclude
