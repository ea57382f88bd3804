import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, it, vi } from 'vitest'

import { ProblemError } from '@/api/problem'

import { Delta, Money, Price } from './Money'
import { ProblemNotice } from './States'

const refusal = new ProblemError({
  type: '/problems/conflict',
  title: 'The situation has changed.',
  status: 409,
  detail: 'The market has moved.',
  instance: '/api/executions',
  advice: 'Look at a new preview.',
  request_id: 'req-42',
})

it('announces what happened, what to do and the request id, and tries again', async () => {
  const retry = vi.fn()
  render(<ProblemNotice error={refusal} retry={retry} />)
  const alert = screen.getByRole('alert')
  for (const text of ['The situation has changed.', 'The market has moved.', 'Look at a new preview.', 'req-42']) {
    expect(alert.textContent).toContain(text)
  }
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
  expect(retry).toHaveBeenCalledOnce()
})

it('shows what the server puts between back-quotes as code', () => {
  const advice = 'See that `holdfast sandbox` runs (`holdfast status`), and try again.'
  render(<ProblemNotice error={new ProblemError({ ...refusal.problem, detail: 'It is away: `x`.', advice })} />)
  const alert = screen.getByRole('alert')
  expect(alert.textContent).toContain('It is away: x.See that holdfast sandbox runs (holdfast status), and try again.')
  expect([...alert.querySelectorAll('code')].slice(0, 3).map((one) => one.textContent)).toEqual([
    'x',
    'holdfast sandbox',
    'holdfast status',
  ])
})

it('shows changes by sign and arrow, not by colour alone', () => {
  const { container } = render(
    <>
      <Delta value="-12.3" as="money" />
      <Delta value={0.05} />
    </>,
  )
  expect(container.textContent).toBe('▼\u221212.30▲+5.00%')
})

it('gives no direction to a change too small to be seen', () => {
  const { container } = render(<Delta value="-0.0004" as="money" />)
  expect(container.textContent).toBe('0.00')
})

it('says that a value is missing instead of showing zero', () => {
  render(<Money value={null} />)
  expect(screen.getByText('not available')).toBeTruthy()
})

it('speaks the whole of a shortened price', () => {
  render(<Price value="0.00002487" />)
  expect(screen.getByText('0.00002487')).toBeTruthy()
  expect(screen.getByText('0.0₄2487').getAttribute('aria-hidden')).toBe('true')
})
