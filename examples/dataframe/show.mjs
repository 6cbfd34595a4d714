// Shows a pandas frame of Python (sales.py) as a table.
//   python examples/dataframe/sales.py &
//   node examples/dataframe/show.mjs tea
import { close, connect } from 'ipcbridge'

/** A frame is an object of its columns or, where apache-arrow is installed, a Table of that. */
function columnsOf(frame) {
  if (frame.columns !== undefined) return Object.entries(frame.columns)
  return frame.schema.fields.map(({ name }) => [name, frame.getChild(name)])
}

function rowsOf(frame) {
  const columns = columnsOf(frame)
  const [[, first]] = columns
  return Array.from(first, (_, row) => Object.fromEntries(columns.map(([name, values]) => [name, values.at(row)])))
}

const sales = await connect('sales')
console.table(rowsOf(await sales.by_city(process.argv[2] ?? null)))
await close(sales)
