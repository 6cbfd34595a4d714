// What the compiler is told of the test kit; it is compiled, never run.

import { type IpcError, serve } from 'ipcbridge'
import { answer, calls, fake, type Link, link, type Pair, pair, type RecordedCall, uniqueName } from 'ipcbridge/testing'

interface Users {
  find(name: string): { age: number } | null
  admin: { count(): number }
}

export async function use(refusal: IpcError): Promise<number> {
  const users = await fake<Users>({ find: answer({ age: 36 }, null, refusal), admin: { count: () => 1 } })
  const found: { age: number } | null = await users.find('Ada')
  const first: RecordedCall | undefined = calls(users, 'find')[0]
  // @ts-expect-error: names are strings
  void users.find(7)

  const both: Pair<{ add: (a: number, b: number) => number }> = await pair(
    { add: (a: number, b: number) => a + b },
    { serve: { serial: true }, connect: { name: 'a test' } },
  )
  const sum: number = await both.client.add(1, 2)
  await both.close()

  const way: Link = await link(await serve(uniqueName('calc'), { f: () => 1 }))
  way.delay(100)
  await way.kill()
  return (found?.age ?? 0) + sum + way.connections + (first?.args.length ?? 0) + (await users.admin.count())
}
