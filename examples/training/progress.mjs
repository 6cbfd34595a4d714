// Trains a model in Python (train.py) behind a progress bar of Node.js, which Python's callbacks move.
import { MultiBar, Presets } from 'cli-progress'
import { close, connect, kwargs } from 'ipcbridge'

const points = Array.from({ length: 50 }, (_, i) => [i / 25, (3 * i) / 25 + 1]) // of y = 3 x + 1
const epochs = 200

const trainer = await connect('trainer')
const bars = new MultiBar(
  { format: 'training {bar} {value}/{total} epochs, loss {loss}', noTTYOutput: true },
  Presets.shades_classic,
)
const bar = bars.create(epochs, 0, { loss: '?' })

const { a, b } = await trainer.fit(
  points,
  kwargs({
    epochs,
    on_epoch_end: (epoch, { loss }) => bar.update(epoch + 1, { loss: loss.toFixed(4) }),
    on_log: (level, message) => bars.log(`${level}: ${message}\n`), // above the bar
  }),
)
bars.update() // with what has been logged since the last time
bars.stop()
console.log(`y = ${a.toFixed(1)} x + ${b.toFixed(1)}`)
await close(trainer)
