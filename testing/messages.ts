import type { OperatorRequest, ProcessorReport, RunReport, TaskRequest } from '../protocol/index.js'

/** Says whom a message is from, as main does when it has parsed one. */
export function withSender(message: RunReport | ProcessorReport | OperatorRequest): TaskRequest {
  if ('by' in message) return { ...message, from: 'operator' }
  return 'runId' in message ? { ...message, from: 'run' } : { ...message, from: 'processor' }
}
