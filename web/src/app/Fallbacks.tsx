import { Link } from '@tanstack/react-router'

import { Button } from '@/ui/Button'
import { Page } from '@/ui/Layout'
import { ProblemNotice } from '@/ui/States'

export function NotFoundPage() {
  return (
    <Page title="There is nothing here" narrow>
      <p className="mb-6 text-muted">The address may be mistyped, or what it named is gone.</p>
      <Button asChild kind="primary">
        <Link to="/">Go to the start</Link>
      </Button>
    </Page>
  )
}

export function PageError({ error, reset }: { error: unknown; reset: () => void }) {
  return (
    <Page title="Something went wrong" narrow>
      <ProblemNotice error={error} retry={reset} />
    </Page>
  )
}
