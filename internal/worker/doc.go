// Package worker keeps the C and C++ libraries out of the daemon: it runs
// `enrold worker NAME` as a child of the same binary, speaks a small framed
// protocol with it over an inherited socket, restarts it when it dies and turns
// its death into a device error.
//
// The child side is [Serve] with a table of handlers; the daemon side is
// [Supervisor], whose Call returns *eid.Error codes unchanged from the child and
// eid.CodeDeviceRestarted when the child died during the call.
//
// Wire: each message is a 4-byte big-endian length (at most [MaxMessage]) and a
// CBOR map. A call has an id; the child answers with any number of progress
// messages and one result; a cancel message ends a call early; a closed socket
// ends the child.
package worker
