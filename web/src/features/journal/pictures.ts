import { answer, api } from '@/api/client'
import { ProblemError, problemOf } from '@/api/problem'

import type { Image } from './queries'

export const MOST_PICTURES = 8
const MOST_BYTES = 5 * 1024 * 1024
const TYPES = ['image/png', 'image/jpeg', 'image/webp']
export const ACCEPTED = TYPES.join(',')

/** Sends one; the server judges its content. `key` stays the same while one tries again. */
export async function sendPicture(file: Blob, key: string): Promise<Image> {
  if (file.size > MOST_BYTES) throw refused('A picture may have at most 5 MiB.', 'Make it smaller, or save it as JPEG.')
  return answer(
    api.POST('/api/journal/images', {
      params: { header: { 'idempotency-key': key } },
      body: file as unknown as string,
      bodySerializer: (body) => body as unknown as Blob,
      headers: { 'Content-Type': file.type || 'application/octet-stream' },
    }),
  )
}

function refused(detail: string, advice: string): ProblemError {
  const body = { title: 'This picture cannot be kept.', detail, advice, status: 422 }
  return new ProblemError(problemOf(body, new Response(null, { status: 422 })))
}

export const isPicture = (file: File) => file.type.startsWith('image/')

/** What was pasted or dropped. */
export const filesIn = (data: DataTransfer | null): File[] => [...(data?.files ?? [])]
