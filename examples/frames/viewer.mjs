// Reads the frames of a camera in Python (camera.py), and tells how many come in a second.
//   python examples/frames/camera.py &
//   node examples/frames/viewer.mjs 1000
import { close, connect } from 'ipcbridge'

const step = 100 // frames

/** Of every thousandth pixel, 0 to 255. */
function brightness({ data }) {
  let [sum, count] = [0, 0]
  for (let i = 0; i < data.length; i += 3000) {
    sum += data[i] + data[i + 1] + data[i + 2]
    count += 3
  }
  return sum / count
}

const camera = await connect('camera')
let [count, since] = [0, performance.now()]
// A frame is there until the next one is asked for: retain(frame) would keep it.
for await (const frame of camera.frames(Number(process.argv[2] ?? 1000))) {
  const bright = brightness(frame)
  if (++count % step > 0) continue
  const [height, width] = frame.shape
  const rate = (step * 1000) / (performance.now() - since)
  console.log(`${width} x ${height}: ${rate.toFixed()} frames/s, brightness ${bright.toFixed()}`)
  since = performance.now()
}
console.log(`${count} frames came`)
await close(camera)
