declare module 'fs-native-extensions' {
  /** Takes an exclusive lock that belongs to the opened file, or answers false where somebody has it. */
  export function tryLock(fd: number): boolean
}
