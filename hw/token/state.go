package token

import (
	"errors"
	"strings"

	"github.com/miekg/pkcs11"

	"github.com/enrold/enrold/internal/eid"
)

// PIN is how a token's PIN stands: PKCS #11 v2.40 §3.2, CK_TOKEN_INFO flags.
// How many tries "low" means is the token's own; tokens may not tell at all.
type PIN string

const (
	PINFine   PIN = "fine"
	PINLow    PIN = "low"     // a wrong PIN was entered since the last right one
	PINFinal  PIN = "final"   // the next wrong PIN locks the token
	PINLocked PIN = "locked"  // who issued the token unlocks it
	PINNotSet PIN = "not_set" // the token was never given to an officer
)

// State of a token. It holds nothing secret.
type State struct {
	Label        string `json:"label" cbor:"label"`
	Serial       string `json:"serial" cbor:"serial"`
	Manufacturer string `json:"manufacturer" cbor:"manufacturer"`
	Model        string `json:"model" cbor:"model"`
	PIN          PIN    `json:"pin" cbor:"pin"`
	LoggedIn     bool   `json:"logged_in" cbor:"logged_in"`
	Key          []byte `json:"-" cbor:"key,omitempty"` // SubjectPublicKeyInfo; while logged in
}

func stateOf(info pkcs11.TokenInfo) State {
	text := func(s string) string { return strings.TrimRight(s, " \x00") }
	return State{
		Label: text(info.Label), Serial: text(info.SerialNumber), Manufacturer: text(info.ManufacturerID), Model: text(info.Model),
		PIN: pinOf(info.Flags),
	}
}

func pinOf(flags uint) PIN {
	switch {
	case flags&pkcs11.CKF_USER_PIN_LOCKED != 0:
		return PINLocked
	case flags&pkcs11.CKF_USER_PIN_FINAL_TRY != 0:
		return PINFinal
	case flags&pkcs11.CKF_USER_PIN_COUNT_LOW != 0:
		return PINLow
	case flags&pkcs11.CKF_USER_PIN_INITIALIZED == 0:
		return PINNotSet
	}
	return PINFine
}

// failure is the code of a wrong PIN after which the token stands so.
func (p PIN) failure() eid.Code {
	switch p {
	case PINLocked:
		return eid.CodePINLocked
	case PINFinal:
		return eid.CodePINFinal
	case PINLow:
		return eid.CodePINLow
	}
	return eid.CodePINWrong
}

// codes of PKCS#11 results; the rest is E-TOKEN.
var codes = map[pkcs11.Error]eid.Code{
	pkcs11.CKR_PIN_INCORRECT:            eid.CodePINWrong,
	pkcs11.CKR_PIN_INVALID:              eid.CodePINWrong,
	pkcs11.CKR_PIN_LEN_RANGE:            eid.CodePINWrong,
	pkcs11.CKR_PIN_LOCKED:               eid.CodePINLocked,
	pkcs11.CKR_USER_NOT_LOGGED_IN:       eid.CodePINNeeded,
	pkcs11.CKR_SESSION_HANDLE_INVALID:   eid.CodePINNeeded,
	pkcs11.CKR_SESSION_CLOSED:           eid.CodePINNeeded,
	pkcs11.CKR_TOKEN_NOT_PRESENT:        eid.CodeTokenAbsent,
	pkcs11.CKR_TOKEN_NOT_RECOGNIZED:     eid.CodeTokenAbsent,
	pkcs11.CKR_DEVICE_REMOVED:           eid.CodeTokenAbsent,
	pkcs11.CKR_SLOT_ID_INVALID:          eid.CodeTokenAbsent,
	pkcs11.CKR_KEY_HANDLE_INVALID:       eid.CodeTokenKey,
	pkcs11.CKR_KEY_TYPE_INCONSISTENT:    eid.CodeTokenKey,
	pkcs11.CKR_OBJECT_HANDLE_INVALID:    eid.CodeTokenKey,
	pkcs11.CKR_USER_PIN_NOT_INITIALIZED: eid.CodeToken,
}

func fail(op string, err error) error {
	if result, ok := errors.AsType[pkcs11.Error](err); ok {
		if code, ok := codes[result]; ok {
			return eid.Fail(code, op, result)
		}
		return eid.Fail(eid.CodeToken, op, result)
	}
	return eid.Fail(eid.CodeToken, op, err)
}
