// Where the keyboard is: the next action has the focus at each step.

// focusNow puts the focus on node when it appears, without scrolling the page.
export function focusNow(node) {
  node.focus({ preventScroll: true })
}

// focusStep gives the focus to the step's action when a dialog that has closed
// left it nowhere.
export function focusStep() {
  setTimeout(() => {
    if (document.activeElement === document.body) document.querySelector('#main [data-action]')?.focus()
  })
}

// focusOn focuses node each time its key changes to something true.
export function focusOn(node, key) {
  let last = null
  const update = (k) => {
    if (k && k !== last) node.focus({ preventScroll: false })
    last = k
  }
  update(key)
  return { update }
}
