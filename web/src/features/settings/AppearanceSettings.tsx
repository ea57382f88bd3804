import { Switch } from 'radix-ui'
import { useId } from 'react'

import { appearance, changeAppearance } from '@/lib/appearance'
import { useStore } from '@/lib/store'
import { Section } from '@/ui/Layout'
import { Delta } from '@/ui/Money'
import { Segmented } from '@/ui/Segmented'

import { Row } from './Row'

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
