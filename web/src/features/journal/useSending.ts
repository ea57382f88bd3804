import { useEffect, useRef, useState } from 'react'

import { problemWords } from '@/api/problem'
import { randomKey } from '@/lib/ids'

import { isPicture, MOST_PICTURES, sendPicture } from './pictures'
import type { Image } from './queries'

/** A picture on its way, or one that was refused (`problem`). */
export interface Sending {
  key: string
  file: File
  problem: string | null
}

/** Sends pictures at once, one after the other: the server takes only a few together. */
export function useSending(onSent: (image: Image) => void) {
  const [all, setAll] = useState<Sending[]>([])
  const [leftOut, setLeftOut] = useState<string | null>(null)
  const wanted = useRef(new Set<string>())
  useEffect(() => {
    const keys = wanted.current
    return () => keys.clear()
  }, [])

  async function send({ key, file }: Sending) {
    setAll((old) => old.map((each) => (each.key === key ? { ...each, problem: null } : each)))
    try {
      const image = await sendPicture(file, key)
      if (!wanted.current.has(key)) return
      onSent(image)
      drop(key)
    } catch (error) {
      const problem = problemWords(error)
      setAll((old) => old.map((each) => (each.key === key ? { ...each, problem } : each)))
    }
  }

  /** As many as there is `room` for; what is left out is said. */
  async function take(files: File[], room: number) {
    const pictures = files.filter(isPicture)
    const fitting = Math.max(room - all.length, 0)
    const taken = pictures.slice(0, fitting).map((file) => ({ key: randomKey(), file, problem: null }))
    setLeftOut(
      leftOutWords(
        files.filter((file) => !isPicture(file)),
        pictures.slice(fitting),
      ),
    )
    for (const { key } of taken) wanted.current.add(key)
    setAll((old) => [...old, ...taken])
    for (const each of taken) if (wanted.current.has(each.key)) await send(each)
  }

  function drop(key: string) {
    wanted.current.delete(key)
    setAll((old) => old.filter((each) => each.key !== key))
  }

  function dropAll() {
    wanted.current.clear()
    setAll([])
    setLeftOut(null)
  }

  return { all, leftOut, send, take, drop, dropAll }
}

export type Sender = ReturnType<typeof useSending>

/** What keeps an entry from being saved without a picture it was given. */
export function sendingProblem(all: Sending[]): string | null {
  if (all.some((each) => each.problem === null)) return 'A picture is still on its way.'
  return all.length > 0 ? 'A picture was not sent. Try again, or leave it out.' : null
}

function leftOutWords(strange: File[], tooMany: File[]): string | null {
  const said = [
    strange.length > 0 && `No pictures, left out: ${names(strange)}.`,
    tooMany.length > 0 && `An entry has at most ${MOST_PICTURES} pictures, left out: ${names(tooMany)}.`,
  ].filter(Boolean)
  return said.length > 0 ? said.join(' ') : null
}

const names = (files: File[]) => files.map((file) => file.name).join(', ')
