/** Why main could not start or serve. `retryable` tells whether the same may work a moment later. */
export class MainComponentError extends Error {
  override readonly name = 'MainComponentError'

  constructor(
    readonly code:
      | 'DATABASE_UNREACHABLE'
      | 'DATABASE_MISSING'
      | 'DATABASE_IN_USE'
      | 'DATABASE_FOLDER_UNUSABLE'
      | 'DISK_FULL'
      | 'MODEL_CHANGED'
      | 'INSTALL_FAILED'
      | 'PORT_IN_USE',
    message: string,
    readonly retryable: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
