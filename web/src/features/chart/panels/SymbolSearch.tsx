import { useQuery } from '@tanstack/react-query'
import { Command } from 'cmdk'
import { Dialog } from 'radix-ui'
import { useDeferredValue, useState } from 'react'

import { compact } from '@/lib/numbers'
import { useModal } from '@/ui/modal'
import { ProblemNotice, SkeletonRows } from '@/ui/States'

import type { SymbolView } from '../data/symbols'
import { symbolsQuery } from '../data/symbols'
import { isOwn } from '../engine/spec'
import { sourceWords } from '../words'

/** Finds a series by typing; arrow keys and Enter choose. */
export default function SymbolSearch({
  title,
  initial,
  first = '',
  onPick,
  onClose,
}: {
  title: string
  initial: string
  /** The source that is listed before anything is typed; all of them unless told. */
  first?: string
  onPick: (found: SymbolView) => void
  onClose: () => void
}) {
  const [typed, setTyped] = useState(initial)
  const wanted = useDeferredValue(typed.trim())
  const found = useQuery(symbolsQuery(wanted, wanted === '' ? first : ''))
  const [chosen, setChosen] = useState('')
  const modal = useModal(onClose)
  const present = found.data?.some((each) => each.series === chosen)
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-[rgb(0_0_0/0.4)]" />
        <Dialog.Content
          {...modal}
          aria-describedby={undefined}
          className="fixed inset-x-0 bottom-0 z-50 animate-enter overflow-hidden rounded-t-sheet bg-canvas pb-[env(safe-area-inset-bottom)] shadow-sheet md:top-[12vh] md:right-auto md:bottom-auto md:left-1/2 md:w-[640px] md:-translate-x-1/2 md:rounded-card md:pb-0"
        >
          <Dialog.Title className="sr-only">{title}</Dialog.Title>
          <Command
            label={title}
            loop
            shouldFilter={false}
            value={present ? chosen : (found.data?.[0]?.series ?? '')}
            onValueChange={setChosen}
          >
            <Command.Input
              autoFocus
              value={typed}
              onValueChange={setTyped}
              placeholder={title}
              className="h-14 w-full border-b border-hairline bg-canvas px-5 text-lg outline-none placeholder:text-muted"
            />
            {found.error && <ProblemNotice error={found.error} retry={() => void found.refetch()} className="m-5" />}
            {found.isPending && (
              <div className="px-5">
                <SkeletonRows rows={5} label="Searching" />
              </div>
            )}
            <Command.List className="h-[46vh] overflow-y-auto p-2">
              {found.data?.length === 0 && (
                <p className="px-3 py-6 text-muted">No market has that name. Try its ticker, for example ETH.</p>
              )}
              {found.data?.map((each) => (
                <Found key={each.series} found={each} onPick={() => onPick(each)} />
              ))}
            </Command.List>
          </Command>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

function Found({ found, onPick }: { found: SymbolView; onPick: () => void }) {
  return (
    <Command.Item
      value={found.series}
      onSelect={onPick}
      className="flex h-11 cursor-pointer items-center gap-3 rounded-control px-3 data-[selected=true]:bg-hover data-[selected=true]:*:text-ink"
    >
      {isOwn(found.series) ? (
        <span className="min-w-0 flex-1 truncate font-medium">{found.name}</span>
      ) : (
        <>
          <span className="w-32 shrink-0 truncate font-medium">{found.symbol}</span>
          <span className="min-w-0 flex-1 truncate text-sm text-muted">{found.name}</span>
        </>
      )}
      <span className="text-sm text-muted max-md:hidden">
        {found.volume_24h != null && `$${compact(found.volume_24h)} a day`}
      </span>
      <span className="w-28 shrink-0 text-right text-sm text-muted">{sourceWords(found.source)}</span>
    </Command.Item>
  )
}
