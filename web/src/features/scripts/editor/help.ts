/** What the editor knows of the names a script may use: completion while typing, an explanation on hover. */
import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete'
import type { Extension, Text } from '@codemirror/state'
import { hoverTooltip } from '@codemirror/view'

import type { ReferenceEntry } from '../types'

const TYPES = { function: 'function', value: 'variable', module: 'namespace' } as const

/** The dotted name that ends at a place: "ta.rs" of "x = ta.rs". */
const DOTTED = /[A-Za-z_][\w.]*$/

/** `names`: at the moment of typing, because they come later than the editor. */
export function complete(names: () => readonly ReferenceEntry[]) {
  return (context: CompletionContext): CompletionResult | null => {
    const word = context.matchBefore(DOTTED)
    if (!word && !context.explicit) return null
    const typed = word?.text ?? ''
    const dot = typed.lastIndexOf('.')
    return {
      from: (word?.from ?? context.pos) + dot + 1,
      options: optionsFor(names(), typed.slice(0, dot + 1)),
      validFor: /^\w*$/,
    }
  }
}

/** What may follow a prefix: "ta." offers what is in `ta`, "" what stands alone. */
export function optionsFor(names: readonly ReferenceEntry[], prefix: string): Completion[] {
  return names
    .filter(({ name }) => name.startsWith(prefix) && !name.slice(prefix.length).includes('.'))
    .map((entry) => ({
      label: entry.name.slice(prefix.length),
      type: TYPES[entry.kind],
      detail: argumentsOf(entry.signature),
      info: () => card(entry),
      ...(entry.kind === 'function' && prefix === '' ? { boost: 1 } : {}),
    }))
}

function argumentsOf(signature: string): string {
  const open = signature.indexOf('(')
  const text = open < 0 ? '' : signature.slice(open)
  return text.length > 36 ? `${text.slice(0, 35)}…` : text
}

export function help(names: () => readonly ReferenceEntry[]): Extension {
  return hoverTooltip((view, pos) => {
    const found = nameAt(view.state.doc, pos)
    const entry = found && names().find(({ name }) => name === found.name)
    if (!entry) return null
    return { pos: found.from, end: found.to, above: true, create: () => ({ dom: card(entry) }) }
  })
}

/** The dotted name around a place, up to the end of the part that is pointed at. */
export function nameAt(doc: Text, pos: number): { name: string; from: number; to: number } | null {
  const line = doc.lineAt(pos)
  const at = pos - line.from
  const after = /^\w*/.exec(line.text.slice(at))?.[0] ?? ''
  const name = DOTTED.exec(line.text.slice(0, at) + after)?.[0]
  if (!name) return null
  const to = pos + after.length
  return { name, from: to - name.length, to }
}

function card({ signature, help: text }: ReferenceEntry): HTMLElement {
  const box = document.createElement('div')
  box.className = 'hf-help'
  const code = box.appendChild(document.createElement('code'))
  code.textContent = signature
  const words = box.appendChild(document.createElement('p'))
  words.textContent = text
  return box
}
