/** The keys of a chart, for the list of keys. */
export const CHART_KEYS: readonly [keys: string, what: string][] = [
  ['1 – 9', 'timeframe'],
  ['/', 'find a market; so does any other letter'],
  ['f', 'full screen'],
  ['← →', 'read bar by bar; with Shift move, plus and minus zoom'],
  ['alt end', 'the newest bar'],
  ['alt g', 'go to a date'],
  ['alt a', 'alerts; a right click or a long press sets one at a price'],
  ['alt n', 'write a journal entry about the bar under the crosshair'],
  ['mod z', 'undo a drawing; with Shift redo'],
  ['enter', 'place the chosen drawing without a pointer; Esc puts the tool down'],
]
