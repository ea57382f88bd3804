import { Link, Outlet, useLocation, useNavigate, useParams } from '@tanstack/react-router'
import { CircleUser, Search } from 'lucide-react'
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from 'react'

import { session } from '@/api/session'
import { useAlertToasts } from '@/features/chart/alerts/useAlertToasts'
import { Bell } from '@/features/incidents/Bell'
import { StopBar } from '@/features/safety/StopBar'
import { StopButton } from '@/features/safety/StopButton'
import { openStop, stopDialog } from '@/features/safety/store'
import { useStore } from '@/lib/store'
import { Kbd } from '@/ui/Kbd'
import { Toaster } from '@/ui/Toaster'

import { ModePill, SimulatedBar, StreamBar } from './Bars'
import { ENTRIES } from './entries'
import { useKeys } from './useKeys'

const Palette = lazy(() => import('./Palette'))
const Help = lazy(() => import('./Help'))
const StopDialog = lazy(() => import('@/features/safety/StopDialog'))

export function Shell() {
  const signedIn = useStore(session).status === 'in'
  const navigate = useNavigate()
  const [open, setOpen] = useState<'palette' | 'help' | null>(null)
  const tools = useMemo(
    () => ({
      go: (path: string) => void navigate({ to: path }),
      openPalette: () => setOpen('palette'),
      openHelp: () => setOpen('help'),
      stop: () => (signedIn ? openStop() : void navigate({ to: '/sign-in' })),
    }),
    [navigate, signedIn],
  )
  useKeys(tools)
  useAlertToasts(signedIn)
  useFocusOnPage()
  return (
    <>
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:bg-canvas focus:px-4 focus:py-2"
      >
        Skip to content
      </a>
      <SimulatedBar />
      <StreamBar />
      <StopBar signedIn={signedIn} />
      <div className="flex-1 md:flex">
        {signedIn && <Rail openPalette={tools.openPalette} />}
        <div className="min-w-0 flex-1">
          <TopBar signedIn={signedIn} openPalette={tools.openPalette} />
          <main
            id="main"
            tabIndex={-1}
            className={'px-4 pt-6 pb-28 outline-none md:px-10 md:pb-20 ' + (signedIn ? 'md:pt-10' : '')}
          >
            <Outlet />
          </main>
        </div>
      </div>
      {signedIn && <Tabs />}
      <Suspense>
        {open === 'palette' && <Palette tools={tools} onClose={() => setOpen(null)} />}
        {open === 'help' && <Help onClose={() => setOpen(null)} />}
        {signedIn && <KillSwitch />}
      </Suspense>
      <Toaster />
    </>
  )
}

/** Its dialog knows which position the page is about. */
function KillSwitch() {
  const opened = useStore(stopDialog)
  const { positionId } = useParams({ strict: false })
  if (!opened) return null
  return (
    <StopDialog
      positionId={opened.positionId ?? positionId ?? null}
      preselect={opened.positionId !== null}
      onClose={() => stopDialog.set(null)}
    />
  )
}

/** After going to another page, reading starts at its top and not where the old page was left. */
function useFocusOnPage() {
  const { pathname, state } = useLocation()
  const previous = useRef(pathname)
  useEffect(() => {
    if (previous.current === pathname) return
    previous.current = pathname
    if (!state.keepFocus) document.getElementById('main')?.focus({ preventScroll: true })
  }, [pathname, state])
}

function Wordmark({ signedIn }: { signedIn: boolean }) {
  return (
    <Link
      to="/"
      className="inline-flex items-center gap-2 text-lg font-semibold tracking-tight"
      aria-label="Holdfast, home"
    >
      <svg aria-hidden viewBox="0 0 32 32" className="size-6">
        <path d="M9 6v20M23 6v20M9 16h14" stroke="currentColor" strokeWidth="3.5" strokeLinecap="round" fill="none" />
      </svg>
      <span className={signedIn ? 'max-[439px]:hidden md:max-lg:hidden' : 'md:max-lg:hidden'}>Holdfast</span>
    </Link>
  )
}

function Rail({ openPalette }: { openPalette: () => void }) {
  return (
    <div className="hidden shrink-0 border-r border-hairline md:block">
      <nav
        aria-label="Main"
        className="sticky top-[var(--stop-bar,0px)] flex h-[calc(100dvh-73px-var(--stop-bar,0px))] w-16 flex-col px-3 py-5 lg:w-56"
      >
        <div className="mb-5 flex shrink-0 items-center justify-between px-2 md:max-lg:justify-center">
          <Wordmark signedIn />
          <span className="md:max-lg:hidden">
            <ModePill signedIn />
          </span>
        </div>
        <div className="-mx-1 flex min-h-0 flex-1 flex-col gap-0.5 overflow-y-auto px-1 pb-2">
          {ENTRIES.map(({ to, label, icon: Icon }) => (
            <Link
              key={to}
              to={to}
              activeOptions={{ exact: to === '/' }}
              aria-label={label}
              title={label}
              className="flex h-9 shrink-0 items-center gap-3 rounded-control px-2.5 text-muted transition-colors hover:bg-hover hover:text-ink aria-[current=page]:bg-surface aria-[current=page]:font-medium aria-[current=page]:text-ink"
            >
              <Icon aria-hidden className="size-5 shrink-0" strokeWidth={1.75} />
              <span className="md:max-lg:hidden">{label}</span>
            </Link>
          ))}
        </div>
        <Bell
          className="flex h-10 gap-3 rounded-control px-2.5 text-muted transition-colors hover:bg-hover hover:text-ink aria-[current=page]:bg-surface aria-[current=page]:font-medium aria-[current=page]:text-ink"
          labelClass="md:max-lg:sr-only"
        />
        <button
          type="button"
          onClick={openPalette}
          title="Search and commands"
          className="flex h-10 items-center gap-3 rounded-control px-2.5 text-muted hover:bg-hover hover:text-ink"
        >
          <Search aria-hidden className="size-5 shrink-0" strokeWidth={1.75} />
          <span className="flex-1 text-left md:max-lg:sr-only">Search</span>
          <span aria-hidden className="md:max-lg:hidden">
            <Kbd keys="mod k" />
          </span>
        </button>
        <StopButton className="mt-3 h-10 px-2.5" labelClass="md:max-lg:sr-only" />
      </nav>
    </div>
  )
}

/** Above the page on a phone, and for visitors. */
function TopBar({ signedIn, openPalette }: { signedIn: boolean; openPalette: () => void }) {
  return (
    <header
      className={
        'flex h-14 items-center justify-between gap-3 px-4 md:px-10 ' +
        (signedIn
          ? 'sticky top-[var(--stop-bar,0px)] z-20 border-b border-hairline bg-canvas lg:hidden md:max-lg:justify-end'
          : 'md:h-20')
      }
    >
      <span className={signedIn ? 'flex md:hidden' : 'flex'}>
        <Wordmark signedIn={signedIn} />
      </span>
      {!signedIn && <PublicPages />}
      <div className="flex items-center gap-1 md:gap-3">
        <ModePill signedIn={signedIn} />
        {signedIn ? (
          <>
            <button
              type="button"
              onClick={openPalette}
              aria-label="Search"
              className="grid size-11 place-items-center md:hidden"
            >
              <Search aria-hidden className="size-5" />
            </button>
            <Bell className="grid size-11 place-items-center md:hidden" labelClass="sr-only" />
            <StopButton className="h-9 px-2.5 text-sm max-md:min-h-11 md:hidden" labelClass="max-[359px]:sr-only" />
          </>
        ) : (
          <Link to="/sign-in" className="inline-flex h-11 items-center gap-2 px-2 font-medium">
            <CircleUser aria-hidden className="size-5" strokeWidth={1.75} />
            Sign in
          </Link>
        )}
      </div>
    </header>
  )
}

/** What a visitor may look at. */
function PublicPages() {
  return (
    <nav aria-label="Main" className="ml-8 flex flex-1 gap-6 max-md:hidden">
      {ENTRIES.filter((entry) => entry.visitor).map(({ to, label }) => (
        <Link key={to} to={to} className="py-2 text-muted hover:text-ink aria-[current=page]:text-ink">
          {label}
        </Link>
      ))}
    </nav>
  )
}

function Tabs() {
  return (
    <nav
      aria-label="Main"
      className="fixed inset-x-0 bottom-0 z-30 flex border-t border-hairline bg-canvas pb-[env(safe-area-inset-bottom)] md:hidden"
    >
      {ENTRIES.filter((entry) => entry.phone).map(({ to, label, icon: Icon }) => (
        <Link
          key={to}
          to={to}
          activeOptions={{ exact: to === '/' }}
          className="flex h-14 flex-1 flex-col items-center justify-center gap-0.5 text-xs text-muted aria-[current=page]:font-medium aria-[current=page]:text-ink"
        >
          <Icon aria-hidden className="size-5" strokeWidth={1.75} />
          {label}
        </Link>
      ))}
    </nav>
  )
}
