import { NativeConnection } from '@temporalio/worker'
import { unlessAborted } from '../lib/abort.js'
import type { TemporalSecurity } from '../lib/temporal-client.js'
import { TemporalUnavailableError } from './errors.js'

/**
 * The workers' connection. An attempt takes up to 30 s and cannot be aborted: on abort it goes on in the background,
 * and its connection is closed.
 *
 * @throws TemporalUnavailableError; the signal's reason when aborted
 */
export async function workerConnection(
  address: string,
  security: TemporalSecurity,
  signal: AbortSignal,
): Promise<NativeConnection> {
  signal.throwIfAborted()
  const connecting = NativeConnection.connect({ address, ...security })
  try {
    return await unlessAborted(connecting, signal)
  } catch (cause) {
    if (!signal.aborted) throw new TemporalUnavailableError(`Temporal at ${address} cannot be reached`, { cause })
    connecting.then((late) => late.close()).catch(() => undefined)
    throw cause
  }
}
