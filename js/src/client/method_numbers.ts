import { lastFailure, native } from '../runtime'

/** By which numbers the native side knows the methods that a client calls. They stay for as long as the client. */
export class MethodNumbers {
  private readonly numbers = new Map<string, number>()
  /** The methods by their numbers. */
  private readonly names: string[] = []

  constructor(private readonly client: number) {}

  /** Of a name that the service has, or had. */
  numberOf(name: string): number {
    let number = this.numbers.get(name)
    if (number === undefined) {
      number = native().internMethod(this.client, name)
      this.learn(name, number)
    }
    return number
  }

  /** Of a name that the service may not offer, which is not kept then; `isClosed`: the client is. Throws 'unimplemented'. */
  find(name: string, isClosed: boolean): number {
    let number = this.numbers.get(name)
    if (number === undefined) {
      number = native().findMethod(this.client, name)
      if (number < 0) throw lastFailure(-number)
      if (!isClosed) this.learn(name, number)
    }
    return number
  }

  nameOf(number: number): string {
    return this.names[number] as string
  }

  private learn(name: string, number: number): void {
    this.numbers.set(name, number)
    this.names[number] = name
  }
}
