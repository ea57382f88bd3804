import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { localCompletionSource, python } from '@codemirror/lang-python'
import { bracketMatching, indentOnInput, indentUnit } from '@codemirror/language'
import { openSearchPanel } from '@codemirror/search'
import type { Extension } from '@codemirror/state'
import { EditorState } from '@codemirror/state'
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from '@codemirror/view'
import { getNonce } from 'get-nonce'
import { useEffect, useRef } from 'react'

import type { Fault, ReferenceEntry } from '../types'
import { showFault, wrongLine } from './faults'
import { complete, help } from './help'
import { finding } from './search'
import { theme } from './theme'

interface Props {
  value: string
  label: string
  onChange?: (value: string) => void
  fault?: Fault | null
  names?: readonly ReferenceEntry[]
  readOnly?: boolean
  /** Takes what opens the search, for a button outside. */
  onReady?: (find: () => void) => void
}

const NOBODY: readonly ReferenceEntry[] = []

/** A Python editor. Tab indents; Escape leaves it, so that the keyboard is never caught in it. */
export default function CodeEditor(props: Props) {
  const { value, label, onChange, fault = null, names = NOBODY, readOnly = false, onReady } = props
  const box = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView | null>(null)
  const latest = useRef({ value, onChange, names, onReady })

  useEffect(() => {
    latest.current = { value, onChange, names, onReady }
  })

  useEffect(() => {
    if (!box.current) return
    const created = new EditorView({
      parent: box.current,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          basics(label, () => latest.current.names),
          EditorState.readOnly.of(readOnly),
          EditorView.editable.of(!readOnly),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange?.(update.state.doc.toString())
          }),
        ],
      }),
    })
    view.current = created
    latest.current.onReady?.(() => openSearchPanel(created))
    return () => {
      view.current = null
      created.destroy()
    }
  }, [label, readOnly])

  /** What came from elsewhere, as one step that can be undone. */
  useEffect(() => {
    const editor = view.current
    if (!editor || editor.state.doc.toString() === value) return
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } })
  }, [value])

  useEffect(() => {
    const editor = view.current
    if (editor) editor.dispatch(showFault(editor.state, fault))
  }, [fault])

  return <div ref={box} className="size-full min-h-0 overflow-hidden" />
}

function basics(label: string, names: () => readonly ReferenceEntry[]): Extension {
  const nonce = getNonce()
  return [
    nonce ? EditorView.cspNonce.of(nonce) : [],
    lineNumbers(),
    wrongLine,
    highlightActiveLine(),
    highlightActiveLineGutter(),
    history(),
    drawSelection(),
    indentUnit.of('    '),
    EditorState.tabSize.of(4),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    autocompletion({ override: [complete(names), localCompletionSource], icons: false }),
    help(names),
    python(),
    typeOver,
    theme,
    finding,
    EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0', spellcheck: 'false', autocapitalize: 'off' }),
    keymap.of([
      ...closeBracketsKeymap,
      ...completionKeymap,
      ...historyKeymap,
      indentWithTab,
      { key: 'Escape', run: leave },
      ...defaultKeymap.filter(({ key }) => key !== 'Mod-Enter'),
    ]),
  ]
}

/**
 * Chrome keeps the look of a selection that is typed over by a style attribute, which the page's policy refuses: so it
 * is not left to Chrome.
 */
const typeOver = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { data, inputType } = event
    const isPlain = inputType === 'insertText' && data !== null && !/[([{'"]/.test(data)
    if (!isPlain || view.composing || view.state.selection.main.empty) return false
    event.preventDefault()
    view.dispatch(view.state.replaceSelection(data), { userEvent: 'input.type', scrollIntoView: true })
    return true
  },
})

function leave(view: EditorView): boolean {
  view.contentDOM.blur()
  return true
}
