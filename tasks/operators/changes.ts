/** `GET operator/changes`: which integrations and tasks have changed, as it happens (server-sent events). */
import { z } from 'zod'
import { pause } from '../../lib/abort.js'
import { type API, createAPI, eventStreamSchema, type StreamedEvent } from '../../lib/api.js'
import { OverloadedError } from '../database/turns.js'
import { type Changed, ChangeFeed } from './change-feed.js'
import { FOR_OPERATORS, type OperatorsOptions } from './operated.js'

/** Of what changes together is told together. */
const GATHERED_FOR_MS = 50
const BETWEEN_EVENTS_MS = 1000
/** Each holds a connection open. */
const MOST_WATCHERS = 100

export function createChangesAPI({ operated }: Pick<OperatorsOptions, 'operated'>): API {
  const feed = new ChangeFeed(operated)
  return createAPI({
    ...FOR_OPERATORS,
    name: 'changes',
    method: 'GET',
    streams: true,
    summary:
      'What changes, at most once a second: `changed` with the names of integrations, and the ids of at most 200 tasks. Whoever connects again asks anew, as nobody tells what changed meanwhile',
    params: z.strictObject({}),
    answer: eventStreamSchema,
    async callback({ signal }) {
      if (feed.watchers >= MOST_WATCHERS) throw new OverloadedError()
      return follow(feed, signal)
    },
  })
}

async function* follow(feed: ChangeFeed, signal: AbortSignal): AsyncGenerator<StreamedEvent> {
  const watch = feed.begin()
  try {
    while (!signal.aborted) {
      await watch.changed(signal)
      await pause(GATHERED_FOR_MS, signal)
      if (signal.aborted) return
      const data: Changed = watch.take()
      yield { event: 'changed', data }
      await pause(BETWEEN_EVENTS_MS, signal)
    }
  } finally {
    watch.end()
  }
}
