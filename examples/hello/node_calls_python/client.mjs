// Calls the functions of service.py. It waits for the service, so either may be started first.
import { close, connect, kwargs } from 'ipcbridge'

const hello = await connect('hello-python')
console.log(await hello.add(2, 3))
console.log(await hello.greet('Ada'))
console.log(await hello.greet('Ada', kwargs({ greeting: 'Good morning' })))

try {
  await hello.add(2, 'three')
} catch (error) {
  console.log(`${error.type} in Python: ${error.message}`)
}
await close(hello)
