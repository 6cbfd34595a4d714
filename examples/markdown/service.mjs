// An npm library for Python: `marked`, served under the name `markdown`.
import { serve } from 'ipcbridge'
import { marked } from 'marked'

await serve('markdown', {
  /** The HTML for a Markdown text; options are those of marked. */
  render: (text, options = {}) => marked.parse(text, options),
})
console.log('serving markdown')
