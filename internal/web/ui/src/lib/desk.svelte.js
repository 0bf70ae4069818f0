// The screen's only state: what the daemon said last. Actions answer with the
// visit; events bring the visit, progress and prompts in between.
import { get, post } from './api.js'

export const desk = $state({
  session: 'opening', // opening, open, missing, halted
  halted: null, // why the desk does not begin
  online: false,
  lost: false, // the daemon has been away for some seconds
  info: null,
  visit: null,
  seen: false, // the first view has come
  pending: '', // the action that this screen waits for
  failure: null, // of the last action
  progress: null, // {step, share, text}
  prompt: null, // {step, text, position, nth}
  queue: [],
  queueFailed: false,
  devices: [],
  overview: null, // alarms, link, seal keys, keys; null where the daemon has none
  token: null, // the officer's signature token; null at a desk without one
  tokenGone: null, // why it cannot be asked
  tokenFailure: null, // of the last PIN
  asksPIN: false, // the dialog is open
  dismissed: '', // a finished visit that the officer has left
})

export function finished(visit) {
  return ['done', 'refused', 'abandoned'].includes(visit?.step)
}

// current is the visit on the screen: none after a finished one was left.
export function current() {
  const v = desk.visit
  return v && !(finished(v) && desk.dismissed === v.id) ? v : null
}

// busy names what runs now, on this screen or (after a reload) in the daemon.
export function busy() {
  return desk.pending || desk.visit?.busy || ''
}

// act runs one action; true when it went well. Abandon may cut in on another.
export async function act(action, body = {}) {
  if (desk.pending && action !== 'abandon') return false
  const mine = action
  desk.pending = mine
  desk.failure = null
  try {
    let answer = await post('/api/' + action, body)
    if (answer.status === 401) {
      // Nothing was done: the daemon was started again and does not know us yet.
      if (await renewed()) answer = await post('/api/' + action, body)
      else desk.session = 'missing'
    }
    if (answer.visit !== undefined) setVisit(answer.visit)
    desk.failure = answer.failure
    if (answer.failure?.code === 'E-PIN-NEEDED') desk.asksPIN = true
    return !answer.failure
  } finally {
    if (desk.pending === mine) desk.pending = ''
    desk.progress = null
    desk.prompt = null
  }
}

function setVisit(visit) {
  if (visit?.step !== desk.visit?.step || visit?.id !== desk.visit?.id) desk.failure = null
  if (!visit?.busy) {
    desk.progress = null
    desk.prompt = null
  }
  desk.visit = visit
  desk.seen = true
}

function take(event) {
  switch (event.kind) {
    case 'visit':
      setVisit(event.visit ?? null)
      break
    case 'progress':
      desk.progress = event
      break
    case 'prompt':
      desk.prompt = event
      break
    case 'queue':
      refreshQueue()
      refreshOverview()
      break
    case 'devices':
      refreshDevices()
      refreshOfficer()
      break
    case 'officer':
      refreshOfficer()
      break
  }
}

export async function refreshQueue() {
  const answer = await get('/api/queue')
  desk.queueFailed = !answer.rows
  if (answer.rows) desk.queue = answer.rows
}

export async function refreshDevices() {
  const answer = await get('/api/devices')
  if (answer.devices) desk.devices = answer.devices
}

export async function refreshOverview() {
  const answer = await get('/api/overview')
  if (answer.alarms) desk.overview = answer
}

export async function refreshOfficer() {
  const answer = await get('/api/officer')
  if (answer.status !== 200) return
  desk.token = answer.token
  desk.tokenGone = answer.failure
}

// unlock hands the PIN on; true when the token is open. The PIN is kept nowhere.
export async function unlock(pin, lastTry) {
  return tokenAction('/api/unlock', { pin, last_try: lastTry })
}

// lock ends the officer's shift.
export async function lock() {
  return tokenAction('/api/lock', {})
}

async function tokenAction(path, body) {
  const answer = await post(path, body)
  if (answer.token !== undefined) desk.token = answer.token
  desk.tokenFailure = answer.failure
  if (!answer.failure && desk.failure?.code === 'E-PIN-NEEDED') desk.failure = null
  return !answer.failure
}

// open trades the token of the address for a session, then listens. It returns
// what to call when the screen goes.
export async function open() {
  const token = /token=([\w-]+)/.exec(location.hash)?.[1]
  if (token) {
    const answer = await post('/api/session', { token })
    if (!answer.error) history.replaceState(null, '', location.pathname) // kept where the desk does not begin yet
  }
  let info = await get('/api/desk')
  if (info.status === 401 && (await renewed())) info = await get('/api/desk')
  if (halts(info)) return
  if (info.status === 401) {
    desk.session = 'missing'
    return
  }
  desk.info = info
  desk.session = 'open'
  listen()
  refreshQueue()
  refreshDevices()
  refreshOverview()
  await refreshOfficer()
  if (desk.token && !desk.token.unlocked) desk.asksPIN = true // a shift begins with the PIN
  setInterval(refreshQueue, 2000)
  setInterval(refreshDevices, 4000)
  setInterval(refreshOverview, 5000)
}

// renewed says that the session goes on: the daemon was started again and takes
// the cookie of before (once), or another window of this browser was quicker.
async function renewed() {
  const answer = await post('/api/session/renew', {})
  return answer.status === 204 || (await get('/api/desk')).status === 200
}

// halts shows why a desk does not begin, and looks again after a while.
function halts(info) {
  if (info.status !== 503 || !info.error) return false
  desk.session = 'halted'
  desk.halted = info.error
  desk.lost = false
  clearTimeout(losing)
  setTimeout(rejoin, 3000)
  return true
}

// rejoin goes on with a daemon that was away. Another version has another screen.
async function rejoin() {
  let info = await get('/api/desk')
  if (halts(info)) return
  if (desk.session === 'halted' && info.status !== 0) {
    location.reload()
    return
  }
  if (info.status === 401) {
    if (!(await renewed())) {
      desk.session = 'missing'
      return
    }
    info = await get('/api/desk')
  }
  if (info.status !== 200) {
    setTimeout(rejoin, 1000)
    return
  }
  if (info.version !== desk.info?.version) {
    location.reload()
    return
  }
  desk.info = info
  listen()
  refreshQueue()
  refreshDevices()
  refreshOverview()
  await refreshOfficer()
  if (desk.token && !desk.token.unlocked) desk.asksPIN = true // its lock ended with the daemon
}

const lostAfter = 3000
let losing = null

function setOnline(on) {
  desk.online = on
  if (on) {
    clearTimeout(losing)
    losing = null
    desk.lost = false
  } else losing ??= setTimeout(() => (desk.lost = true), lostAfter)
}

function listen() {
  const source = new EventSource('/api/events')
  source.onopen = () => setOnline(true)
  source.onmessage = (m) => take(JSON.parse(m.data))
  source.onerror = () => {
    setOnline(false)
    if (source.readyState === EventSource.CLOSED) rejoin() // else it tries again by itself
  }
}
