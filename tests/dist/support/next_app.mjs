// A program for Next.js, whose packages are copies: it wants them all within its folder.

import { cpSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { tools } from './packages.mjs'

const layout = `export default function Layout({ children }) {
  return <html lang="en"><body>{children}</body></html>
}
`

const route = `import * as ipc from 'ipcbridge'
import { buy } from '../../buy.cjs'

export const dynamic = 'force-dynamic'

export async function GET(request) {
  return Response.json(await buy(ipc, new URL(request.url).searchParams.get('service')))
}
`

export const nextApp = { 'package.json': { private: true }, 'app/layout.js': layout, 'app/buy/route.js': route }

/** Copies what these packages need, from the tools. */
export function copyPackages(folder, names, copied = new Set()) {
  for (const name of names.filter(each => !copied.has(each))) {
    const source = join(tools, name)
    if (!existsSync(source)) continue // for another platform
    copied.add(name)
    cpSync(source, join(folder, 'node_modules', name), { recursive: true })
    const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'))
    copyPackages(folder, Object.keys({ ...dependencies, ...optionalDependencies }), copied)
  }
}
