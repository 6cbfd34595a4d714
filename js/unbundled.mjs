// Evaluated before all the rest. In a bundle of ES modules what comes next could not even say what is wrong: it has no `require`. webpack
// writes the path of this file into it, wherever it puts it, and loses the names of CommonJS modules that are exported anew.

if (typeof __webpack_require__ !== 'undefined' || !/\/js\/unbundled\.mjs($|[?#])/.test(String(import.meta.url))) {
  throw new Error(
    'ipcbridge has been put into a bundle, where its native addon cannot be found. ' +
      'Mark ipcbridge as external and install it beside the bundle: esbuild `--external:ipcbridge`; ' +
      "webpack `externals: { ipcbridge: 'commonjs ipcbridge' }`, where its output is an ES module `'module ipcbridge'`; " +
      "Vite `ssr: { external: ['ipcbridge'] }`; Next.js `serverExternalPackages: ['ipcbridge']`.",
  )
}
