/** A thread that makes an empty database for PGLite. Plain JavaScript, so that it needs no loader. */
import { workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'

const database = new PGlite(workerData)
// From its next start. By default it takes 128 MB at once; the files are in the system's memory, too.
await database.query("ALTER SYSTEM SET shared_buffers = '16MB'")
await database.close()
