import { ProblemError, problemOf } from '@/api/problem'
import { freshToken } from '@/api/session'

import type { Kind } from './queries'

export interface Wanted {
  file: File
  kind: Kind | 'history'
  name: string
  series: string
}

/**
 * Sends the file and tells the share that has left. `key` stays the same while one tries again, so that a file is
 * kept once. Not `fetch`, which tells nothing of what it sends.
 */
export async function sendFile(wanted: Wanted, key: string, onShare: (share: number) => void): Promise<void> {
  const token = await freshToken()
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', wanted.kind === 'history' ? importPath(wanted) : '/api/datasets')
    if (token) request.setRequestHeader('Authorization', `Bearer ${token}`)
    request.setRequestHeader('Idempotency-Key', key)
    request.upload.onprogress = ({ loaded, total }) => onShare(total > 0 ? loaded / total : 0)
    request.onerror = () => reject(new TypeError('The upload was broken off.'))
    request.onload = () => {
      const body = parsed(request.responseText)
      if (request.status === 202) resolve()
      else reject(new ProblemError(problemOf(body, new Response(null, { status: status(request) }))))
    }
    request.send(wanted.kind === 'history' ? wanted.file : formOf(wanted))
  })
}

const importPath = ({ series, file }: Wanted) =>
  `/api/data/imports?${new URLSearchParams({ series, file_name: file.name })}`

function formOf(wanted: Wanted): FormData {
  const form = new FormData()
  form.set('kind', wanted.kind)
  form.set('name', wanted.name)
  if (wanted.kind === 'signals') form.set('series', wanted.series)
  form.set('file', wanted.file)
  return form
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
