package intake

import (
	"crypto"
	"crypto/hpke"
	"errors"
	"fmt"
	"net/http"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake/vault"
	"github.com/enrold/enrold/sync/wire"
)

// verifier finds a desk's keys. What was accepted is decided although a key was
// revoked since; what comes now must be signed by keys that are not.
type verifier struct {
	desk    Desk
	revoked bool // admit revoked keys
}

// errKeys says that the central's own keys cannot be read.
var errKeys = errors.New("seal keys not readable")

var errNoKey = errors.New("key is not registered, or revoked")

func (v verifier) pick(desk string, k vault.Key, ok bool) (crypto.PublicKey, error) {
	if !ok || desk != v.desk.ID || !v.revoked && !k.Revoked.IsZero() {
		return nil, errNoKey
	}
	return k.Public, nil
}

// Device implements request.Verifier.
func (v verifier) Device(desk string, kid []byte) (crypto.PublicKey, error) {
	k, ok := v.desk.Device(kid)
	return v.pick(desk, k, ok)
}

// Officer implements request.Verifier.
func (v verifier) Officer(desk string, kid []byte) (crypto.PublicKey, error) {
	o, ok := v.desk.Officer(kid)
	return v.pick(desk, o.Key, ok)
}

// unseal opens and verifies the bytes as request id of desk.
func (in *Intake) unseal(desk Desk, id string, sealed []byte) (request.Body, error) {
	ident, err := request.ParseIdent(sealed)
	if err != nil || ident.Request != id || ident.Desk != desk.ID {
		return request.Body{}, refuse(http.StatusBadRequest, wire.ReasonMalformed)
	}
	body, by, err := in.openWith(verifier{desk: desk}, sealed)
	if errors.Is(err, request.ErrOtherKey) {
		return request.Body{}, refuse(http.StatusUnprocessableEntity, wire.ReasonOtherKey)
	}
	if errors.Is(err, errKeys) {
		return request.Body{}, err // nothing is known of the request: the desk tries again
	}
	if err != nil {
		return request.Body{}, refuse(http.StatusUnprocessableEntity, wire.ReasonNotAuthentic)
	}
	if err := approved(desk, body, by); err != nil {
		in.o.Log.Warn("request with an exception that nobody could allow", "desk", desk.ID, "error", err)
		return request.Body{}, refuse(http.StatusUnprocessableEntity, wire.ReasonException)
	}
	if !in.o.AcceptEmulated && (softwareKey(desk, by) || softwareSupervisor(desk, body) || emulated(body)) {
		return request.Body{}, refuse(http.StatusUnprocessableEntity, wire.ReasonOrigin)
	}
	return body, nil
}

// openWith tries the central's seal keys, the newest first, and those that were
// made since the start.
func (in *Intake) openWith(v verifier, sealed []byte) (body request.Body, by request.Signatures, err error) {
	body, by, err = openByAny(append([]hpke.PrivateKey{in.o.SealKey}, in.o.OlderKeys...), v, sealed)
	if !errors.Is(err, request.ErrOtherKey) || in.o.Keys == nil {
		return body, by, err
	}
	made, err := in.o.Keys()
	if err != nil {
		return body, by, fmt.Errorf("%w: %w", errKeys, err)
	}
	return openByAny(made, v, sealed)
}

func openByAny(keys []hpke.PrivateKey, v verifier, sealed []byte) (body request.Body, by request.Signatures, err error) {
	err = request.ErrOtherKey
	for _, key := range keys {
		if body, by, err = request.Open(key, v, sealed); !errors.Is(err, request.ErrOtherKey) {
			return body, by, err
		}
	}
	return body, by, err
}

// softwareKey says whether any signature was made by a key in a file, by its
// own word or by its enrolment's.
func softwareKey(desk Desk, by request.Signatures) bool {
	device, _ := desk.Device(by.Device.KeyID)
	if by.Device.Origin == request.KeySoftware || device.Origin == request.KeySoftware {
		return true
	}
	if by.Officer == nil {
		return false
	}
	officer, _ := desk.Officer(by.Officer.KeyID)
	return by.Officer.Origin == request.KeySoftware || officer.Origin == request.KeySoftware
}

// emulated says whether any part of the request did not come from a device.
func emulated(b request.Body) bool {
	chip := b.Request.Chip()
	other := chip == nil || chip.Origin != eid.OriginDevice
	for _, p := range b.Request.Portraits {
		other = other || p.Origin != eid.OriginDevice
	}
	for _, f := range b.Request.Fingers {
		other = other || f.Origin != eid.OriginDevice
	}
	return other
}
