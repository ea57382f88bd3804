import { ProblemError, problemOf } from '@/api/problem'
import { freshToken } from '@/api/session'

import type { Dataset, Kind } from './queries'

export interface Wanted {
  file: File
  kind: Kind
  name: string
  series: string
}

/**
 * Sends the file and tells the share that has left. `key` stays the same while one tries again, so that a file is
 * kept once. Not `fetch`, which tells nothing of what it sends.
 */
export async function sendFile(wanted: Wanted, key: string, onShare: (share: number) => void): Promise<Dataset> {
  const token = await freshToken()
  const form = new FormData()
  form.set('kind', wanted.kind)
  form.set('name', wanted.name)
  if (wanted.kind === 'signals') form.set('series', wanted.series)
  form.set('file', wanted.file)
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', '/api/datasets')
    if (token) request.setRequestHeader('Authorization', `Bearer ${token}`)
    request.setRequestHeader('Idempotency-Key', key)
    request.upload.onprogress = ({ loaded, total }) => onShare(total > 0 ? loaded / total : 0)
    request.onerror = () => reject(new TypeError('The upload was broken off.'))
    request.onload = () => {
      const body = parsed(request.responseText)
      if (request.status === 202) resolve(body as Dataset)
      else reject(new ProblemError(problemOf(body, new Response(null, { status: status(request) }))))
    }
    request.send(form)
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const status = ({ status: told }: XMLHttpRequest) => (told >= 200 && told <= 599 ? told : 502)

const HEAD_BYTES = 4_096

/** Signals name a column `type`; anything else is taken for bars. */
export async function kindOf(file: File): Promise<Kind> {
  const [first = ''] = (await file.slice(0, HEAD_BYTES).text()).split('\n')
  const names = first.split(',').map((cell) => cell.trim().replaceAll('"', '').toLowerCase())
  return names.includes('type') ? 'signals' : 'bars'
}
