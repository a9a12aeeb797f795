/** interaqt/drivers imports this driver; this application never opens it, so it is not compiled at install. */
export default class UnusedDriver {
  constructor() {
    throw new Error('better-sqlite3 is not part of this application: use PGLite or PostgreSQL')
  }
}
