// Package web serves the officer's screen and the local API behind it, on a
// loopback address only. The screen (ui) is static; everything about a person
// goes through /api/, which needs the session token and refuses every request
// that a foreign page could have caused (guard.go).
//
// A client gets the token in the fragment of the address that the daemon prints
// (Server.URL): a fragment never reaches a log or a Referer header. The screen
// trades it for an HttpOnly cookie (POST /api/session); a native client sends
// it as "Authorization: Bearer". A browser that was open when the daemon was
// started again trades its old cookie for a new one (sessions.go).
//
// Answers: an action (POST) returns when it is done, with {"visit": view}, or
// with {"error": failure, "visit": view} and a status of 400 or above.
// /api/events pushes station.Event values, /api/preview the camera's frames.
package web
