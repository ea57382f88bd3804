/** Shows what is wrong with a script at its line. */
import type { Diagnostic } from '@codemirror/lint'
import { setDiagnostics } from '@codemirror/lint'
import type { EditorState, TransactionSpec } from '@codemirror/state'
import { StateEffect, StateField } from '@codemirror/state'
import { Decoration, EditorView, WidgetType } from '@codemirror/view'

import type { Fault } from '../types'

const wrong = StateEffect.define<Diagnostic | null>()
const line = Decoration.line({ class: 'hf-wrong-line' })

/** Says what is wrong below the line, where a finger or a screen reader finds it too. */
class Words extends WidgetType {
  constructor(private readonly text: string) {
    super()
  }

  override eq(other: Words): boolean {
    return other.text === this.text
  }

  toDOM(): HTMLElement {
    const box = document.createElement('div')
    box.className = 'hf-wrong-words'
    box.textContent = this.text
    return box
  }
}

/** The line in question stays tinted until the script is tried again. */
export const wrongLine = StateField.define({
  create: () => Decoration.none,
  update(lines, transaction) {
    const said = transaction.effects.find((effect) => effect.is(wrong))
    if (!said) return lines.map(transaction.changes)
    const found = said.value as Diagnostic | null
    if (!found) return Decoration.none
    const { from, to } = transaction.newDoc.lineAt(found.from)
    const words = Decoration.widget({ widget: new Words(found.message), block: true, side: 1 })
    return Decoration.set([line.range(from), words.range(to)])
  },
  provide: (field) => EditorView.decorations.from(field),
})

export function showFault(state: EditorState, fault: Fault | null): TransactionSpec {
  if (fault?.line == null) return { effects: [wrong.of(null), ...effectsOf(setDiagnostics(state, []))] }
  const at = state.doc.line(Math.max(1, Math.min(fault.line, state.doc.lines)))
  const indent = at.length - at.text.trimStart().length
  const found: Diagnostic = { from: at.from + indent, to: at.to, severity: 'error', message: fault.message }
  return { effects: [wrong.of(found), ...effectsOf(setDiagnostics(state, [found]))] }
}

function effectsOf({ effects }: TransactionSpec): StateEffect<unknown>[] {
  return effects ? ([effects].flat() as StateEffect<unknown>[]) : []
}
