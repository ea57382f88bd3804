import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useState } from 'react'

import { useUserId } from '@/features/chart/userStorage'
import { Page } from '@/ui/Layout'
import { ProblemNotice, SkeletonRows } from '@/ui/States'

import { examplesQuery, scriptQuery } from './queries'
import { Workbench } from './Workbench'

const NEW = 'new'

const BLANK = `script("My script", overlay=True)

length = input.int("Length", 20, min=2, max=500)

plot(ta.sma(bars.close, length), "Mean")
`

/** A script at work: one that is kept, or a new one, blank or from an example. */
export default function ScriptPage() {
  const { scriptId } = useParams({ from: '/mine/scripts/$scriptId' })
  const { example } = useSearch({ from: '/mine/scripts/$scriptId' })
  const navigate = useNavigate()
  const user = useUserId()
  /** A new one that was saved goes on under its own address, with everything that stands around it. */
  const [created, setCreated] = useState({ id: '', key: NEW, arrived: true })
  if (scriptId === created.id && !created.arrived) setCreated({ ...created, arrived: true })
  const isNew = scriptId === NEW
  const kept = useQuery({ ...scriptQuery(scriptId), enabled: !isNew })
  const examples = useQuery({ ...examplesQuery, enabled: isNew && example !== undefined })

  const { error, refetch, data } = isNew ? { ...examples, data: undefined } : kept
  const text = examples.data?.find((each) => each.id === example)
  const waits = isNew ? example !== undefined && examples.isPending : !data
  if (waits || (error && !data)) {
    return (
      <Page title={isNew ? 'New script' : 'Script'} above={<Back />}>
        {error ? (
          <ProblemNotice error={error} retry={() => void refetch()} />
        ) : (
          <SkeletonRows rows={6} label="Loading the script" />
        )}
      </Page>
    )
  }
  const key =
    isNew && created.arrived ? `${NEW} after ${created.id}` : isNew || scriptId === created.id ? created.key : scriptId
  return (
    <Workbench
      key={`${user} ${key}`}
      kept={data ?? null}
      draftId={example === undefined ? NEW : `${NEW}.${example}`}
      name={data?.name ?? text?.name ?? 'My script'}
      source={data?.source ?? text?.source ?? BLANK}
      onCreated={({ id }) => {
        setCreated({ id, key, arrived: false })
        void navigate({
          to: '/scripts/$scriptId',
          params: { scriptId: id },
          search: {},
          replace: true,
          ignoreBlocker: true,
          state: { keepFocus: true },
        })
      }}
    />
  )
}

function Back() {
  return <Link to="/scripts">← Scripts</Link>
}
