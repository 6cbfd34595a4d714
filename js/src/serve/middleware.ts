import { types } from 'node:util'
import type { Context } from '../call_context'
import { compose, type Middleware, PassingCall, type Run } from '../middleware'
import { contextOf, type InboundCall } from './context'
import type { Method } from './exposure'
import { fitArguments } from './parameters'

/** What runs in place of a method. */
interface MethodAround extends Method {
  readonly inner: Method
}

/** A call whose handler has middleware around it. */
class ServedCall extends PassingCall {
  constructor(
    readonly service: string,
    readonly handler: Method,
    private readonly call: InboundCall,
    args: readonly unknown[],
  ) {
    super(args)
  }

  get side(): 'server' {
    return 'server'
  }

  get kind(): 'call' | 'notification' {
    return this.call.isNotification ? 'notification' : 'call'
  }

  get method(): string {
    return this.handler.name
  }

  get context(): Context {
    return contextOf(this.call)
  }

  protected readMetadata(): Record<string, unknown> {
    return { ...this.context.metadata }
  }
}

/** The middleware around the handlers of one service. */
export class HandlerMiddleware {
  private readonly run: Run<ServedCall>
  private readonly isAsync: boolean
  private readonly misfits = new WeakSet<object>()

  constructor(
    private readonly service: string,
    functions: readonly Middleware[],
  ) {
    this.isAsync = functions.some(fn => types.isAsyncFunction(fn))
    this.run = compose<ServedCall>(functions, call => this.handle(call))
  }

  /** What runs in place of a method: it takes what `callOf` gives. */
  around(handler: Method): Method {
    const isAsync = this.isAsync || handler.isAsync === true ? true : undefined
    const method: MethodAround = { ...handler, fn: this.run, self: undefined, isAsync, inner: handler }
    return method
  }

  callOf(call: InboundCall, args: readonly unknown[]): ServedCall {
    return new ServedCall(this.service, (call.method as MethodAround).inner, call, args)
  }

  /** Whether it says that the arguments do not fit the method: that is no error of the handler's. */
  isMisfit(error: unknown): boolean {
    return typeof error === 'object' && error !== null && this.misfits.has(error)
  }

  private handle({ handler, allArgs }: ServedCall): unknown {
    return Reflect.apply(handler.fn, handler.self, this.fitted(handler, allArgs))
  }

  private fitted(handler: Method, args: readonly unknown[]): readonly unknown[] {
    try {
      return fitArguments(handler, args)
    } catch (error) {
      this.misfits.add(error as object)
      throw error
    }
  }
}
