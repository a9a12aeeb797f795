/** Times in the reader's zone. The exact one is in the title, and for programs in `datetime`. */
import { html } from 'htm/preact'
import { useEffect, useState } from 'preact/hooks'
import { duration } from './words.js'

const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' })
const short = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})

/** One clock for all ages that are shown. */
const ticked = new Set<() => void>()
setInterval(() => {
  if (!document.hidden) for (const tick of ticked) tick()
}, 1000)

/** Unix seconds, each second anew. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now() / 1000)
  useEffect(() => {
    const tick = () => setNow(Date.now() / 1000)
    ticked.add(tick)
    return () => {
      ticked.delete(tick)
    }
  }, [])
  return now
}

interface Shown {
  /** Unix seconds. */
  at: number | null | undefined
  /** In the largest unit alone. */
  isRough?: boolean
}

/** The time itself. */
export function At({ at }: Shown) {
  return shown(at, (date) => short.format(date))
}

/** How long ago it was, or in how long it will be. */
export function Ago({ at, isRough = false }: Shown) {
  const now = useNow()
  return shown(at, () => {
    const seconds = now - (at ?? now)
    return seconds < -0.5
      ? `in ${duration(-seconds, isRough)}`
      : `${duration(Math.floor(Math.max(0, seconds)), isRough)} ago`
  })
}

/** For how long it has been so. */
export function Since({ at, isRough = false }: Shown) {
  const now = useNow()
  return shown(at, () => duration(Math.floor(Math.max(0, now - (at ?? now))), isRough))
}

function shown(at: number | null | undefined, words: (date: Date) => string) {
  if (at === null || at === undefined) return '–'
  const date = new Date(1000 * at)
  if (Number.isNaN(date.getTime())) return '–'
  return html`<time datetime=${date.toISOString()} title=${`${exact.format(date)} (${date.toISOString()})`}>${words(date)}</time>`
}
