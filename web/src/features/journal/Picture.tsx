import { useQuery } from '@tanstack/react-query'
import { ImageOff } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'

import { Dialog } from '@/ui/Dialog'
import { Skeleton } from '@/ui/States'

import type { Image } from './queries'
import { pictureQuery } from './queries'

export function Picture({ image, alt, className }: { image: Image; alt: string; className: string }) {
  const { data, error } = useQuery(pictureQuery(image.id))
  const shown = useRef<HTMLImageElement>(null)
  useEffect(() => {
    if (!data || !shown.current) return
    // An address of this page that lives as long as the picture is shown.
    const url = URL.createObjectURL(data)
    shown.current.src = url
    return () => URL.revokeObjectURL(url)
  }, [data])
  if (error) {
    return (
      <span className="grid size-full place-items-center text-muted">
        <ImageOff aria-hidden className="size-5" />
        <span className="sr-only">{alt}: cannot be shown</span>
      </span>
    )
  }
  if (!data) return <Skeleton className="size-full" />
  return <img ref={shown} alt={alt} width={image.width} height={image.height} className={className} />
}

/** Small ones in a row; one of them opens large. */
export function Pictures({ images, title }: { images: Image[]; title: string }) {
  const [open, setOpen] = useState<number | null>(null)
  const shown = open === null ? undefined : images[open]
  if (images.length === 0) return null
  return (
    <>
      <ul aria-label="Pictures" className="mt-4 flex flex-wrap gap-3">
        {images.map((image, place) => (
          <li key={image.id}>
            <button
              type="button"
              onClick={() => setOpen(place)}
              aria-label={`Enlarge picture ${place + 1} of ${title}`}
              className="h-24 w-36 overflow-hidden rounded-control border border-hairline bg-surface"
            >
              <Picture image={image} alt="" className="size-full object-cover" />
            </button>
          </li>
        ))}
      </ul>
      {shown && (
        <Dialog open onOpenChange={() => setOpen(null)} title={`Picture ${(open ?? 0) + 1} of ${images.length}`} wide>
          <Picture image={shown} alt={`Picture of ${title}`} className="mx-auto max-h-[70dvh] w-auto object-contain" />
        </Dialog>
      )}
    </>
  )
}
