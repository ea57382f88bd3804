import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'

import { answer, api } from '@/api/client'
import { Badge } from '@/ui/Badge'
import { Button } from '@/ui/Button'
import { Section } from '@/ui/Layout'
import { ServerWords } from '@/ui/ServerWords'
import { ProblemNotice } from '@/ui/States'

import { Progress } from './Progress'
import type { Import } from './queries'
import { importsQuery, isBeingImported } from './queries'
import { WrongRows } from './Problems'
import { count, IMPORT_WORDS } from './words'

/** Files on their way into the history of a market, which everybody here sees. Nothing while there are none. */
export function Imports() {
  const { data, error, refetch } = useQuery(importsQuery)
  if (error && !data) return <ProblemNotice error={error} retry={() => void refetch()} />
  if (!data?.length) return null
  return (
    <Section title="Market history" note="Files that went into the history of a market, of the last 30 days.">
      <ul aria-label="Market history" className="border-t border-hairline">
        {data.map((one) => (
          <ImportItem key={one.id} one={one} />
        ))}
      </ul>
    </Section>
  )
}

function ImportItem({ one }: { one: Import }) {
  const words = IMPORT_WORDS[one.state] ?? one.state
  return (
    <li aria-label={one.file_name} className="border-b border-hairline py-6">
      <div className="mb-3 flex flex-wrap items-center gap-3">
        <h3 className="min-w-0 text-lg break-words">{one.file_name}</h3>
        <Badge>{one.series}</Badge>
        {one.state !== 'done' && <Badge tone={one.state === 'failed' ? 'error' : 'plain'}>{words}</Badge>}
      </div>
      {isBeingImported(one) && (
        <Progress
          label={words}
          share={one.state === 'writing' && one.rows > 0 ? one.rows_done / one.rows : undefined}
        />
      )}
      {one.state === 'done' && <p className="tnum">{outcome(one)}</p>}
      {one.state === 'failed' && (
        <p className="max-w-[64ch] break-words">
          <ServerWords>{one.error}</ServerWords>
        </p>
      )}
      {one.problems.length > 0 && <WrongRows name={one.file_name} problems={one.problems} />}
      {isRemovable(one) && <Remove one={one} />}
    </li>
  )
}

const isRemovable = ({ state, rows_done }: Import) =>
  rows_done === 0 && (state === 'waiting' || state === 'checking' || state === 'failed')

/** Nothing of it is stored, so nothing is lost. */
function Remove({ one }: { one: Import }) {
  const client = useQueryClient()
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE('/api/data/imports/{import_id}', { params: { path: { import_id: one.id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: importsQuery.queryKey }),
  })
  return (
    <div className="mt-5">
      {remove.error && <ProblemNotice error={remove.error} className="mb-5" />}
      <Button size="small" kind="quiet" busy={remove.isPending} onClick={() => remove.mutate()}>
        Remove
      </Button>
    </div>
  )
}

function outcome({ new: added, same, conflicting }: Import): string {
  const kept = conflicting > 0 ? ` ${count(conflicting)} differ from what is stored, which stands.` : ''
  return `${count(added)} new bars, ${count(same)} were there already.${kept}`
}
