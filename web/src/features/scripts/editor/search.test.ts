import { openSearchPanel, SearchQuery } from '@codemirror/search'
import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { fireEvent, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'

import { finding, matchWords } from './search'

const TEXT = 'mean = ta.sma(bars.close, 20)\nplot(mean, "Mean")\nmeans = mean * 2\n'
const views: EditorView[] = []

function opened(readOnly = false): EditorView {
  const state = EditorState.create({ doc: TEXT, extensions: [finding, EditorState.readOnly.of(readOnly)] })
  const view = new EditorView({ state, parent: document.body })
  views.push(view)
  openSearchPanel(view)
  return view
}

/** Nothing has a size here, of which the editor wants to know where it is. */
beforeAll(() => void Object.assign(Range.prototype, { getClientRects: () => [] }))
afterEach(() => views.splice(0).forEach((view) => view.destroy()))

const field = (name: string) => screen.getByRole<HTMLInputElement>('textbox', { name })
const type = (name: string, value: string) => fireEvent.input(field(name), { target: { value } })
const panel = () => screen.getByRole('search', { name: 'Find and replace' })
const selected = (view: EditorView) => {
  const { from, to } = view.state.selection.main
  return [from, view.state.sliceDoc(from, to)]
}

describe('finding', () => {
  it('goes from match to match and counts them', async () => {
    const view = opened()
    type('Find', 'mean')
    expect(panel().textContent).toContain('5 found')
    fireEvent.keyDown(field('Find'), { key: 'Enter' })
    expect(selected(view)).toEqual([0, 'mean'])
    expect(panel().textContent).toContain('1 of 5')
    await userEvent.click(screen.getByRole('button', { name: 'Next match' }))
    expect(selected(view)).toEqual([35, 'mean'])
    fireEvent.keyDown(field('Find'), { key: 'Enter', shiftKey: true })
    expect(panel().textContent).toContain('1 of 5')
  })

  it('minds case and whole words when that is asked for', async () => {
    opened()
    type('Find', 'mean')
    await userEvent.click(screen.getByRole('checkbox', { name: 'Match case' }))
    expect(panel().textContent).toContain('4 found')
    await userEvent.click(screen.getByRole('checkbox', { name: 'Whole words' }))
    expect(panel().textContent).toContain('3 found')
  })

  it('says what is no pattern, and what is not there', async () => {
    opened()
    type('Find', 'sma(')
    expect(panel().textContent).toContain('1 found')
    await userEvent.click(screen.getByRole('checkbox', { name: 'Regex' }))
    expect(panel().textContent).toContain('Not a pattern')
    expect(field('Find').getAttribute('aria-invalid')).toBe('true')
    type('Find', 'nowhere')
    expect(panel().textContent).toContain('Nothing found')
  })

  it('ends with Escape', () => {
    opened()
    fireEvent.keyDown(field('Find'), { key: 'Escape' })
    expect(screen.queryByRole('search')).toBeNull()
  })

  it('does not offer to replace what is only read', () => {
    opened(true)
    expect(screen.queryByRole('button', { name: 'Replace all' })).toBeNull()
  })
})

describe('replacing', () => {
  it('changes one match after the other, or all at once', async () => {
    const view = opened()
    type('Find', 'mean')
    type('Replace with', 'average')
    fireEvent.keyDown(field('Find'), { key: 'Enter' })
    fireEvent.keyDown(field('Replace with'), { key: 'Enter' })
    expect(view.state.doc.line(1).text).toMatch(/^average = /)
    await userEvent.click(screen.getByRole('button', { name: 'Replace all' }))
    expect(view.state.doc.toString()).not.toMatch(/mean/i)
    expect(panel().textContent).toContain('Nothing found')
  })
})

it('does not count for ever', () => {
  const state = EditorState.create({ doc: 'a'.repeat(5_000) })
  expect(matchWords(state, new SearchQuery({ search: 'a' }))).toBe('more than 999 found')
})
