/**
 * What workflows do for traces. It is bundled with all of them, and does nothing in a run that was started outside of
 * any: it takes the trace along to activities, and says when the run has ended. The spans are made outside of the
 * sandbox (`tracing.ts`). It awaits nothing and takes no random numbers, so runs are the same with and without a trace.
 */
import type { Headers } from '@temporalio/common'
import {
  ApplicationFailure,
  ContinueAsNew,
  proxySinks,
  type Sinks,
  type WorkflowInterceptors,
} from '@temporalio/workflow'
import { traceHeader, traceparentIn } from './trace-header.js'

/** A run that has ended. */
export interface EndedRun {
  /** Of what started it. */
  traceparent: string
  startMs: number
  /** The code of its failure. */
  failure?: string
}

export interface RunSinks extends Sinks {
  runs: { ended(run: EndedRun): void }
}

const { runs } = proxySinks<RunSinks>()

export const interceptors = (): WorkflowInterceptors => {
  let trace: Headers = {}
  let logged: { traceId?: string } = {}
  const traced = <T extends { headers: Headers }>(input: T): T => ({
    ...input,
    headers: { ...input.headers, ...trace },
  })
  return {
    inbound: [
      {
        execute(input, next) {
          const traceparent = traceparentIn(input.headers)
          if (traceparent === undefined) return next(input)
          trace = traceHeader(traceparent)
          logged = { traceId: traceparent.slice(3, 35) }
          const run = { traceparent, startMs: Date.now() }
          const result = next(input)
          result.then(
            () => runs.ended(run),
            (error: unknown) => runs.ended({ ...run, ...failureOf(error) }),
          )
          return result
        },
      },
    ],
    outbound: [
      {
        scheduleActivity: (input, next) => next(traced(input)),
        scheduleLocalActivity: (input, next) => next(traced(input)),
        continueAsNew: (input, next) => next(traced(input)),
        getLogAttributes: (input, next) => next({ ...input, ...logged }),
      },
    ],
  }
}

function failureOf(error: unknown): { failure?: string } {
  if (error instanceof ContinueAsNew) return {}
  if (error instanceof ApplicationFailure && error.type) return { failure: error.type }
  return { failure: error instanceof Error ? error.name : 'thrown' }
}
