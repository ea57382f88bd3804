/** What differs between two texts, line by line, with the lines around it. */
import { structuredPatch } from 'diff'

export interface DifferenceRow {
  /** `theirs`, `mine`: the line is in that text only. `gap`: lines that both have are left out before the next. */
  kind: 'both' | 'theirs' | 'mine' | 'gap'
  text: string
}

const AROUND = 3
const KINDS = { ' ': 'both', '-': 'theirs', '+': 'mine' } as const

export function differenceRows(theirs: string, mine: string): DifferenceRow[] {
  const { hunks } = structuredPatch('', '', ended(theirs), ended(mine), '', '', { context: AROUND })
  return hunks.flatMap(({ lines, oldStart }, place) => {
    const rows = lines.flatMap((line): DifferenceRow[] => {
      const kind = KINDS[line[0] as keyof typeof KINDS]
      return kind ? [{ kind, text: line.slice(1) }] : []
    })
    const isCut = place > 0 || oldStart > 1
    return isCut ? [{ kind: 'gap', text: '' }, ...rows] : rows
  })
}

/** Whether the last line ends is no difference that anybody sees. */
const ended = (text: string) => (text.endsWith('\n') ? text : `${text}\n`)
