#!/usr/bin/env bash
# The package loads by its name in both module systems with the same names, and its versions agree.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

node --input-type=commonjs -e '
  const assert = require("node:assert")
  const names = Object.keys(require("ipcbridge")).filter(name => name !== "__esModule").sort()
  assert.ok(names.includes("connect") && names.includes("serve"), `exports: ${names}`)
  import("ipcbridge").then(module => {
    assert.deepStrictEqual(Object.keys(module).filter(name => name !== "default" && name !== "module.exports").sort(), names)
    assert.strictEqual(module.connect, require(".").connect)
  })'

node_version=$(node -p 'require("./package.json").version')
python_version=$(.venv/bin/python -c 'import importlib.metadata, ipcbridge; print(importlib.metadata.version("ipcbridge"))')
[ "$node_version" = "$python_version" ] || {
  echo "package.json says $node_version, the Python package $python_version" >&2
  exit 1
}
