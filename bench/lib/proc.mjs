// What /proc knows about a process: CPU time, context switches, memory, descriptors.
import { readdirSync, readFileSync } from 'node:fs'

const TICKS_PER_SECOND = 100 // USER_HZ, fixed on Linux

/** User and system CPU seconds of all threads of the processes together. */
export function cpuSeconds(pids) {
  let ticks = 0
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks / TICKS_PER_SECOND
}

/** CPU ticks and context switches of each thread: { tid: { name, ticks, voluntary, involuntary } }. */
export function threads(pid) {
  const result = {}
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    const stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const status = readFileSync(`/proc/${pid}/task/${tid}/status`, 'latin1')
    result[tid] = {
      name: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')),
      ticks: Number(fields[11]) + Number(fields[12]),
      voluntary: Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)[1]),
      involuntary: Number(/^nonvoluntary_ctxt_switches:\s+(\d+)/m.exec(status)[1]),
    }
  }
  return result
}

export const descriptors = pid => readdirSync(`/proc/${pid}/fd`).length

/**
 * Private anonymous KiB in use, and the KiB of every shared segment that is mapped, by its inode: two processes that
 * map the same segment reserve it once.
 */
export function memory(pid) {
  let anonymous = 0
  const segments = new Map()
  let segment = null
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'latin1').split('\n')) {
    const header = /^[0-9a-f]+-[0-9a-f]+ \S{4} \S+ (\S+) (\d+)\s*(.*)$/.exec(line)
    if (header) {
      const shared = /^\/memfd:|^\/dev\/shm\/|^\/SYSV/.test(header[3])
      segment = shared ? `${header[1]}:${header[2]}` : null
    } else if (line.startsWith('Anonymous:')) {
      if (!segment) anonymous += Number(/\d+/.exec(line)[0])
    } else if (segment && line.startsWith('Size:')) {
      segments.set(segment, (segments.get(segment) ?? 0) + Number(/\d+/.exec(line)[0]))
    }
  }
  return { anonymous, segments }
}

/** KiB of shared memory that the whole machine has in use. */
export const systemSharedMemory = () => Number(/^Shmem:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'latin1'))[1])
