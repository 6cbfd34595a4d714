// Evaluated before all the rest. In a bundle of ES modules what comes next could not even say what is wrong: it has no `require`.

if (!/\/js\/unbundled\.mjs($|[?#])/.test(String(import.meta.url))) {
  throw new Error(
    'ipcbridge has been put into a bundle, where its native addon cannot be found. Mark it as external: for esbuild ' +
      '--external:ipcbridge; for other bundlers see docs/install.md of ipcbridge.',
  )
}
