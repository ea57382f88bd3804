import type { FormEvent, ReactNode } from 'react'
import { useState } from 'react'
import { flushSync } from 'react-dom'

import { Button } from '@/ui/Button'
import { Field, focusFault } from '@/ui/Field'
import { ProblemNotice } from '@/ui/States'

export interface Entered {
  email: string
  password: string
}

/** Long enough is the rule; the server also refuses passwords that every list begins with. */
export const MIN_PASSWORD = 12

/** What is wrong with the entered address or password, or undefined. */
export function entryProblems(entered: Entered, creating: boolean): Partial<Record<keyof Entered, string>> {
  const problems: Partial<Record<keyof Entered, string>> = {}
  if (!/^\S+@\S+\.\S+$/.test(entered.email)) problems.email = 'Enter your email address, for example ada@example.com.'
  if (entered.password === '') problems.password = 'Enter a password.'
  else if (creating && entered.password.length < MIN_PASSWORD) {
    problems.password = `Use at least ${MIN_PASSWORD} characters. A few words in a row are easy to remember.`
  }
  return problems
}

/** Email and password, for signing in and for signing up. `email`: the one that is known already. */
export function AccountForm({
  creating = false,
  email: known = '',
  submitLabel,
  busy,
  error,
  onSubmit,
  children,
}: {
  creating?: boolean
  email?: string | undefined
  submitLabel: string
  busy: boolean
  error: unknown
  onSubmit: (entered: Entered) => void
  children?: ReactNode
}) {
  const [email, setEmail] = useState(known)
  const [password, setPassword] = useState('')
  const [problems, setProblems] = useState<Partial<Record<keyof Entered, string>>>({})

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const entered = { email: email.trim(), password }
    const found = entryProblems(entered, creating)
    flushSync(() => setProblems(found))
    if (!focusFault(event.currentTarget)) onSubmit(entered)
  }

  return (
    <form noValidate onSubmit={submit} className="flex max-w-[400px] flex-col gap-5">
      <Field
        label="Email"
        type="email"
        name="email"
        autoComplete="username"
        value={email}
        error={problems.email}
        onChange={(event) => setEmail(event.target.value)}
      />
      <Field
        label="Password"
        autoFocus={known !== ''}
        type="password"
        name="password"
        autoComplete={creating ? 'new-password' : 'current-password'}
        value={password}
        error={problems.password}
        hint={creating && !problems.password ? `${MIN_PASSWORD} characters or more.` : undefined}
        onChange={(event) => setPassword(event.target.value)}
      />
      {error != null && <ProblemNotice error={error} />}
      <Button type="submit" kind="primary" busy={busy}>
        {submitLabel}
      </Button>
      {children}
    </form>
  )
}
