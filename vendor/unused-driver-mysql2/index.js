/** interaqt/drivers imports this driver; this application never opens it, so it is not installed. */
function unused() {
  throw new Error('mysql2 is not part of this application: use PGLite or PostgreSQL')
}

export const createConnection = unused
export const createPool = unused
export default { createConnection, createPool }
