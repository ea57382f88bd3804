/** A series primitive that paints above its series and repaints when asked. */
import type { IPrimitivePaneView, ISeriesPrimitive, SeriesAttachedParameter, Time } from 'lightweight-charts'

export type Target = Parameters<NonNullable<ReturnType<IPrimitivePaneView['renderer']>>['draw']>[0]

export abstract class TopPrimitive implements ISeriesPrimitive<Time> {
  protected host: SeriesAttachedParameter<Time> | null = null
  private readonly views: readonly IPrimitivePaneView[] = [
    { zOrder: () => 'top', renderer: () => ({ draw: (target: Target) => this.draw(target) }) },
  ]

  attached(host: SeriesAttachedParameter<Time>): void {
    this.host = host
  }

  detached(): void {
    this.host = null
  }

  requestUpdate(): void {
    this.host?.requestUpdate()
  }

  paneViews(): readonly IPrimitivePaneView[] {
    return this.views
  }

  protected abstract draw(target: Target): void
}
