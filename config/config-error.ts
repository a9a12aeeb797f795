/** One mistake in the configuration. */
export interface ConfigProblem {
  /** Where: `components.main.port`. Empty for the configuration as a whole. */
  path: string
  /** What is wrong. Never the value itself: it may be a secret. */
  message: string
  /** What to do about it. */
  remedy: string
}

/** The configuration cannot be used. Lists every mistake at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'CONFIG_INVALID'
  readonly retryable = false

  constructor(
    readonly mode: string,
    readonly problems: ConfigProblem[],
    options?: ErrorOptions,
  ) {
    const lines = problems.map(
      ({ path, message, remedy }) => `  - ${[path, message].filter(Boolean).join(': ')}. ${remedy}`,
    )
    super(`The configuration (mode ${mode}) has ${problems.length} problem(s):\n${lines.join('\n')}`, options)
    // The process prints this and exits: a stack trace helps nobody who has to correct a file.
    this.stack = `${this.name} [${this.code}]: ${this.message}`
  }
}
