/** Stored histories: what is kept of a recorded one, and where. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { History } from '@temporalio/common/lib/proto-utils.js'
import protobuf from '@temporalio/proto'

// Not the SDK's `historyToJSON`, which fails where a package manager has installed protobufjs more than once.
const { History: Histories } = protobuf.temporal.api.history.v1
const HISTORIES_DIR = fileURLToPath(new URL('histories', import.meta.url))

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

export interface StoredHistory {
  workflowId: string
  events: Json[]
}

/** The stored histories, as `<integration>/<path>`. */
export async function listHistories(): Promise<string[]> {
  const files = await readdir(HISTORIES_DIR, { recursive: true })
  return files
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.replace(/\.json$/, ''))
    .sort()
}

export async function readHistory(name: string): Promise<StoredHistory> {
  return JSON.parse(await readFile(fileOf(name), 'utf8')) as StoredHistory
}

/** As the SDK replays it. */
export function toHistory({ events }: StoredHistory): History {
  return Histories.fromObject({ events })
}

/** Stores a history, with one event a line, so that a change of it is readable. */
export async function writeHistory(name: string, { workflowId, events }: StoredHistory): Promise<void> {
  const lines = events.map((event) => JSON.stringify(event))
  await mkdir(dirname(fileOf(name)), { recursive: true })
  await writeFile(fileOf(name), `{"workflowId": ${JSON.stringify(workflowId)}, "events": [\n${lines.join(',\n')}\n]}\n`)
}

function fileOf(name: string): string {
  return join(HISTORIES_DIR, `${name}.json`)
}

/** What belongs to the machine that recorded, and what takes its place. */
export type Replacements = Array<[machines: string, stored: string]>

/** Fields that no replay needs, and that tell of the machine that recorded, or only make the file longer. */
const LEFT_OUT = new Set(['stackTrace', 'binaryChecksum', 'workerVersion', 'buildId', 'requestId', 'taskId'])

/** A history as it is stored: with nothing in it that is the recording machine's. */
export function toStored(workflowId: string, history: History, replacements: Replacements): StoredHistory {
  const replace = (text: string) => replacements.reduce((done, [from, to]) => done.replaceAll(from, to), text)
  const scrub = (value: Json, key?: string): Json => {
    if (key === 'identity') return 'recorder'
    // What was sent as an argument or a result: JSON in base64.
    if (key === 'data' && typeof value === 'string') {
      const [before, after] = [decode(value), replace(decode(value))]
      return after === before ? value : encode(after)
    }
    if (typeof value === 'string') return replace(value)
    if (Array.isArray(value)) return value.map((one) => scrub(one))
    if (value === null || typeof value !== 'object') return value
    const kept = Object.entries(value).filter(([name, field]) => !LEFT_OUT.has(name) && !isEmpty(field))
    return Object.fromEntries(kept.map(([name, field]) => [name, scrub(field, name)]))
  }
  const asJson = { longs: String, enums: String, bytes: String }
  const { events } = Histories.toObject(Histories.fromObject(history), asJson) as { events: Json[] }
  return { workflowId: replace(workflowId), events: events.map((event) => scrub(event)) }
}

/** Everything that a history says, its arguments and results decoded: for looking for what must not be there. */
export function readable({ workflowId, events }: StoredHistory): string {
  return readableOf({ workflowId, events })
}

function readableOf(value: Json, key?: string): string {
  if (key === 'data' && typeof value === 'string') return `${decode(value)}\n`
  if (value === null || typeof value !== 'object') return `${value}\n`
  return Object.entries(value)
    .map(([name, field]) => `${name} ${readableOf(field, name)}`)
    .join('')
}

function isEmpty(value: Json): boolean {
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0)
}

const decode = (base64: string) => Buffer.from(base64, 'base64').toString('utf8')
const encode = (text: string) => Buffer.from(text, 'utf8').toString('base64')
