import { Link } from '@tanstack/react-router'

import { Button } from '@/ui/Button'
import { Page } from '@/ui/Layout'
import { ProblemNotice, SkeletonRows } from '@/ui/States'

import { CoinGecko } from './Attribution'
import { IndexRow } from './IndexRow'
import { useIndices } from './queries'

export default function IndicesPage() {
  const { data, error, refetch } = useIndices()
  return (
    <Page
      title="Indices"
      actions={
        <Button asChild>
          <Link to="/news">News</Link>
        </Button>
      }
    >
      {error && !data && <ProblemNotice error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={4} label="Loading indices" />}
      {data && (
        <>
          <ul aria-label="Indices" className="border-t border-hairline">
            {data.map((index) => (
              <IndexRow key={index.id} index={index} />
            ))}
          </ul>
          <div className="mt-6">
            <CoinGecko />
          </div>
        </>
      )}
    </Page>
  )
}
