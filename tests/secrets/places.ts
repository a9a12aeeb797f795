/** Where secrets could have got to, as texts to look through. */
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import type { Client } from '@temporalio/client'
import { type Place, readable } from '@/testing/scanner.js'
import type { Query } from '@/tools/chaos/witnesses/database.js'

/**
 * Everything that Temporal keeps of every workflow: its history with payloads decoded, memo, search attributes.
 */
export async function* workflows(client: Client): AsyncGenerator<Place> {
  for await (const { workflowId, runId, raw } of client.workflow.list()) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory()
    yield { where: `workflow ${workflowId}`, text: [workflowId, readable(raw), readable(history)].join('\n') }
  }
}

/** Every row of every table of a PostgreSQL database. */
export async function* tableRows(query: Query): AsyncGenerator<Place> {
  const tables = await query<{ name: string }>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'",
  )
  for (const { name } of tables) {
    for (const { row } of await query<{ row: string }>(`SELECT t::text AS row FROM "${name}" t`)) {
      yield { where: `table ${name}`, text: row }
    }
  }
}

/** Every line of log files. */
export async function* logLines(files: readonly string[]): AsyncGenerator<Place> {
  for (const file of files) {
    for await (const text of createInterface({ input: createReadStream(file) })) {
      yield { where: `log ${basename(file)}`, text }
    }
  }
}

type AskInit = Omit<RequestInit, 'headers'> & { headers?: Record<string, string> }

function textOf(response: Response): Promise<string> {
  return response.text().catch((cause) => {
    throw new Error(`the answer of ${response.url} does not end`, { cause })
  })
}

/** An answer: its status, its headers and its body, each of which may tell too much. A redirection is not followed. */
export async function answer(url: string | URL, init: AskInit = {}): Promise<Place & { status: number }> {
  const response = await fetch(url, {
    redirect: 'manual',
    signal: AbortSignal.timeout(60_000),
    ...init,
    // A connection each: one that is kept alive may be closed just when it is used again.
    headers: { ...init.headers, connection: 'close' },
  }).catch((cause) => {
    throw new Error(`no answer to ${init.method ?? 'GET'} ${url}`, { cause })
  })
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`)
  return {
    where: `the answer to ${init.method ?? 'GET'} ${url}`,
    text: [response.statusText, ...headers, await textOf(response)].join('\n'),
    status: response.status,
  }
}
