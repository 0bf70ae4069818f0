// The order on the screen and what each step's mark is.
export const order = ['document', 'face', 'finger', 'consent', 'send']

// mark is done, now, todo or failed for step s of the visit.
export function mark(s, visit) {
  if (!visit) return 'todo'
  if (visit.step === 'done') return 'done'
  if (visit.step === 'refused' || visit.step === 'abandoned') {
    const reached = reachedBy(visit)
    if (order.indexOf(s) < order.indexOf(reached)) return 'done'
    return s === reached ? 'failed' : 'todo'
  }
  const at = order.indexOf(visit.step)
  const i = order.indexOf(s)
  return i < at ? 'done' : i === at ? 'now' : 'todo'
}

// reachedBy is the step at which an ended visit stood, seen from what it holds.
export function reachedBy(visit) {
  if (!visit.document || visit.document.pa.state === 'failed') return 'document'
  if (!faceDone(visit)) return 'face'
  if (!visit.fingers.length || !visit.fingers.every(settled)) return 'finger'
  return visit.consent ? 'send' : 'consent'
}

// settled says that a finger has passed, or that a supervisor allowed to leave it out.
export function settled(f) {
  return !!f.decision?.pass || !!f.exception
}

// faceDone tells whether the machine, or the officer in its doubt, took the face
// for the portrait's.
export function faceDone(visit) {
  return !!(visit.face?.pass || visit.face_attested)
}

// nextFinger is the position to scan next, undefined when all are settled.
export function nextFinger(visit) {
  return visit.fingers.find((f) => !settled(f))
}

export function hasDetails(visit) {
  const contact = visit.contacts.phone || visit.contacts.email || visit.guardian?.phone
  return !!contact && (!visit.needs_guardian || !!visit.guardian) && (!visit.needs_residence || !!visit.residence)
}
