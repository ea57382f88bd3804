// Fails when what every visitor must load, or the chart, outgrows its budget. Run after `vite build`.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const KB = 1024
const BUDGETS = { entry: 150 * KB, chart: 60 * KB, workspace: 103 * KB, editor: 165 * KB, equity: 32 * KB }

const manifest = JSON.parse(readFileSync('dist/.vite/manifest.json', 'utf8'))
const size = (file) => gzipSync(readFileSync(`dist/${file}`)).length

function staticFiles(key, seen = new Set()) {
  const chunk = manifest[key]
  if (seen.has(chunk.file)) return seen
  seen.add(chunk.file)
  for (const each of chunk.imports ?? []) staticFiles(each, seen)
  return seen
}

const total = (files) => [...files].reduce((sum, file) => sum + size(file), 0)
const entry = staticFiles('index.html')
/** What a lazy page brings besides the entry, which is there already. */
const lazy = (key) => [...staticFiles(key)].filter((file) => !entry.has(file))

const sizes = {
  entry: total(entry),
  chart: total(lazy('src/features/indices/LevelChart.tsx')),
  workspace: total(lazy('src/features/chart/ChartPage.tsx')),
  editor: total(lazy('src/features/scripts/editor/CodeEditor.tsx')),
  equity: total(lazy('src/features/backtests/EquityChart.tsx')),
}

for (const [name, limit] of Object.entries(BUDGETS)) {
  const report = `${name}: ${Math.round(sizes[name] / KB)} of ${limit / KB} kB gzip`
  if (sizes[name] > limit) {
    console.error(`${report}: too big`)
    process.exitCode = 1
  } else console.log(report)
}
