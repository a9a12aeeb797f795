/** Reads what a page shows, and again when it has changed: at most once a second, and not while nobody looks. */
import { useCallback, useContext, useEffect, useRef, useState } from 'preact/hooks'
import type { AskError } from './asking.js'
import { Console } from './context.js'
import type { Changed } from './live.js'

const AT_MOST_EVERY_MS = 1000

export interface Loaded<Value> {
  /** The last one, also while the next is read, and if it cannot be read. */
  value: Value | undefined
  error: AskError | undefined
  reload(): void
}

export interface Loading<Value> {
  load(signal: AbortSignal): Promise<Value>
  /** Names what is loaded: with another key it is read at once, and the value before is forgotten. */
  key: string
  /** Whether it may show something of this. */
  concerns(changed: Changed): boolean
  /** Also without a change: ages grow by themselves. */
  everyMs?: number
}

export function useLoaded<Value>({ load, key, concerns, everyMs }: Loading<Value>): Loaded<Value> {
  const { live } = useContext(Console)
  const [state, setState] = useState<{ key: string; value?: Value; error?: AskError | undefined }>({ key })
  const latest = useRef({ load, concerns })
  latest.current = { load, concerns }
  const reloadNow = useRef(() => {})

  useEffect(() => {
    const abort = new AbortController()
    let [isDue, isLoading, begunAt] = [false, false, Number.NEGATIVE_INFINITY]
    let timer: ReturnType<typeof setTimeout> | undefined

    const read = async () => {
      isDue = false
      isLoading = true
      begunAt = performance.now()
      try {
        const value = await latest.current.load(abort.signal)
        if (!abort.signal.aborted) setState({ key, value })
      } catch (error) {
        if (!abort.signal.aborted)
          setState((before) => ({ ...(before.key === key ? before : { key }), error: error as AskError }))
      }
      isLoading = false
      if (isDue) due()
    }
    const due = () => {
      isDue = true
      if (isLoading || document.hidden || abort.signal.aborted) return
      clearTimeout(timer)
      timer = setTimeout(read, Math.max(0, begunAt + AT_MOST_EVERY_MS - performance.now()))
    }
    const seen = () => {
      if (isDue) due()
    }
    reloadNow.current = due
    const stop = live.listen((changed) => {
      if (!changed || latest.current.concerns(changed)) due()
    })
    const every = everyMs === undefined ? undefined : setInterval(due, everyMs)
    document.addEventListener('visibilitychange', seen)
    void read()
    return () => {
      abort.abort()
      stop()
      clearTimeout(timer)
      clearInterval(every)
      document.removeEventListener('visibilitychange', seen)
    }
  }, [live, key, everyMs])

  const reload = useCallback(() => reloadNow.current(), [])
  const isOfKey = state.key === key
  return { value: isOfKey ? state.value : undefined, error: isOfKey ? state.error : undefined, reload }
}
