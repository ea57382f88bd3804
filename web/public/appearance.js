// Runs before the first paint, so that a chosen theme never flashes. The same keys as src/lib/appearance.ts.
;(function () {
  var root = document.documentElement
  var chosen = {}
  try {
    chosen = JSON.parse(localStorage.getItem('holdfast.appearance') || '{}')
  } catch {
    // An unreadable choice is no choice.
  }
  var dark = matchMedia('(prefers-color-scheme: dark)').matches
  root.dataset.theme = chosen.theme === 'dark' || (chosen.theme !== 'light' && dark) ? 'dark' : 'light'
  root.dataset.palette = chosen.palette || 'clear'
  root.dataset.density = chosen.density || 'comfortable'
})()
