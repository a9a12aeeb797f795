/** Why main could not start or serve. `retryable` tells whether a retry may work a moment later. */
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
      | 'PORT_IN_USE'
      | 'NO_AUTHENTICATION',
    message: string,
    readonly retryable: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** A request's credentials are missing or invalid: it is answered 401 with this message. */
export class InvalidCredentialsError extends Error {
  override readonly name = 'InvalidCredentialsError'
  readonly code = 'CREDENTIALS_INVALID'
  readonly retryable = false
}

/** The service that checks credentials does not answer: 503, as they may be valid. */
export class AuthenticationUnavailableError extends Error {
  override readonly name = 'AuthenticationUnavailableError'
  readonly code = 'AUTHENTICATION_UNAVAILABLE'
  readonly retryable = true
}
