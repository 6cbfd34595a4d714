import type { AnyNode, Identifier } from 'acorn'

/**
 * The names that a function asks after before it uses them: `b === undefined`, `b ?? 1`, `if (b)`, `b?.c`. Where one of
 * them is a parameter, the function does without it, though its source gives no default; much JavaScript and whatever
 * was TypeScript's `b?: number` is like that.
 */
export function namesAskedAfter(root: AnyNode): Set<string> {
  const names = new Set<string>()
  const pending: AnyNode[] = [root]
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    for (const asked of askedBy(node)) if (isIdentifier(asked)) names.add(asked.name)
    for (const child of Object.values(node).flat()) if (isNode(child)) pending.push(child)
  }
  return names
}

function askedBy(node: AnyNode): (AnyNode | null | undefined)[] {
  switch (node.type) {
    case 'IfStatement':
    case 'ConditionalExpression':
      return [node.test]
    case 'LogicalExpression':
      return [node.left, node.right]
    case 'UnaryExpression':
      return node.operator === '!' || node.operator === 'typeof' ? [node.argument] : []
    case 'BinaryExpression':
      return isNothing(node.left) || isNothing(node.right) ? [node.left, node.right] : []
    case 'AssignmentExpression':
      return ['??=', '||=', '&&='].includes(node.operator) ? [node.left] : []
    case 'MemberExpression':
      return node.optional ? [node.object] : []
    case 'CallExpression':
      return node.optional ? [node.callee] : []
    default:
      return []
  }
}

/** undefined, null and `void 0`. */
function isNothing(node: AnyNode): boolean {
  if (node.type === 'Identifier') return node.name === 'undefined'
  if (node.type === 'Literal') return node.raw === 'null'
  return node.type === 'UnaryExpression' && node.operator === 'void'
}

function isIdentifier(node: AnyNode | null | undefined): node is Identifier {
  return node?.type === 'Identifier'
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}
