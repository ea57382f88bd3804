import { useMemo } from 'react'

import { randomKey } from '@/lib/ids'

import type { Inputs } from './data/drawable'
import type { ChartSpec, IndicatorSpec } from './engine/spec'
import { changeCell, workspace } from './workspace'

const MOST_INDICATORS = 12
const MOST_COMPARED = 4

/** Adding, changing and removing what is drawn on one chart of the workspace. */
export function useOutputActions(index: number, onEdit: (spec: IndicatorSpec) => void) {
  return useMemo(() => {
    const cell = (): ChartSpec | undefined => workspace.get().cells[index]
    const indicators = () => cell()?.indicators ?? []
    const set = (next: IndicatorSpec[]) => changeCell(index, { indicators: next.slice(0, MOST_INDICATORS) })
    const change = (key: string, of: (spec: IndicatorSpec) => Partial<IndicatorSpec>) =>
      set(indicators().map((each) => (each.key === key ? { ...each, ...of(each) } : each)))
    return {
      /** `id`: of the catalogue, or of a script. */
      onAdd: (id: string, inputs: Inputs) =>
        set([...indicators(), { key: randomKey().slice(0, 8), id, inputs, hidden: false }]),
      onChangeInputs: (key: string, inputs: Inputs) => change(key, () => ({ inputs })),
      onHide: (key: string) => change(key, ({ hidden }) => ({ hidden: !hidden })),
      onRemove: (key: string) => set(indicators().filter((each) => each.key !== key)),
      onEdit: (key: string) => {
        const found = indicators().find((each) => each.key === key)
        if (found) onEdit(found)
      },
      /** Compared series only make sense in percent. */
      onCompare: (series: string) => {
        const compare = [...new Set([...(cell()?.compare ?? []), series])].slice(-MOST_COMPARED)
        changeCell(index, { compare, scale: 'percent' })
      },
      onUncompare: (series: string) => {
        const compare = (cell()?.compare ?? []).filter((each) => each !== series)
        changeCell(index, { compare, ...(compare.length === 0 ? { scale: 'linear' as const } : {}) })
      },
    }
  }, [index, onEdit])
}
