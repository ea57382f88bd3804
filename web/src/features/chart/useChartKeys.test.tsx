import { render } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, it, vi } from 'vitest'

import { useChartKeys } from './useChartKeys'

const NAMES = [
  'Timeframe',
  'Fullscreen',
  'Search',
  'Escape',
  'Undo',
  'Redo',
  'Alert',
  'Note',
  'Newest',
  'Date',
] as const

function show() {
  const keys = Object.fromEntries(NAMES.map((name) => [`on${name}`, vi.fn()]))
  function Page() {
    useChartKeys(keys as never)
    return <input aria-label="Field" />
  }
  const { getByLabelText } = render(<Page />)
  const called = () => NAMES.filter((name) => keys[`on${name}`]?.mock.calls.length)
  return { called, field: getByLabelText('Field') }
}

it.each([
  ['{Alt>}{End}{/Alt}', 'Newest'],
  ['{Alt>}g{/Alt}', 'Date'],
  ['{Alt>}a{/Alt}', 'Alert'],
  ['{Alt>}n{/Alt}', 'Note'],
  ['f', 'Fullscreen'],
  ['{Escape}', 'Escape'],
])('%s is for: %s', async (typed, name) => {
  const { called } = show()
  await userEvent.keyboard(typed)
  expect(called()).toEqual([name])
})

it('leaves keys alone that are typed into a field, and End without Alt', async () => {
  const { called, field } = show()
  await userEvent.keyboard('{End}{Control>}{Alt>}g{/Alt}{/Control}')
  field.focus()
  await userEvent.keyboard('{Alt>}{End}g{/Alt}')
  expect(called()).toEqual([])
})
