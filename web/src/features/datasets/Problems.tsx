import { useQuery } from '@tanstack/react-query'

import { ProblemNotice, SkeletonRows } from '@/ui/States'
import { Table } from '@/ui/Table'

import type { Dataset, Problem } from './queries'
import { problemsQuery } from './queries'
import { count } from './words'

/** Rows as the file counts them, a header included: one can go and look. */
export function Problems({ dataset }: { dataset: Dataset }) {
  const { data, error, refetch } = useQuery(problemsQuery(dataset.id, dataset.updated_at))
  if (error) return <ProblemNotice error={error} retry={() => void refetch()} />
  if (!data) return <SkeletonRows rows={3} label="Loading what is wrong" />
  const more = data.wrong_rows - data.problems.length
  return (
    <div>
      <WrongRows name={dataset.name} problems={data.problems} />
      {more > 0 && (
        <p className="mt-2 text-sm text-muted">
          And {count(more)} more{data.wrong_rows >= 100_000 && ', where reading was given up'}.
        </p>
      )}
    </div>
  )
}

export function WrongRows({ name, problems }: { name: string; problems: Problem[] }) {
  return (
    <div className="mt-4 max-h-80 overflow-y-auto">
      <Table
        label={`Wrong rows of ${name}`}
        rows={problems}
        rowKey={(row) => `${row.row}-${row.message}`}
        columns={[
          { head: 'Row', cell: (row) => <span className="tnum font-normal">{count(row.row)}</span>, name: true },
          { head: 'What is wrong', cell: (row) => <span className="break-words">{row.message}</span> },
        ]}
      />
    </div>
  )
}
