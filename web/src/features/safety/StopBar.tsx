import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { OctagonX } from 'lucide-react'
import { useEffect, useLayoutEffect, useRef, useState } from 'react'

import { problemWords } from '@/api/problem'
import { positionQuery } from '@/features/positions/queries'
import { Button } from '@/ui/Button'
import { Time } from '@/ui/Time'
import { toast } from '@/ui/toasts'

import type { Stop } from './queries'
import { useResume, useStops } from './queries'
import { positionName, stopTitle } from './words'

const SHOWN = 2

/** On every page while anything is stopped: what, by whom, since when, why, and how to go on. */
export function StopBar({ signedIn }: { signedIn: boolean }) {
  const { data: stops, isFetched, isFetching, refetch } = useStops(signedIn)
  if (!signedIn) return null
  if (!stops) return isFetched ? <UnknownBar busy={isFetching} retry={() => void refetch()} /> : null
  return stops.length > 0 ? <Bar stops={widestFirst(stops)} /> : null
}

/** Until the first answer came nobody knows; an empty place would say that nothing is stopped. */
function UnknownBar({ busy, retry }: { busy: boolean; retry: () => void }) {
  const bar = useHeight<HTMLDivElement>('--stop-bar')
  return (
    <div
      ref={bar}
      role="status"
      className="sticky top-0 z-30 flex min-h-10 items-center justify-center gap-3 border-b border-hairline bg-hover px-4 py-1 text-sm"
    >
      <OctagonX aria-hidden className="size-4 shrink-0" />
      <p>Whether trading is stopped could not be loaded.</p>
      <Button size="small" kind="quiet" className="underline" busy={busy} onClick={retry}>
        Try again
      </Button>
    </div>
  )
}

function Bar({ stops }: { stops: Stop[] }) {
  const bar = useHeight<HTMLElement>('--stop-bar')
  const wide = stops.filter((stop) => stop.scope !== 'position')
  const shown = (wide.length > 0 ? wide : stops).slice(0, SHOWN)
  const rest = stops.length - shown.length
  return (
    <section ref={bar} aria-label="Trading is stopped" className="sticky top-0 z-30 bg-error text-canvas">
      <ul>
        {shown.map((stop) => (
          <StopLine key={stop.id} stop={stop} />
        ))}
      </ul>
      {rest > 0 && (
        <p className="px-13 pb-2 text-sm md:px-19">
          {rest === 1 ? 'One position is' : `${rest} positions are`} stopped besides.
        </p>
      )}
    </section>
  )
}

const WIDTH = { instance: 0, user: 1, position: 2 } as const

const widestFirst = (stops: Stop[]) => [...stops].sort((a, b) => WIDTH[a.scope] - WIDTH[b.scope])

function StopLine({ stop }: { stop: Stop }) {
  const position = useQuery({
    ...positionQuery(stop.position_id ?? ''),
    enabled: stop.position_id !== null,
    staleTime: Infinity,
  }).data
  return (
    <li className="flex min-h-12 items-center gap-x-4 px-4 py-1.5 md:px-10">
      <OctagonX aria-hidden className="size-5 shrink-0" />
      <p className="min-w-0 flex-1 text-sm">
        <strong className="font-semibold">
          {stop.position_id ? (
            <Link to="/positions/$positionId" params={{ positionId: stop.position_id }} className="hover:underline">
              {stopTitle(stop, position && positionName(position))}
            </Link>
          ) : (
            stopTitle(stop, undefined)
          )}
        </strong>{' '}
        <span className="max-md:hidden">Nothing that adds risk is sent.</span>{' '}
        <span className="max-md:block">
          By {stop.by}, <Time iso={stop.since} />
          {stop.reason && <>: {stop.reason}</>}
          {stop.flatten_id && (
            <>
              {' · '}
              <Link
                to="/flatten/$flattenId"
                params={{ flattenId: stop.flatten_id }}
                className="underline underline-offset-2"
              >
                What was closed
              </Link>
            </>
          )}
        </span>
      </p>
      {stop.scope === 'instance' ? (
        <code className="font-mono text-xs">holdfast resume --all</code>
      ) : (
        <Resume stop={stop} />
      )}
    </li>
  )
}

const SECOND_THOUGHTS = 5_000

/** Going on adds risk again, so it takes a second press. */
function Resume({ stop }: { stop: Stop }) {
  const resume = useResume()
  const [asked, setAsked] = useState(false)
  useEffect(() => {
    if (!asked) return
    const timer = setTimeout(() => setAsked(false), SECOND_THOUGHTS)
    return () => clearTimeout(timer)
  }, [asked])

  function press() {
    if (!asked) return setAsked(true)
    resume.mutate(stop, {
      onSuccess: () => toast('Trading goes on.'),
      onError: (error) => toast(problemWords(error)),
    })
  }

  return (
    <Button
      size="small"
      busy={resume.isPending}
      className="!border-transparent !bg-canvas !text-ink"
      onClick={press}
      onBlur={() => setAsked(false)}
    >
      {asked ? 'Press again to resume' : 'Resume'}
    </Button>
  )
}

/** Tells the page how much room a bar at its top takes, so that nothing hides below it. */
function useHeight<Element extends HTMLElement>(name: string) {
  const bar = useRef<Element>(null)
  useLayoutEffect(() => {
    const element = bar.current
    if (!element) return
    const root = document.documentElement.style
    const observer = new ResizeObserver(() => root.setProperty(name, `${element.offsetHeight}px`))
    observer.observe(element)
    return () => {
      observer.disconnect()
      root.removeProperty(name)
    }
  }, [name])
  return bar
}
