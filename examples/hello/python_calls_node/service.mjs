// JavaScript functions for Python. Run this, and client.py beside it.
import { serve } from 'ipcbridge'

await serve('hello-node', {
  add: (a, b = 0) => a + b,
  greet: (name, { greeting = 'Hello' } = {}) => `${greeting}, ${name}, from Node.js!`,
  parse: text => JSON.parse(text),
})
console.log('serving hello-node')
