import { http, HttpResponse } from 'msw'
import { expect, it, vi } from 'vitest'

import { problem } from '@/mocks/answers'
import { mockedServer, server } from '@/test/server'
import { toasts } from '@/ui/toasts'

import { downloadBars } from './downloadBars'

mockedServer()

it('asks for what the chart shows and names the file after it', async () => {
  const asked: string[] = []
  server.use(
    http.get('/api/candles/:source/:symbol/export', ({ request }) => {
      asked.push(request.url)
      return HttpResponse.text('timestamp,open\n')
    }),
  )
  URL.createObjectURL = vi.fn(() => 'blob:x')
  URL.revokeObjectURL = vi.fn()
  const click = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (this: HTMLAnchorElement) {
    asked.push(this.download)
  })
  await downloadBars('bybit:BTCUSDT', '1h', 'parquet')
  expect(asked).toEqual([
    'http://localhost/api/candles/bybit/BTCUSDT/export?format=parquet&timeframe=1h',
    'bybit-BTCUSDT-1h.parquet',
  ])
  expect(click).toHaveBeenCalledOnce()
})

it('says why there is no file', async () => {
  server.use(
    http.get('/api/candles/:source/:symbol/export', () =>
      problem(404, 'not-found', 'Nothing of bybit:BTCUSDT is stored yet.', 'Open its chart or have it filled first.'),
    ),
  )
  await downloadBars('bybit:BTCUSDT', '1h', 'csv')
  expect(toasts.get().at(-1)?.text).toBe(
    'The bars could not be downloaded. Nothing of bybit:BTCUSDT is stored yet. Open its chart or have it filled first.',
  )
})
