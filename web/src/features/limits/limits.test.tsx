import { screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http } from 'msw'
import { describe, expect, it, vi } from 'vitest'

import { problem } from '@/mocks/answers'
import { DEFAULTS, limits } from '@/mocks/limits'
import { bookPosition } from '@/mocks/positions'
import { makePlan, OPENING, startExecution } from '@/mocks/world'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

import { GROUPS, problemOf } from './fields'

mockedServer()
vi.mock('@/features/indices/LevelChart', () => ({ default: () => null, toSeries: () => [] }))

const field = (name: string) => {
  const found = GROUPS.flatMap((group) => group.fields).find((each) => each.name === name)
  if (!found) throw new Error(`no limit ${name}`)
  return found
}

const input = (name: string) => screen.findByRole<HTMLInputElement>('textbox', { name })

describe('what is typed', () => {
  it.each([
    ['order_notional', '', undefined],
    ['order_notional', '1,000.50', undefined],
    ['order_notional', '0', /above zero/],
    ['order_notional', 'much', /number in USDT/],
    ['order_notional', '1.234', /two decimals/],
    ['order_notional', '10000000.01', /At most 10,000,000 USDT/],
    ['drawdown', '12.5', undefined],
    ['drawdown', '50.01', /At most 50.0%/],
    ['drawdown', '101', /At most 100%/],
    ['orders_per_minute', '1.5', /whole number/],
    ['orders_per_minute', '601', /At most 600 orders/],
  ] as const)('%s “%s”', (name, typed, message) => {
    const found = problemOf(field(name), typed, DEFAULTS[name])
    if (message) expect(found).toMatch(message)
    else expect(found).toBeUndefined()
  })
})

describe('the limits page', () => {
  it('shows the limits of the installation, what is used, and saves only what is one’s own', async () => {
    const user = userEvent.setup()
    renderAt('/settings/risk')
    expect((await input('One order')).placeholder).toBe('10,000,000')
    expect((await input('Price band')).placeholder).toBe('10.0')
    expect(screen.getByText('12.40 of 2,000,000 USDT used')).toBeTruthy()
    expect(screen.queryByRole('button', { name: 'Save limits' })).toBeNull()
    await user.type(await input('Loss in a day'), '15')
    await user.type(await input('Drawdown'), '12.5')
    await user.type(await input('Orders in a minute'), '60')
    await user.click(screen.getByRole('button', { name: 'Save limits' }))
    await waitFor(() =>
      expect(limits.user).toMatchObject({
        daily_loss: '15',
        drawdown: '0.125',
        orders_per_minute: 60,
        order_notional: null,
      }),
    )
    expect(await screen.findByText(/12.40 of 15.00 USDT used/)).toBeTruthy()
    expect(screen.getByText(': nearly reached')).toBeTruthy()
  })

  it('sends nothing while something is wrong, and says what', async () => {
    const user = userEvent.setup()
    renderAt('/settings/risk')
    await user.type(await input('One order'), '99999999')
    await user.click(screen.getByRole('button', { name: 'Save limits' }))
    expect(within(await screen.findByRole('alert')).getByText(/At most 10,000,000 USDT/)).toBeTruthy()
    expect(limits.user.order_notional).toBeNull()
  })

  it('shows the server’s refusal and keeps what was typed', async () => {
    const user = userEvent.setup()
    server.use(http.put('/api/limits', () => problem(422, 'invalid', 'That is too much.')))
    renderAt('/settings/risk')
    await user.type(await input('One order'), '5')
    await user.click(screen.getByRole('button', { name: 'Save limits' }))
    expect(await screen.findByText('That is too much.')).toBeTruthy()
    expect((await input('One order')).value).toBe('5')
  })
})

it('gives a position limits of its own, below the user’s', async () => {
  const user = userEvent.setup()
  limits.user = { ...limits.user, order_notional: '500' }
  const execution = startExecution(makePlan(OPENING))
  bookPosition(execution)
  renderAt(`/positions/${execution.position_id}`)
  await user.click(await screen.findByRole('button', { name: 'Show limits' }))
  expect((await input('One order')).placeholder).toBe('500.00')
  expect(screen.queryByRole('textbox', { name: 'Everything together' })).toBeNull()
  await user.type(await input('One order'), '100')
  await user.click(screen.getByRole('button', { name: 'Save limits' }))
  await waitFor(() => expect(limits.positions.get(execution.position_id)?.order_notional).toBe('100'))
})
