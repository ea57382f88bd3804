import { answer, api } from '@/api/client'

import type { Entered } from './AccountForm'

export const signIn = (entered: Entered) => answer(api.POST('/api/auth/sign-in', { body: entered }))

/** Only addresses of this app: a link must not send somebody elsewhere after signing in. */
export function safeNext(next: string | undefined): string {
  return next && /^\/(?![/\\])/.test(next) ? next : '/'
}
