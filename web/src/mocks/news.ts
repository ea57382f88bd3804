import { http, HttpResponse } from 'msw'

import type { Schemas } from '@/api/client'

import { missing } from './answers'

type News = Schemas['NewsView']

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()

const bitcoin: Schemas['MentionView'] = {
  asset_id: 'bitcoin',
  ticker: 'BTC',
  name: 'Bitcoin',
  mood: 'positive',
  sentiment: 0.8,
  highlight: 'Bitcoin leads',
}

export function makeNews(number: number, change: Partial<News> = {}): News {
  return {
    id: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    title: `Bitcoin rallies, part ${number}`,
    description: 'What it means for the market.',
    url: `https://news.example/${number}`,
    publisher: 'news.example',
    language: 'en',
    published_at: minutesAgo(10 * number + 5),
    known_at: minutesAgo(10 * number),
    mood: 'positive',
    sentiment: 0.8,
    basis: 'marketaux',
    mentions: [bitcoin],
    similar: [],
    ...change,
  }
}

const NEWS: News[] = [
  makeNews(1, {
    similar: [{ title: 'The same elsewhere', url: 'https://other.example/1', publisher: 'other.example' }],
  }),
  makeNews(2, {
    title: 'Exploit drains a bridge',
    mood: 'negative',
    sentiment: -0.6,
    basis: 'word_list',
    mentions: [],
  }),
  makeNews(3, { title: 'A quarterly report', mood: 'unknown', sentiment: null, basis: 'none', mentions: [], url: '' }),
]

export const makeFeed = (change: Partial<Schemas['FeedView']> = {}): Schemas['FeedView'] => ({
  source: 'Marketaux',
  source_url: 'https://www.marketaux.com/',
  state: 'ok',
  detail: '',
  answered_at: minutesAgo(2),
  next_at: null,
  ...change,
})

export const newsHandlers = [
  http.get('/api/news/marks', () =>
    HttpResponse.json(
      NEWS.map(({ id, title, url, publisher, published_at, known_at, mood, sentiment, basis }): Schemas['NewsMark'] => {
        const time = Math.floor(Date.parse(known_at) / 1000)
        return { id, time, title, url, publisher, published_at, mood, sentiment, basis }
      }),
    ),
  ),
  http.get('/api/news/:id', ({ params }) => {
    const found = NEWS.find((each) => each.id === params['id'])
    return found ? HttpResponse.json(found) : missing()
  }),
  http.get('/api/news', ({ request }) => {
    const asked = new URL(request.url).searchParams
    const [symbol, mood, before] = ['symbol', 'mood', 'before'].map((name) => asked.get(name))
    const items = NEWS.filter(
      (each) =>
        (!symbol || each.mentions.some((mention) => mention.ticker === symbol.toUpperCase())) &&
        (!mood || each.mood === mood),
    )
    const page: Schemas['NewsPage'] = { items: before ? [] : items, next_before: null, feed: makeFeed() }
    return HttpResponse.json(page)
  }),
]
