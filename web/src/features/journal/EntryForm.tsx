import { useQuery } from '@tanstack/react-query'
import { useEffect, useId, useState } from 'react'
import { flushSync } from 'react-dom'

import { SeriesField } from '@/features/datasets/SeriesField'
import { capital } from '@/features/trade/words'
import { serverNow } from '@/lib/clock'
import { Button } from '@/ui/Button'
import { Choice, Field, focusFault } from '@/ui/Field'
import { Notice, ProblemNotice } from '@/ui/States'

import type { Draft } from './draft'
import { bodyOf, draftOf, draftProblem, emptyDraft, forgetDraft, keepDraft, keptDraft, resumed } from './draft'
import { PicturesField } from './PicturesField'
import type { Entry, Mood } from './queries'
import { labelsQuery } from './queries'
import { TagsField } from './TagsField'
import { ThrowAway } from './ThrowAway'
import { TradeField } from './TradeField'
import { sendingProblem, useSending } from './useSending'
import { useSave } from './useWrite'
import { MOODS } from './words'

const RATINGS = ['1', '2', '3', '4', '5']

/** Writes an entry or changes one. What is typed is kept until it is saved or thrown away. */
export function EntryForm({
  entry = null,
  given = {},
  onSaved,
  onCancel,
}: {
  entry?: Entry | null
  given?: Partial<Draft>
  onSaved: (saved: Entry) => void
  onCancel: () => void
}) {
  const id = entry?.id ?? ''
  const textId = useId()
  const setupsId = useId()
  const labels = useQuery(labelsQuery).data
  const [kept] = useState(() => keptDraft(id))
  const fresh = () => (entry ? draftOf(entry) : emptyDraft(serverNow(), given))
  const [begun, setBegun] = useState<Draft>(() => (kept ? (entry ? kept : resumed(kept, given)) : fresh()))
  const [draft, setDraft] = useState(begun)
  const [restored, setRestored] = useState(kept !== null)
  const [tried, setTried] = useState(false)
  const { save, conflict } = useSave(entry, (saved) => {
    forgetDraft(id)
    onSaved(saved)
  })
  const change = (part: Partial<Draft> | ((old: Draft) => Partial<Draft>)) =>
    setDraft((old) => ({ ...old, ...(typeof part === 'function' ? part(old) : part) }))
  const sender = useSending((image) => change((old) => ({ images: [...old.images, image] })))
  const problem = draftProblem(draft) ?? sendingProblem(sender.all)
  const written = draft !== begun || restored || sender.all.length > 0
  useEffect(() => {
    if (draft !== begun) keepDraft(id, draft)
  }, [id, draft, begun])

  function beginAnew() {
    const anew = fresh()
    forgetDraft(id)
    sender.dropAll()
    setBegun(anew)
    setDraft(anew)
    setRestored(false)
  }
  function throwAway() {
    forgetDraft(id)
    onCancel()
  }
  function submit(anyway = false) {
    setTried(true)
    if (problem === null && !save.isPending) save.mutate({ body: bodyOf(draft), read: draft.version, anyway })
  }

  return (
    <form
      aria-label={entry ? 'Change the entry' : 'New entry'}
      noValidate
      className="flex max-w-[720px] flex-col gap-6"
      onSubmit={(event) => {
        event.preventDefault()
        flushSync(() => submit())
        focusFault(event.currentTarget)
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
        event.preventDefault()
        const typedIn = event.currentTarget
        // Not before a tag that is still being typed is taken.
        setTimeout(() => typedIn.requestSubmit())
      }}
    >
      {restored && (
        <Notice>
          This is what you had written before.{' '}
          <button type="button" className="min-h-6 underline underline-offset-4" onClick={beginAnew}>
            Begin anew
          </button>
        </Notice>
      )}
      <Field
        label="Title"
        required
        autoFocus
        maxLength={160}
        autoComplete="off"
        value={draft.title}
        error={tried && !draft.title.trim() ? 'Give it a title.' : undefined}
        onChange={(event) => change({ title: event.target.value })}
      />
      <div>
        <label htmlFor={textId} className="mb-1.5 block text-sm text-muted">
          Text
        </label>
        <textarea
          id={textId}
          rows={7}
          maxLength={20_000}
          value={draft.text}
          onChange={(event) => change({ text: event.target.value })}
          className="w-full rounded-control border border-edge bg-canvas px-3 py-2 text-ink"
        />
      </div>
      <div className="grid gap-x-4 gap-y-6 sm:grid-cols-2">
        <SeriesField label="Market" optional value={draft.series} onChange={(series) => change({ series })} />
        <Field
          label="When (UTC)"
          type="datetime-local"
          step={1}
          required
          value={draft.at}
          onChange={(event) => change({ at: event.target.value })}
        />
        <div>
          <Field
            label="Setup"
            autoComplete="off"
            maxLength={60}
            list={setupsId}
            placeholder="Range break"
            value={draft.setup}
            onChange={(event) => change({ setup: event.target.value })}
          />
          <datalist id={setupsId}>
            {labels?.setups.map((each) => (
              <option key={each.name} value={each.name} />
            ))}
          </datalist>
        </div>
        <TagsField
          tags={draft.tags}
          known={labels?.tags.map((each) => each.name) ?? []}
          onChange={(tags) => change({ tags })}
        />
        <Choice
          label="Mood"
          value={draft.mood}
          onChange={(event) => change({ mood: event.target.value as Mood | '' })}
          options={[{ value: '', label: 'None' }, ...MOODS.map((mood) => ({ value: mood, label: capital(mood) }))]}
        />
        <Choice
          label="How well it was done"
          value={draft.rating}
          onChange={(event) => change({ rating: event.target.value })}
          options={[
            { value: '', label: 'Not rated' },
            ...RATINGS.map((rating) => ({ value: rating, label: `${rating} of 5` })),
          ]}
        />
      </div>
      <TradeField draft={draft} onChange={change} />
      <PicturesField
        images={draft.images}
        sender={sender}
        onRemove={(gone) => change((old) => ({ images: old.images.filter((image) => image.id !== gone) }))}
      />
      {tried && problem && (
        <p role="alert" className="text-error">
          {problem}
        </p>
      )}
      {save.error && <ProblemNotice error={save.error} />}
      <div className="flex flex-wrap gap-3">
        <Button type="submit" kind="primary" busy={save.isPending}>
          Save
        </Button>
        {conflict && <Button onClick={() => submit(true)}>Save mine all the same</Button>}
        <ThrowAway written={written} onThrow={throwAway} />
      </div>
    </form>
  )
}
