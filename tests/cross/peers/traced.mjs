// A process with OpenTelemetry: `serve ADDRESS` until a line comes, or `call ADDRESS`. Prints its spans at its end.
import { once } from 'node:events'
import { context, propagation, SpanKind, trace } from '@opentelemetry/api'
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node'
import ipc from 'ipcbridge'

const spans = new InMemorySpanExporter()
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }).register()
const tracer = trace.getTracer('ipcbridge')

function traced(call, next) {
  const isClient = call.side === 'client'
  const kind = isClient ? SpanKind.CLIENT : SpanKind.SERVER
  const parent = isClient ? context.active() : propagation.extract(context.active(), call.metadata)
  return tracer.startActiveSpan(call.method, { kind }, parent, async span => {
    if (isClient) propagation.inject(context.active(), call.metadata)
    try {
      return await next(call)
    } finally {
      span.end()
    }
  })
}

const roles = {
  async serve(address) {
    const server = await ipc.serve(address, { price: item => item.length }, { middleware: traced })
    console.log('up')
    await once(process.stdin, 'data')
    process.stdin.destroy()
    await server.close()
  },
  async call(address) {
    const remote = await ipc.connect(address, { middleware: traced })
    const orders = ipc.withOptions(remote, { metadata: { tracestate: 'shop=1' } })
    await tracer.startActiveSpan('buy', async span => {
      if ((await orders.total(['tea', 'milk'])) !== 7) throw new Error('a wrong total')
      span.end()
    })
    await ipc.close(remote)
  },
}

const [role, address] = process.argv.slice(2)
await roles[role](address)
const told = spans.getFinishedSpans().map(span => {
  const { traceId, spanId, traceState } = span.spanContext()
  const parent = span.parentSpanContext?.spanId
  return {
    name: `${SpanKind[span.kind]} ${span.name}`,
    trace: traceId,
    id: spanId,
    parent,
    state: traceState?.serialize(),
  }
})
console.log(JSON.stringify(told))
