import type { Client } from '@temporalio/client'

/** Everything that Temporal keeps of every workflow, as text: histories with their payloads decoded, memo, attributes. */
export async function exportHistories(client: Client): Promise<{ workflows: number; text: string }> {
  const texts: string[] = []
  for await (const { workflowId, runId, raw } of client.workflow.list()) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory()
    texts.push(workflowId, readable(raw), readable(history))
  }
  return { workflows: texts.length / 3, text: texts.join('\n') }
}

/** Every value in it, one a line, bytes as the text they hold: JSON would hide what is in a payload in base64. */
function readable(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8')
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.entries(value)
    .map(([key, inner]) => `${key}: ${readable(inner)}`)
    .join('\n')
}
