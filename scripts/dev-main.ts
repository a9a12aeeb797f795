/** `npm run dev:main`: main alone, on the address that the configuration gives, started again when a source changes. */
import { runReloading } from './dev/run-reloading.js'

await runReloading('main', 'startMain.ts', process.env)
process.exit(0)
