/** What an output draws. Columns run parallel to the window of the chart; NaN means no value. */

interface Common {
  id: string
  colour: string
}

export type Plot = Common &
  (
    | { kind: 'line' | 'dots' | 'area' | 'histogram' | 'columns'; values: Float64Array }
    | { kind: 'band'; values: Float64Array; other: Float64Array }
    | { kind: 'level'; value: number; label?: string; font?: string }
    /** Another series, brought to the price of the first where the screen begins. */
    | { kind: 'compare'; values: Float64Array }
    /** Where bars are missing before a bar, and in words why. */
    | { kind: 'gaps'; gaps: readonly { index: number; words: string }[]; font: string }
    /** Along the floor of the pane, in the colours of rise and fall. */
    | { kind: 'volume'; values: Float64Array; rose: (index: number) => boolean; down: string }
  )
