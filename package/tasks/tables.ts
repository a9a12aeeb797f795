/** Tables, times and durations for people. */
import { duration as inUnits } from '../../main-component/console/page/words.js'
import { printable, styled, type Terminal } from './terminal.js'

const WIDEST = 48

const STYLES: Record<string, Parameters<typeof styled>[1]> = {
  completed: 'green',
  failed: 'red',
  cancelled: 'gray',
  processing: 'cyan',
  queued: 'blue',
}

/** Left-aligned columns, the last one as wide as it is. Cells may be anything that was written by others. */
export function table(terminal: Terminal, head: string[], rows: string[][]): string {
  const cells = rows.map((row) => row.map((cell, index) => shortened(printable(cell), index === head.length - 1)))
  const widths = head.map((title, index) => Math.max(title.length, ...cells.map((row) => (row[index] ?? '').length)))
  const line = (row: string[], style: (cell: string) => Parameters<typeof styled>[1]) =>
    row
      .map((cell, index) => {
        const padding = index === row.length - 1 ? '' : ' '.repeat((widths[index] ?? 0) - cell.length + 2)
        return styled(terminal, style(cell), cell) + padding
      })
      .join('')
      .trimEnd()
  return [line(head, () => 'bold'), ...cells.map((row) => line(row, (cell) => STYLES[cell]))].join('\n')
}

function shortened(text: string, isLast: boolean): string {
  return text.length > WIDEST && !isLast ? `${text.slice(0, WIDEST - 1)}…` : text
}

/** `90` is `1 min 30 s`; none is `-`. */
export function duration(seconds: number | null | undefined): string {
  return seconds === null || seconds === undefined ? '-' : inUnits(seconds)
}

/** In the reader's time zone. */
export function time(unixSeconds: number | null): string {
  if (unixSeconds === null) return '-'
  const date = new Date(1000 * unixSeconds)
  const two = (part: number) => String(part).padStart(2, '0')
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`
}

export function ago(unixSeconds: number | null, now = Date.now() / 1000): string {
  return unixSeconds === null ? '-' : duration(now - unixSeconds)
}
