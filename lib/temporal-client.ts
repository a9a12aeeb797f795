/** Temporal client without the native core; workers have their own connection file. */
import { Connection } from '@temporalio/client'
import { type ClientConnectConfig, loadClientConnectConfig } from '@temporalio/envconfig'
import { followingSignal } from './abort.js'

/** The security settings that all Temporal connections share. */
export type TemporalSecurity = Pick<ClientConnectConfig['connectionOptions'], 'tls' | 'apiKey' | 'metadata'>

export interface TemporalTarget {
  address: string
  namespace: string
  security: TemporalSecurity
}

/**
 * Where Temporal is. The usual `TEMPORAL_*` variables and Temporal's profile file take precedence over the
 * application's configuration: address, namespace, TLS, API key, gRPC metadata.
 */
export function temporalTarget(
  configured: { address: string; namespace: string },
  env: NodeJS.ProcessEnv = process.env,
): TemporalTarget {
  const overrideEnvVars = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined))
  const { namespace, connectionOptions } = loadClientConnectConfig({
    overrideEnvVars: overrideEnvVars as Record<string, string>,
  })
  const { address, tls, apiKey, metadata } = connectionOptions
  return {
    address: address ?? configured.address,
    namespace: namespace ?? configured.namespace,
    security: { tls, apiKey, metadata },
  }
}

/**
 * A client's connection. It connects on first use, honours deadlines, and does not retry: the caller knows better what
 * a failure means.
 */
export function clientConnection(address: string, security: TemporalSecurity = {}): Connection {
  return Connection.lazy({ address, ...security, interceptors: [] })
}

/** Runs a Temporal call with a deadline, linked to the abort signal. */
export async function bounded<T>(
  connection: Connection,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
  call: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const { controller, release } = followingSignal(signal)
  try {
    const deadline = Date.now() + timeoutMs
    return await connection.withDeadline(deadline, () => connection.withAbortSignal(controller.signal, call))
  } finally {
    release()
  }
}
