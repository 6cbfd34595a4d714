// The steps of the scenario in Jest: twice, with the module registry reset in between. MATRIX_ADDRESS is of a service.

const { steps } = require('./steps.cjs')

describe.each(['at first', 'with other modules'])('%s', round => {
  const own = `${process.env.MATRIX_ADDRESS}-${process.env.JEST_WORKER_ID}-${round.length}`
  let [ipc, other, remote, server, self] = []

  beforeAll(async () => {
    jest.resetModules()
    ipc = require('ipcbridge')
    other = require('./steps.cjs')
    server = await ipc.serve(
      own,
      other.service(() => {}, null),
    )
    remote = await ipc.connect(process.env.MATRIX_ADDRESS)
    self = await ipc.connect(own)
  })

  afterAll(async () => {
    await ipc.close(remote)
    await ipc.close(self)
    await server.close()
  })

  test.each(Object.keys(steps))('%s', name => other.steps[name](remote))

  test.each(['calls', 'streams', 'callbacks', 'references'])('%s of its own service', name => other.steps[name](self))

  test('has modules of its own', () => {
    expect(other.steps).not.toBe(steps)
  })
})
