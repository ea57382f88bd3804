import { Switch } from 'radix-ui'
import type { ReactNode } from 'react'
import { useId } from 'react'

import { appearance, changeAppearance } from '@/lib/appearance'
import { useStore } from '@/lib/store'
import { Section } from '@/ui/Layout'
import { Delta } from '@/ui/Money'
import { Segmented } from '@/ui/Segmented'

export function AppearanceSettings() {
  const { theme, palette, density, letterKeys } = useStore(appearance)
  const keysId = useId()
  return (
    <Section title="Appearance" className="!mt-0">
      <div className="divide-y divide-hairline border-y border-hairline">
        <Row label="Theme">
          <Segmented
            label="Theme"
            value={theme}
            onChange={(next) => changeAppearance({ theme: next })}
            segments={[
              { value: 'system', label: 'Device' },
              { value: 'light', label: 'Light' },
              { value: 'dark', label: 'Dark' },
            ]}
          />
        </Row>
        <Row
          label="Up and down"
          hint={
            <>
              <Delta value={0.0123} /> <Delta value={-0.0123} className="ml-3" />
            </>
          }
        >
          <Segmented
            label="Colours of up and down"
            value={palette}
            onChange={(next) => changeAppearance({ palette: next })}
            segments={[
              { value: 'clear', label: 'Clear' },
              { value: 'classic', label: 'Classic' },
              { value: 'east-asia', label: 'East Asia' },
            ]}
          />
        </Row>
        <Row label="Density">
          <Segmented
            label="Density"
            value={density}
            onChange={(next) => changeAppearance({ density: next })}
            segments={[
              { value: 'comfortable', label: 'Comfortable' },
              { value: 'compact', label: 'Compact' },
            ]}
          />
        </Row>
        <Row label={<label htmlFor={keysId}>Letter shortcuts</label>} hint="Such as G then I for Indices.">
          <Switch.Root
            id={keysId}
            checked={letterKeys}
            onCheckedChange={(next) => changeAppearance({ letterKeys: next })}
            className="h-7 w-12 rounded-full border border-edge bg-hover p-0.5 transition-colors data-[state=checked]:border-ink data-[state=checked]:bg-ink"
          >
            <Switch.Thumb className="block size-5.5 rounded-full bg-edge transition-transform data-[state=checked]:translate-x-5 data-[state=checked]:bg-canvas" />
          </Switch.Root>
        </Row>
      </div>
    </Section>
  )
}

export function Row({ label, hint, children }: { label: ReactNode; hint?: ReactNode; children: ReactNode }) {
  return (
    <div className="flex min-h-16 flex-wrap items-center justify-between gap-x-6 gap-y-2 py-3">
      <div>
        <div>{label}</div>
        {hint && <div className="text-sm text-muted">{hint}</div>}
      </div>
      {children}
    </div>
  )
}
