// The screen's only state: what the daemon said last. Actions answer with the
// visit; events bring the visit, progress and prompts in between.
import { get, post } from './api.js'

export const desk = $state({
  session: 'opening', // opening, open, missing
  online: false,
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
    const answer = await post('/api/' + action, body)
    if (answer.status === 401) desk.session = 'missing'
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
    await post('/api/session', { token })
    history.replaceState(null, '', location.pathname)
  }
  const info = await get('/api/desk')
  if (info.status === 401) {
    desk.session = 'missing'
    return
  }
  desk.info = info
  desk.session = 'open'
  listen()
  refreshQueue()
  refreshDevices()
  await refreshOfficer()
  if (desk.token && !desk.token.unlocked) desk.asksPIN = true // a shift begins with the PIN
  setInterval(refreshQueue, 2000)
  setInterval(refreshDevices, 4000)
}

function listen() {
  const source = new EventSource('/api/events')
  source.onopen = () => (desk.online = true)
  source.onmessage = (m) => take(JSON.parse(m.data))
  source.onerror = async () => {
    desk.online = false
    if (source.readyState !== EventSource.CLOSED) return // it tries again by itself
    const answer = await get('/api/desk')
    if (answer.status === 401) desk.session = 'missing'
    else setTimeout(listen, 1000)
  }
}
