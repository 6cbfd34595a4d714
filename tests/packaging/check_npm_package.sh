#!/usr/bin/env bash
# The npm tarball has the binary, the compiled code and its types, no sources, and nothing that runs at install.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

npm pack --dry-run --json --ignore-scripts --loglevel=error | node -e '
  const assert = require("node:assert")
  const manifest = require("./package.json")
  const [{ files }] = JSON.parse(require("node:fs").readFileSync(0, "utf8"))
  const paths = files.map(file => file.path)
  for (const wanted of ["LICENSE", "README.md", "js/index.mjs", "js/dist/index.js", "js/dist/index.d.ts"])
    assert.ok(paths.includes(wanted), `${wanted} is missing`)
  assert.ok(paths.some(path => /^js\/native\/[^/]+\/ipcbridge\.node$/.test(path)), "no binary")
  const allowed = /^(js\/(dist|native)\/|js\/index\.mjs$|package\.json$|LICENSE$|README\.md$|CHANGELOG\.md$)/
  assert.deepStrictEqual(paths.filter(path => !allowed.test(path)), [])
  for (const hook of ["preinstall", "install", "postinstall", "prepare"])
    assert.ok(!manifest.scripts[hook], `package.json has a ${hook} script`)
  assert.ok(!paths.includes("binding.gyp"), "npm would run node-gyp")
  assert.deepStrictEqual(manifest.dependencies ?? {}, {})'

if grep -n '"resolved"' package-lock.json; then
  echo "package-lock.json names a registry" >&2
  exit 1
fi
