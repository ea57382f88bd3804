import { render, screen } from '@testing-library/react'
import { expect, it } from 'vitest'

import { ScriptInputs } from '@/features/scripts/ScriptInputs'
import type { ScriptInput } from '@/features/scripts/scriptInputs'
import { price, quantity } from '@/lib/numbers'

import { aligned } from './aligned'
import { MoreFigures } from './MoreFigures'
import type { Figures } from './types'

const shown = (values: (string | null)[], words = quantity) => {
  const text = aligned(values, words)
  return values.map((value) => value && text(value))
}

it('the points of one column stand in one line', () => {
  expect(shown(['0.118', '0.12', '1200'])).toEqual(['0.118', '0.120', '1,200.000'])
  expect(shown(['92397', '104460'])).toEqual(['92,397', '104,460'])
  expect(shown(['0.1102', null, '0.09948'], price)).toEqual(['0.11020', null, '0.09948'])
})

it('tiny prices stay readable', () => {
  expect(shown(['0.00000123', '0.0000012'], price)).toEqual(['0.0₅123', '0.0₅12'])
})

it('figures that nobody could earn are not written out', () => {
  const figures = { cagr: 261_400, calmar: 20_123_314.29, sharpe: 35.66, volatility: 0.352 } as Partial<Figures>
  render(<MoreFigures figures={{ sortino: null, exposure: null, turnover: null, profit_factor: null, ...figures, holding_seconds: null, average_trade: null, best_trade: null, worst_trade: null } as Figures} />) // prettier-ignore
  expect(screen.getByText('over 10,000%')).toBeTruthy()
  expect(screen.getByText('over 1,000')).toBeTruthy()
  expect(screen.getByText('35.66')).toBeTruthy()
})

it('a yes or no stands level with the field beside it, and without room above it in a row of its own', () => {
  const input = (name: string, kind: ScriptInput['kind']): ScriptInput => ({ name, label: name, kind, default: 1 })
  const inputs = [input('a', 'int'), input('beside', 'bool'), input('alone', 'bool')]
  render(<ScriptInputs inputs={inputs} typed={{}} onChange={() => undefined} />)
  const room = (name: string) => screen.getByRole('checkbox', { name }).closest('label')?.className.includes('mt-6')
  expect([room('beside'), room('alone')]).toEqual([true, false])
})
