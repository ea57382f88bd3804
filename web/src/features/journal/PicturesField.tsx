import clsx from 'clsx'
import { ImagePlus, X } from 'lucide-react'
import { useEffectEvent, useEffect, useId, useState } from 'react'

import { Button } from '@/ui/Button'
import { Spinner } from '@/ui/Spinner'

import { Picture } from './Picture'
import { ACCEPTED, filesIn, isPicture, MOST_PICTURES } from './pictures'
import type { Image } from './queries'
import type { Sender } from './useSending'

/** Pictures by choosing, dropping or pasting; each is sent at once and waits for its entry to be saved. */
export function PicturesField({
  images,
  sender,
  onRemove,
}: {
  images: Image[]
  sender: Sender
  onRemove: (id: string) => void
}) {
  const id = useId()
  const [over, setOver] = useState(false)
  const room = MOST_PICTURES - images.length
  const full = room <= sender.all.length
  const take = (files: File[]) => void sender.take(files, room)

  const onPaste = useEffectEvent((event: ClipboardEvent) => {
    const found = filesIn(event.clipboardData).filter(isPicture)
    if (found.length === 0 || isTextFor(event.target, event.clipboardData)) return
    event.preventDefault()
    take(found)
  })
  useEffect(() => {
    const listen = (event: ClipboardEvent) => onPaste(event)
    window.addEventListener('paste', listen)
    return () => window.removeEventListener('paste', listen)
  }, [])

  return (
    <div
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault()
        setOver(false)
        take(filesIn(event.dataTransfer))
      }}
      className={clsx('rounded-card border border-dashed p-4', over ? 'border-ink bg-hover' : 'border-edge')}
    >
      <label
        htmlFor={id}
        className={clsx(
          'inline-flex h-11 items-center gap-2 rounded-control border border-hairline px-4 font-medium has-[:focus-visible]:outline-2',
          full ? 'opacity-40' : 'cursor-pointer hover:bg-hover',
        )}
      >
        <ImagePlus aria-hidden className="size-4" />
        Add pictures
        <input
          id={id}
          type="file"
          accept={ACCEPTED}
          multiple
          disabled={full}
          className="sr-only"
          onChange={(event) => {
            take([...(event.target.files ?? [])])
            event.target.value = ''
          }}
        />
      </label>
      <span className="ml-3 text-sm text-muted max-md:hidden">or paste or drop them here</span>
      <p className="mt-2 text-sm text-muted">
        PNG, JPEG or WebP, up to 5 MiB each. What a picture says of device, place and person is left out when it is
        kept.
      </p>
      {images.length > 0 && (
        <ul aria-label="Pictures of this entry" className="mt-3 flex flex-wrap gap-3">
          {images.map((image, place) => (
            <li key={image.id} className="relative h-24 w-36 overflow-hidden rounded-control border border-hairline">
              <Picture image={image} alt={`Picture ${place + 1}`} className="size-full object-cover" />
              <button
                type="button"
                aria-label={`Take picture ${place + 1} away`}
                onClick={() => onRemove(image.id)}
                className="absolute top-1 right-1 grid size-7 place-items-center rounded-full border border-hairline bg-canvas hover:bg-hover max-md:size-11"
              >
                <X aria-hidden className="size-4" />
              </button>
            </li>
          ))}
        </ul>
      )}
      {sender.leftOut && (
        <p role="alert" className="mt-3 text-sm break-words text-error">
          {sender.leftOut}
        </p>
      )}
      <ul aria-label="Pictures on their way" className="mt-3 space-y-2 empty:hidden">
        {sender.all.map((each) => (
          <li key={each.key} className="flex flex-wrap items-center gap-x-3 gap-y-2 text-sm">
            {each.problem === null ? (
              <>
                <Spinner /> <span role="status">Sending {each.file.name}</span>
              </>
            ) : (
              <>
                <span role="alert" className="min-w-0 break-words text-error">
                  {each.file.name}: {each.problem}
                </span>
                <Button size="small" onClick={() => void sender.send(each)}>
                  Try again
                </Button>
              </>
            )}
            <Button size="small" kind="quiet" onClick={() => sender.drop(each.key)}>
              Leave it out
            </Button>
          </li>
        ))}
      </ul>
    </div>
  )
}

/** Office programs put a picture beside the text they copy: in a field the text is meant. */
function isTextFor(target: EventTarget | null, data: DataTransfer | null): boolean {
  const field = target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement
  return field && data?.types.includes('text/plain') === true
}
