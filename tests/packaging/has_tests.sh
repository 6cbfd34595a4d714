#!/usr/bin/env bash
# has_tests.sh SUFFIX DIRECTORY...: fails when a directory holds no test file with that suffix, because the
# runners themselves pass over an empty directory in silence.
set -euo pipefail
suffix=$1
shift
status=0
for directory in "$@"; do
  if [ -z "$(find "$directory" -type f \( -name "test_*.$suffix" -o -name "*.$suffix" \) -print -quit)" ]; then
    echo "no tests (*.$suffix) in $directory" >&2
    status=1
  fi
done
exit $status
