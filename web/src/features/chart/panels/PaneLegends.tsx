import { useEffect, useState } from 'react'

import { useStore } from '@/lib/store'

import type { ChartEngine } from '../engine/ChartEngine'
import type { IndicatorView } from '../engine/IndicatorView'
import type { OutputActions } from './OutputLegend'
import { IndicatorLine } from './OutputLegend'

/** The legend of every pane below the price, at the pane's top wherever its border is dragged. */
export function PaneLegends({ engine, actions }: { engine: ChartEngine; actions: OutputActions | null }) {
  const views = useStore(engine.outputs.indicators).filter((view) => view.pane)
  const tops = usePaneTops(engine, views)
  return views.map((view, index) =>
    tops[index] === undefined ? null : (
      <div
        key={view.spec.key}
        className="pointer-events-none absolute left-3 z-10 max-w-[calc(100%-96px)]"
        style={{ top: tops[index] + 4 }}
      >
        <IndicatorLine engine={engine} view={view} actions={actions} />
      </div>
    ),
  )
}

function usePaneTops(engine: ChartEngine, views: IndicatorView[]): number[] {
  const [tops, setTops] = useState<number[]>([])
  const keys = views.map((view) => view.spec.key).join()
  useEffect(() => {
    const chart = engine.chart.chartElement()
    const observer = new ResizeObserver(measure)
    /** Panes are made with the next frame. */
    const frame = requestAnimationFrame(() => {
      for (const pane of engine.chart.panes()) {
        const element = pane.getHTMLElement()
        if (element) observer.observe(element)
      }
      measure()
    })
    function measure() {
      const top = chart.getBoundingClientRect().top
      const own = engine.outputs.indicators.get().flatMap((view) => view.pane?.anchor.getPane().getHTMLElement() ?? [])
      setTops(own.map((element) => element.getBoundingClientRect().top - top))
    }
    return () => {
      cancelAnimationFrame(frame)
      observer.disconnect()
    }
  }, [engine, keys])
  return tops
}
