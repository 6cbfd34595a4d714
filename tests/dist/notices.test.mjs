// The licences of what is bundled, and the bills of materials.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { basename } from 'node:path'
import { test } from 'node:test'
import { tarball, wheels } from './support/packages.mjs'

const readArchive = `
import json, sys, tarfile, zipfile
file = sys.argv[1]
if file.endswith(".whl"):
    archive = zipfile.ZipFile(file)
    names, read = archive.namelist(), archive.read
else:
    archive = tarfile.open(file)
    names, read = archive.getnames(), lambda name: archive.extractfile(name).read()
(bill,) = [name for name in names if name.endswith("/sboms/ipcbridge.cdx.json")]
print(json.dumps({"names": names, "folder": bill.removesuffix("sboms/ipcbridge.cdx.json"), "bill": json.loads(read(bill))}))
`
const inAll = ['libcxx', 'libcxxabi', 'libunwind', 'zig-compiler-rt']
const packages = [
  { file: tarball, bundled: [...inAll, 'node-addon-api', 'node-api-headers'], folder: /^package\/$/ },
  ...wheels.map(file => ({ file, bundled: [...inAll, 'pybind11'], folder: /^ipcbridge-[^/]+\.dist-info\/$/ })),
]

for (const { file, bundled, folder } of packages) {
  test(`${basename(file)} says what of others is in it, and under which licences`, () => {
    const said = JSON.parse(execFileSync('python3', ['-c', readArchive, file], { encoding: 'utf8' }))
    assert.match(said.folder, folder)
    assert.deepEqual([said.bill.bomFormat, said.bill.specVersion], ['CycloneDX', '1.6'])
    assert.equal(said.bill.metadata.component.name, 'ipcbridge')
    assert.deepEqual(said.bill.components.map(({ name }) => name).sort(), bundled.toSorted())
    for (const { name, version, licenses } of said.bill.components) {
      assert.ok(version && licenses.length > 0, `${name} has no version or no licence in the bill`)
      const begins = `${said.folder}licenses/${name}/`
      assert.ok(
        said.names.some(path => path.startsWith(begins)),
        `no licence in ${begins}`,
      )
    }
  })
}
