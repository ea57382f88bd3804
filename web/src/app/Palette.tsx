import { Command } from 'cmdk'
import { Dialog } from 'radix-ui'

import { Kbd } from '@/ui/Kbd'
import { useModal } from '@/ui/modal'

import type { ActionTools } from './actions'
import { ACTIONS } from './actions'

const GROUPS = ['Go to', 'Safety', 'Appearance', 'Help'] as const

export default function Palette({ tools, onClose }: { tools: ActionTools; onClose: () => void }) {
  const modal = useModal(onClose)
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-[rgb(0_0_0/0.4)]" />
        <Dialog.Content
          {...modal}
          aria-describedby={undefined}
          className="fixed top-[12vh] left-1/2 z-50 w-[min(560px,calc(100vw-32px))] -translate-x-1/2 animate-enter overflow-hidden rounded-card bg-canvas shadow-sheet"
        >
          <Dialog.Title className="sr-only">Search and commands</Dialog.Title>
          <Command label="Search and commands" loop>
            <Command.Input
              placeholder="Where to?"
              className="h-14 w-full border-b border-hairline bg-canvas px-5 text-lg outline-none placeholder:text-muted"
            />
            <Command.List className="max-h-[50vh] overflow-y-auto p-2">
              <Command.Empty className="px-3 py-6 text-muted">Nothing has that name.</Command.Empty>
              {GROUPS.map((group) => (
                <Command.Group
                  key={group}
                  heading={group}
                  className="[&_[cmdk-group-heading]]:px-3 [&_[cmdk-group-heading]]:py-2 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-muted"
                >
                  {ACTIONS.filter((action) => action.group === group && action.id !== 'palette').map((action) => (
                    <Command.Item
                      key={action.id}
                      value={`${action.label} ${action.words ?? ''}`}
                      onSelect={() => {
                        onClose()
                        action.perform(tools)
                      }}
                      className="flex h-11 cursor-pointer items-center justify-between rounded-control px-3 data-[selected=true]:bg-hover"
                    >
                      {action.label}
                      {action.keys && <Kbd keys={action.keys} />}
                    </Command.Item>
                  ))}
                </Command.Group>
              ))}
            </Command.List>
          </Command>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
