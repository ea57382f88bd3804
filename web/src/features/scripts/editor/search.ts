/** Find and replace, in a panel above the text. */
import type { SearchQuery as Query } from '@codemirror/search'
import {
  closeSearchPanel,
  findNext,
  findPrevious,
  getSearchQuery,
  gotoLine,
  replaceAll,
  replaceNext,
  search,
  SearchQuery,
  searchKeymap,
  setSearchQuery,
} from '@codemirror/search'
import type { EditorState, Extension } from '@codemirror/state'
import type { Command, Panel, ViewUpdate, EditorView } from '@codemirror/view'
import { keymap, runScopeHandlers } from '@codemirror/view'

/** More than this nobody counts. */
const MOST = 999

export const finding: Extension = [
  search({ top: true, createPanel: (view) => new FindPanel(view) }),
  keymap.of(searchKeymap.filter(({ run }) => run !== gotoLine)),
]

/** "3 of 12": which match is selected, of how many. */
export function matchWords(state: EditorState, query: Query): string {
  if (!query.search) return ''
  if (!query.valid) return 'Not a pattern'
  const { from, to } = state.selection.main
  let [count, at] = [0, 0]
  const matches = query.getCursor(state)
  for (let match = matches.next(); !match.done && count <= MOST; match = matches.next()) {
    count += 1
    if (match.value.from === from && match.value.to === to) at = count
  }
  if (count === 0) return 'Nothing found'
  const all = count > MOST ? `more than ${MOST}` : String(count)
  return at > 0 ? `${at} of ${all}` : `${all} found`
}

class FindPanel implements Panel {
  readonly dom = document.createElement('div')
  readonly top = true
  private readonly find = field('Find')
  private readonly replace = field('Replace with')
  private readonly told = document.createElement('span')
  private readonly isExact = choice('Match case')
  private readonly isWord = choice('Whole words')
  private readonly isPattern = choice('Regex')

  constructor(private readonly view: EditorView) {
    this.dom.className = 'hf-find'
    this.dom.setAttribute('role', 'search')
    this.dom.setAttribute('aria-label', 'Find and replace')
    this.find.setAttribute('main-field', 'true')
    this.told.className = 'hf-found'
    const found = [
      this.button('↑', findPrevious, 'Previous match'),
      this.button('↓', findNext, 'Next match'),
      this.button('×', closeSearchPanel, 'Close the search'),
    ]
    this.dom.append(row(this.find, this.told, ...found))
    if (!view.state.readOnly) {
      const changes = [this.button('Replace', replaceNext), this.button('Replace all', replaceAll)]
      this.dom.append(row(this.replace, ...changes))
    }
    this.dom.append(row(...[this.isExact, this.isWord, this.isPattern].map(({ label }) => label)))
    this.dom.addEventListener('input', () => this.commit())
    this.dom.addEventListener('keydown', (event) => this.onKey(event))
    this.show(getSearchQuery(view.state))
  }

  mount(): void {
    this.find.select()
  }

  update(update: ViewUpdate): void {
    const asked = update.transactions.some(({ effects }) => effects.some((effect) => effect.is(setSearchQuery)))
    if (asked) this.show(getSearchQuery(update.state))
    else if (update.docChanged || update.selectionSet) this.tell(getSearchQuery(update.state))
  }

  private show(query: Query): void {
    for (const [input, text] of [
      [this.find, query.search],
      [this.replace, query.replace],
    ] as const) {
      if (input.value !== text) input.value = text
    }
    this.isExact.box.checked = query.caseSensitive
    this.isWord.box.checked = query.wholeWord
    this.isPattern.box.checked = query.regexp
    this.tell(query)
  }

  private tell(query: Query): void {
    this.told.textContent = matchWords(this.view.state, query)
    this.find.setAttribute('aria-invalid', String(query.search !== '' && !query.valid))
  }

  private commit(): void {
    const query = new SearchQuery({
      search: this.find.value,
      replace: this.replace.value,
      caseSensitive: this.isExact.box.checked,
      wholeWord: this.isWord.box.checked,
      regexp: this.isPattern.box.checked,
    })
    if (!query.eq(getSearchQuery(this.view.state))) this.view.dispatch({ effects: setSearchQuery.of(query) })
  }

  private onKey(event: KeyboardEvent): void {
    const isEnter = event.key === 'Enter' && (event.target === this.find || event.target === this.replace)
    if (isEnter) {
      const goOn = event.shiftKey ? findPrevious : findNext
      const run = event.target === this.find ? goOn : replaceNext
      run(this.view)
    }
    if (isEnter || runScopeHandlers(this.view, event, 'search-panel')) event.preventDefault()
  }

  private button(words: string, run: Command, label = words): HTMLButtonElement {
    const made = document.createElement('button')
    made.type = 'button'
    made.textContent = words
    made.title = label
    made.setAttribute('aria-label', label)
    made.addEventListener('click', () => run(this.view))
    return made
  }
}

function row(...parts: HTMLElement[]): HTMLElement {
  const made = document.createElement('div')
  made.append(...parts)
  return made
}

function field(label: string): HTMLInputElement {
  const made = document.createElement('input')
  made.type = 'text'
  made.placeholder = label
  made.autocomplete = 'off'
  made.spellcheck = false
  made.autocapitalize = 'off'
  made.setAttribute('aria-label', label)
  return made
}

function choice(words: string): { label: HTMLElement; box: HTMLInputElement } {
  const label = document.createElement('label')
  const box = document.createElement('input')
  box.type = 'checkbox'
  label.append(box, words)
  return { label, box }
}
