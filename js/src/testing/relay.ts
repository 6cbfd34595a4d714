import { once } from 'node:events'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { Flow, type Pace } from './flow'

interface Connection {
  sockets: readonly Socket[]
  flows: readonly Flow[]
}

/** Carries bytes between those who connect to a socket's path and who listens at another. Keeps no process alive. */
export class Relay implements Pace {
  delay = 0
  isPaused = false
  private server: Server | undefined
  private readonly connections = new Set<Connection>()

  constructor(
    private readonly path: string,
    private readonly target: string,
  ) {}

  get connectionCount(): number {
    return this.connections.size
  }

  async listen(): Promise<void> {
    if (this.server !== undefined) return
    this.server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, client => this.accept(client))
    this.server.unref()
    this.server.listen(this.path)
    await once(this.server, 'listening')
  }

  /** There is nobody to connect to any more, nor anybody connected. */
  async stop(): Promise<void> {
    const server = this.server
    this.server = undefined
    const closed = server === undefined ? undefined : once(server, 'close')
    server?.close()
    await this.drop()
    await closed
  }

  async drop(): Promise<void> {
    const sockets = [...this.connections].flatMap(connection => connection.sockets)
    const closed = sockets.map(socket => once(socket, 'close')) // none of them has closed yet, or its connection were gone
    for (const connection of this.connections) this.end(connection)
    await Promise.all(closed)
  }

  /** Has all look at what they may do now. */
  go(): void {
    for (const { flows } of this.connections) for (const flow of flows) flow.go()
  }

  private accept(client: Socket): void {
    const service = createConnection({ path: this.target, allowHalfOpen: true })
    const sockets = [client, service]
    const connection = { sockets, flows: [new Flow(client, service, this), new Flow(service, client, this)] }
    this.connections.add(connection)
    for (const socket of sockets) {
      socket.unref()
      // Nobody serves, or one end has gone: each side finds that out as it would without a link.
      socket.on('error', () => this.end(connection))
      socket.on('close', () => this.end(connection))
    }
  }

  private end(connection: Connection): void {
    if (!this.connections.delete(connection)) return
    for (const flow of connection.flows) flow.end()
    for (const socket of connection.sockets) socket.destroy()
  }
}
