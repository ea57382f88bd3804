/** How the editor looks: our tokens only, so that it follows the theme by itself. */
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import { EditorView } from '@codemirror/view'
import { tags } from '@lezer/highlight'

const MONO = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace'

const look = EditorView.theme({
  '&': {
    height: '100%',
    fontSize: '13px',
    backgroundColor: 'var(--canvas)',
    color: 'var(--ink)',
    containerType: 'inline-size',
  },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: MONO, lineHeight: '20px', overflow: 'auto' },
  '.cm-content': { padding: '12px 0', caretColor: 'var(--ink)' },
  '.cm-line': { padding: '0 16px 0 8px' },
  '.cm-gutters': { backgroundColor: 'var(--canvas)', color: 'var(--muted)', border: 'none' },
  '.cm-lineNumbers .cm-gutterElement': { padding: '0 4px 0 12px', minWidth: '36px' },
  '.cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--surface) 70%, transparent)' },
  '.cm-activeLineGutter': { backgroundColor: 'transparent', color: 'var(--ink)' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'color-mix(in srgb, var(--plot-6) 22%, transparent)',
  },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': {
    backgroundColor: 'var(--hover)',
    outline: '1px solid var(--edge)',
  },
  '.cm-tooltip': {
    border: '1px solid var(--hairline)',
    borderRadius: '12px',
    backgroundColor: 'var(--canvas)',
    color: 'var(--ink)',
    boxShadow: 'var(--shadow)',
    overflow: 'hidden',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: MONO, fontSize: '13px', maxHeight: '14em' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '4px 12px', lineHeight: '20px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    backgroundColor: 'var(--hover)',
    color: 'var(--ink)',
  },
  '.cm-completionDetail': { color: 'var(--muted)', fontStyle: 'normal' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '600' },
  '.cm-completionIcon': { display: 'none' },
  '.cm-tooltip.cm-completionInfo': { padding: '0', maxWidth: '340px' },
  '.cm-panels': { backgroundColor: 'var(--surface)', color: 'var(--ink)', zIndex: '1' },
  '.cm-panels-top': { borderBottom: '1px solid var(--hairline)' },
  '.cm-searchMatch': { backgroundColor: 'color-mix(in srgb, var(--plot-5) 30%, transparent)', borderRadius: '2px' },
  '.cm-searchMatch-selected': { backgroundColor: 'color-mix(in srgb, var(--plot-5) 60%, transparent)' },
  '.hf-find': { display: 'grid', gap: '6px', padding: '8px 12px', fontFamily: 'var(--font-sans)', fontSize: '13px' },
  '.hf-find > div': { display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: '6px' },
  '.hf-find input[type=text]': {
    flex: '1 1 100px',
    minWidth: '0',
    maxWidth: '320px',
    height: '32px',
    padding: '0 10px',
    border: '1px solid var(--edge)',
    borderRadius: '8px',
    backgroundColor: 'var(--canvas)',
    color: 'var(--ink)',
  },
  '.hf-find input[aria-invalid=true]': { borderColor: 'var(--error)' },
  '.hf-find button': {
    minWidth: '32px',
    height: '32px',
    padding: '0 10px',
    border: '1px solid var(--hairline)',
    borderRadius: '8px',
    backgroundColor: 'var(--canvas)',
    cursor: 'pointer',
  },
  '.hf-find button:hover': { backgroundColor: 'var(--hover)' },
  '.hf-find label': { display: 'flex', alignItems: 'center', gap: '6px', minHeight: '24px', marginRight: '10px' },
  '.hf-find input[type=checkbox]': { accentColor: 'var(--ink)', width: '16px', height: '16px' },
  '.hf-found': { minWidth: '76px', color: 'var(--muted)', fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' },
  '@media (max-width: 767px)': {
    '.hf-find input[type=text]': { height: '44px', maxWidth: 'none', fontSize: '16px' },
    '.hf-find button': { minWidth: '44px', height: '44px' },
    '.hf-find label': { minHeight: '44px' },
  },
  '.hf-help': { padding: '10px 14px', maxWidth: '360px', fontFamily: 'var(--font-sans)', fontSize: '13px' },
  '.hf-help code': { display: 'block', fontFamily: MONO, marginBottom: '4px', whiteSpace: 'pre-wrap' },
  '.hf-help p': { color: 'var(--muted)', lineHeight: '18px' },
  '.cm-diagnostic': { padding: '8px 12px', fontFamily: 'var(--font-sans)', fontSize: '13px' },
  '.cm-diagnostic-error': { borderLeft: '2px solid var(--error)' },
  '.cm-lintRange-error': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--error) 1px',
    textUnderlineOffset: '3px',
  },
  '.hf-wrong-words': {
    boxSizing: 'border-box',
    maxWidth: 'calc(100cqw - 48px)',
    padding: '2px 16px 4px 8px',
    color: 'var(--error)',
    fontFamily: 'var(--font-sans)',
    whiteSpace: 'pre-wrap',
    backgroundColor: 'color-mix(in srgb, var(--error) 6%, transparent)',
  },
  '.hf-wrong-line': { backgroundColor: 'color-mix(in srgb, var(--error) 10%, transparent)' },
})

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.definitionKeyword, tags.moduleKeyword], color: 'var(--plot-1)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--plot-2)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--plot-6)' },
  { tag: [tags.comment], color: 'var(--muted)', fontStyle: 'italic' },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName)], color: 'var(--plot-3)' },
  {
    tag: [tags.function(tags.definition(tags.variableName)), tags.className],
    color: 'var(--plot-3)',
    fontWeight: '600',
  },
  { tag: [tags.operator, tags.punctuation], color: 'var(--muted)' },
])

export const theme = [look, syntaxHighlighting(colours)]
