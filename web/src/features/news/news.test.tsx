import { screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import type { MockInstance } from 'vitest'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { stream } from '@/api/live'
import { problem } from '@/mocks/answers'
import { makeFeed, makeNews } from '@/mocks/news'
import { renderAt } from '@/test/render'
import { mockedServer, server } from '@/test/server'

mockedServer()

const list = () => screen.findByRole('list', { name: 'News' })
const articles = async () => within(await list()).findAllByRole('article')

function answering(body: object) {
  server.use(
    http.get('/api/news', () => HttpResponse.json({ items: [], next_before: null, feed: makeFeed(), ...body })),
  )
}

describe('the list', () => {
  it('says the mood and who says so, also where nobody does', async () => {
    renderAt('/news')
    expect(await articles()).toHaveLength(3)
    const text = (await list()).textContent
    expect(text).toContain('Positiveby Marketaux')
    expect(text).toContain('Negativeestimated by word list')
    expect(text).toContain('No moodnobody gave one')
    expect(text).toContain('No coin is named.')
  })

  it('links out without telling where from, and only where there is an address', async () => {
    renderAt('/news')
    const link = await screen.findByRole<HTMLAnchorElement>('link', { name: 'Bitcoin rallies, part 1' })
    expect([link.href, link.rel, link.target]).toEqual([
      'https://news.example/1',
      'noopener noreferrer nofollow',
      '_blank',
    ])
    expect(screen.queryByRole('link', { name: 'A quarterly report' })).toBeNull()
  })

  it('shows markup in a title as text', async () => {
    answering({ items: [makeNews(1, { title: '<img src=x onerror=alert(1)>' })] })
    renderAt('/news')
    expect((await articles())[0]?.textContent).toContain('<img src=x onerror=alert(1)>')
    expect((await list()).querySelector('img')).toBeNull()
  })

  it('names the source', async () => {
    renderAt('/news')
    expect((await screen.findByRole<HTMLAnchorElement>('link', { name: 'Marketaux' })).href).toBe(
      'https://www.marketaux.com/',
    )
  })

  it('goes on where the page ended', async () => {
    const user = userEvent.setup()
    server.use(
      http.get('/api/news', ({ request }) => {
        const second = new URL(request.url).searchParams.get('before') === 'here'
        return HttpResponse.json({
          items: [makeNews(second ? 2 : 1)],
          next_before: second ? null : 'here',
          feed: makeFeed(),
        })
      }),
    )
    renderAt('/news')
    await user.click(await screen.findByRole('button', { name: 'Show more' }))
    await waitFor(async () => expect(await articles()).toHaveLength(2))
    expect(screen.queryByRole('button', { name: 'Show more' })).toBeNull()
  })
})

describe('what becomes known', () => {
  const titles = async () => (await articles()).map((each) => within(each).getByRole('heading').textContent)

  /** Says on the stream that these became known, and lets the API answer with them. */
  function known(...numbers: number[]) {
    const items = numbers.map((number) => makeNews(number))
    answering({ items })
    for (const [topic, hear] of watch.mock.calls) if (topic === 'news') hear({ stories: items })
  }

  let watch: MockInstance<typeof stream.watch>
  beforeEach(() => {
    watch = vi.spyOn(stream, 'watch')
    answering({ items: [makeNews(1)] })
  })

  it('is counted, and the list stands still until it is asked for', async () => {
    const user = userEvent.setup()
    renderAt('/news')
    expect(await titles()).toEqual(['Bitcoin rallies, part 1'])
    known(3, 2, 1)
    const button = await screen.findByRole('button', { name: '2 new stories' })
    expect(await titles()).toEqual(['Bitcoin rallies, part 1'])
    await user.click(button)
    expect(await titles()).toEqual([3, 2, 1].map((number) => `Bitcoin rallies, part ${number}`))
    expect(screen.queryByRole('button', { name: /new stor/ })).toBeNull()
    known(4, 3, 2, 1)
    expect(await screen.findByRole('button', { name: '1 new story' })).toBeTruthy()
  })

  it('is not asked for again when nothing is new', async () => {
    const asked = vi.fn()
    renderAt('/news')
    await titles()
    server.events.on('request:start', ({ request }) => void (request.url.includes('/api/news') && asked()))
    for (const [topic, hear] of watch.mock.calls) if (topic === 'news') hear({ stories: [makeNews(1)] })
    await new Promise((resolve) => setTimeout(resolve, 50))
    server.events.removeAllListeners()
    expect(asked).not.toHaveBeenCalled()
  })

  it('is shown at once where there was nothing', async () => {
    answering({ items: [] })
    renderAt('/news')
    await screen.findByText('The source has told of nothing yet.')
    known(1)
    expect(await titles()).toEqual(['Bitcoin rallies, part 1'])
  })
})

describe('filters', () => {
  it('stand in the address and can be cleared', async () => {
    const user = userEvent.setup()
    const router = renderAt('/news')
    await user.selectOptions(await screen.findByRole('combobox', { name: 'Mood' }), 'negative')
    await waitFor(async () => expect(await articles()).toHaveLength(1))
    await user.type(screen.getByRole('textbox', { name: 'Coin' }), 'btc{Enter}')
    expect(await screen.findByText('Nothing fits')).toBeTruthy()
    expect(router.state.location.search).toEqual({ symbol: 'btc', mood: 'negative' })
    await user.click(screen.getByRole('button', { name: 'Show all news' }))
    expect(await articles()).toHaveLength(3)
    expect(router.state.location.search).toEqual({})
  })

  it('keep the cursor and the story while nothing changes', async () => {
    const user = userEvent.setup()
    const router = renderAt('/news?story=n1')
    const coin = await screen.findByRole('textbox', { name: 'Coin' })
    await user.click(coin)
    await user.tab()
    expect(router.state.location.search).toEqual({ story: 'n1' })
    await user.type(coin, 'btc{Enter}')
    await waitFor(() => expect(router.state.location.search).toEqual({ symbol: 'btc' }))
    expect(document.activeElement).toBe(coin)
    await user.click(await screen.findByRole('button', { name: 'Clear filters' }))
    await waitFor(() => expect(screen.getByRole<HTMLInputElement>('textbox', { name: 'Coin' }).value).toBe(''))
  })

  it('follow a coin from an article', async () => {
    const user = userEvent.setup()
    const router = renderAt('/news')
    const [coin] = await screen.findAllByRole('link', { name: 'BTC, positive' })
    await user.click(coin as HTMLElement)
    expect(router.state.location.search).toEqual({ symbol: 'BTC' })
  })

  it('say what is wrong with a coin nobody knows', async () => {
    server.use(
      http.get('/api/news', () => problem(422, 'invalid-input', "No coin is known as 'XX'.", 'Give a ticker.')),
    )
    renderAt('/news?symbol=XX')
    expect((await screen.findByRole('alert')).textContent).toContain("No coin is known as 'XX'.")
  })
})

describe('when there is little to show', () => {
  it('says how to get a token', async () => {
    answering({ feed: makeFeed({ state: 'no_token', detail: 'Set HOLDFAST_MARKETAUX_TOKEN.' }) })
    renderAt('/news')
    expect(await screen.findByText('News need a token')).toBeTruthy()
    expect(screen.getByText('Set HOLDFAST_MARKETAUX_TOKEN.')).toBeTruthy()
    expect(screen.getByRole('link', { name: 'Get a free token' })).toBeTruthy()
  })

  it('says that the quota is used up above what it has', async () => {
    answering({ items: [makeNews(1)], feed: makeFeed({ state: 'quota', detail: 'They go on after midnight.' }) })
    renderAt('/news')
    expect((await screen.findByRole('note')).textContent).toContain('They go on after midnight.')
    expect(await articles()).toHaveLength(1)
  })
})
