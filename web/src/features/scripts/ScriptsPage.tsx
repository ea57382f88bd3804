import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useState } from 'react'

import { session } from '@/api/session'
import { useStore } from '@/lib/store'
import { Badge } from '@/ui/Badge'
import { Button } from '@/ui/Button'
import { Field } from '@/ui/Field'
import { Page, Section } from '@/ui/Layout'
import { LinkRow } from '@/ui/LinkRow'
import { EmptyState, ProblemNotice, SkeletonRows } from '@/ui/States'
import { Time } from '@/ui/Time'

import { ExampleGallery } from './ExampleGallery'
import { scriptsQuery } from './queries'
import type { ScriptSummary } from './types'
import { stateWords } from './words'

/** So many are found at a glance. */
const FEW = 8

/** The user's scripts, and examples to begin with. */
export default function ScriptsPage() {
  const signedIn = useStore(session).status === 'in'
  return signedIn ? <Own /> : <Invitation />
}

function Own() {
  const { data, error, refetch } = useQuery(scriptsQuery)
  return (
    <Page title="Scripts" actions={data && data.length > 0 && <NewButton />}>
      {error && !data && <ProblemNotice error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={4} label="Loading your scripts" />}
      {data?.length === 0 && (
        <EmptyState
          title="Write an indicator of your own"
          text="A few lines of Python are drawn on any chart, tested on the past and run on paper. Only you see them."
          action={<NewButton />}
        />
      )}
      {data && data.length > 0 && <List scripts={data} />}
      <Section title="Begin with an example" note="Each opens as a new script, which is yours to change.">
        <ExampleGallery />
      </Section>
    </Page>
  )
}

function NewButton() {
  return (
    <Button kind="primary" asChild>
      <Link to="/scripts/$scriptId" params={{ scriptId: 'new' }}>
        <Plus aria-hidden className="size-4" />
        New script
      </Link>
    </Button>
  )
}

function List({ scripts }: { scripts: ScriptSummary[] }) {
  const [typed, setTyped] = useState('')
  const wanted = typed.trim().toLowerCase()
  const found = scripts.filter(({ name, title }) => `${name} ${title}`.toLowerCase().includes(wanted))
  return (
    <>
      {scripts.length > FEW && (
        <Field
          label="Find a script"
          hideLabel
          placeholder="Find a script"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          className="mb-4 max-w-sm"
        />
      )}
      {found.length === 0 && <p className="py-4 text-muted">No script has that name.</p>}
      <ul aria-label="Scripts" className="border-t border-hairline">
        {found.map((script) => (
          <Row key={script.id} script={script} />
        ))}
      </ul>
    </>
  )
}

function Row({ script }: { script: ScriptSummary }) {
  const state = stateWords(script)
  return (
    <LinkRow className="md:grid-cols-[1fr_auto_auto]">
      <span className="min-w-0">
        <Link
          to="/scripts/$scriptId"
          params={{ scriptId: script.id }}
          className="text-lg font-medium break-words after:absolute after:inset-0"
        >
          {script.name}
        </Link>
        <span className="block text-sm text-muted">
          Version {script.version}
          {script.title && script.title !== script.name && ` · ${script.title}`}
        </span>
      </span>
      <span>{state && <Badge tone={state.tone}>{state.words}</Badge>}</span>
      <span className="text-sm text-muted md:w-28 md:text-right">
        <Time iso={script.updated_at} />
      </span>
    </LinkRow>
  )
}

function Invitation() {
  return (
    <Page title="Scripts">
      <EmptyState
        title="Your own indicators, in a few lines of Python"
        text="Write what you look for, see it on any chart, test it on the past and let it run on paper. Scripts run in a closed sandbox; only you see yours."
        action={
          <div className="flex flex-wrap gap-3">
            <Button kind="primary" asChild>
              <Link to="/sign-in" search={{ next: '/scripts' }}>
                Sign in to write one
              </Link>
            </Button>
            <Button asChild>
              <Link to="/sign-up" search={{ next: '/scripts' }}>
                Create an account
              </Link>
            </Button>
          </div>
        }
      />
    </Page>
  )
}
