// Package tpm keeps a desk's secrets in its TPM 2.0: keys that sign and never
// leave the chip ([TPM.Key]), small secrets that only this chip opens again
// ([TPM.Sealer]) and a number that only grows ([TPM.Counter]).
//
// Everything hangs from the storage root key under the owner hierarchy, at the
// handle that TCG's provisioning guidance gives it; keys are files in a folder
// of the desk, useless without the chip. They stand in the format of
// "TSS 2.0 TPM key" files, which OpenSSL's TPM provider reads too.
//
// Failures carry codes: E-TPM-ABSENT, E-TPM-LOCKOUT, E-TPM-CLEARED (the chip is
// there, but not the one, or not in the state, that made our keys), E-DEVICE-KEY
// and E-TPM for the rest.
package tpm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"github.com/enrold/enrold/internal/eid"
)

// rootHandle is where TCG TPM v2.0 Provisioning Guidance §7.8 keeps the storage root key.
const rootHandle = tpm2.TPMHandle(0x81000001)

// A chip that is busy with itself answers with a warning: TPM 2.0 Library Part 2 §6.6.
const (
	retryFirst  = 5 * time.Millisecond
	retryWithin = 10 * time.Second
)

// TPM is one chip. Its methods may be called from any goroutine; commands go
// one after the other.
type TPM struct {
	path string
	dir  string // of key files

	mu   sync.Mutex
	chip transport.TPMCloser
	root *root // nil until needed
}

// root is the storage root key.
type root struct {
	name   tpm2.TPM2BName
	public tpm2.TPMTPublic
}

// Open connects to the chip at path (a device such as /dev/tpmrm0, or a unix
// socket) and makes sure that it answers. Key files are in dir.
func Open(ctx context.Context, path, dir string) (*TPM, error) {
	const op = "open TPM"
	chip, err := open(path)
	if err != nil {
		return nil, fail(op, err)
	}
	t := &TPM{path: path, dir: dir, chip: chip}
	if _, err := t.Info(ctx); err != nil {
		return nil, errors.Join(err, chip.Close())
	}
	return t, nil
}

// Close lets go of the chip.
func (t *TPM) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.chip.Close()
}

// Info is what the chip says of itself.
type Info struct {
	Manufacturer string `json:"manufacturer"` // of TCG's vendor id registry: "IFX", "STM", "INTC"
	Vendor       string `json:"vendor"`
	Emulated     bool   `json:"emulated"` // a TPM in software
	InLockout    bool   `json:"in_lockout"`
	Failures     int    `json:"failures"`     // wrong authorizations counted against the lockout
	MaxFailures  int    `json:"max_failures"` // before lockout
}

// Info asks the chip.
func (t *TPM) Info(ctx context.Context) (Info, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var in Info
	for _, group := range []tpm2.TPMPT{tpm2.TPMPTManufacturer, tpm2.TPMPTPermanent} {
		answer, err := run(ctx, func() (*tpm2.GetCapabilityResponse, error) {
			return tpm2.GetCapability{Capability: tpm2.TPMCapTPMProperties, Property: uint32(group), PropertyCount: 32}.Execute(t.chip)
		})
		if err != nil {
			return Info{}, fail("ask TPM", err)
		}
		list, err := answer.CapabilityData.Data.TPMProperties()
		if err != nil {
			return Info{}, fail("ask TPM", err)
		}
		for _, p := range list.TPMProperty {
			in.take(p.Property, p.Value)
		}
	}
	in.Vendor = strings.TrimSpace(in.Vendor)
	// swtpm's libtpms calls itself "SW   TPM", Microsoft's reference simulator "xCG fTPM".
	in.Emulated = strings.HasPrefix(in.Vendor, "SW ") || strings.HasPrefix(in.Vendor, "xCG")
	return in, nil
}

func (in *Info) take(property tpm2.TPMPT, value uint32) {
	text := strings.TrimRight(string(binary.BigEndian.AppendUint32(nil, value)), "\x00 ")
	switch property {
	case tpm2.TPMPTManufacturer:
		in.Manufacturer = text
	case tpm2.TPMPTVendorString1, tpm2.TPMPTVendorString2, tpm2.TPMPTVendorString3, tpm2.TPMPTVendorString4:
		in.Vendor += string(binary.BigEndian.AppendUint32(nil, value))
		in.Vendor = strings.TrimRight(in.Vendor, "\x00")
	case tpm2.TPMPTPermanent:
		in.InLockout = value&(1<<9) != 0 // Part 2 §8.6: TPMA_PERMANENT.inLockout
	case tpm2.TPMPTLockoutCounter:
		in.Failures = int(value)
	case tpm2.TPMPTMaxAuthFail:
		in.MaxFailures = int(value)
	}
}

// ensureRoot finds the storage root key or makes it. The caller holds the mutex.
func (t *TPM) ensureRoot(ctx context.Context) (*root, error) {
	if t.root != nil {
		return t.root, nil
	}
	found, err := run(ctx, func() (*tpm2.ReadPublicResponse, error) {
		return tpm2.ReadPublic{ObjectHandle: rootHandle}.Execute(t.chip)
	})
	if errors.Is(err, tpm2.TPMRCHandle) {
		if err := t.makeRoot(ctx); err != nil {
			return nil, err
		}
		found, err = run(ctx, func() (*tpm2.ReadPublicResponse, error) {
			return tpm2.ReadPublic{ObjectHandle: rootHandle}.Execute(t.chip)
		})
	}
	if err != nil {
		return nil, err
	}
	public, err := found.OutPublic.Contents()
	if err != nil {
		return nil, err
	}
	t.root = &root{name: found.Name, public: *public}
	return t.root, nil
}

// makeRoot makes the storage root key by TCG's template, so that the same chip
// gives every program the same key, and keeps it across restarts.
func (t *TPM) makeRoot(ctx context.Context) error {
	made, err := run(ctx, func() (*tpm2.CreatePrimaryResponse, error) {
		return tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHOwner, InPublic: tpm2.New2B(tpm2.ECCSRKTemplate)}.Execute(t.chip)
	})
	if err != nil {
		return fmt.Errorf("make storage root key: %w", err)
	}
	defer t.flush(made.ObjectHandle)
	_, err = run(ctx, func() (*tpm2.EvictControlResponse, error) {
		return tpm2.EvictControl{
			Auth:             tpm2.TPMRHOwner,
			ObjectHandle:     &tpm2.NamedHandle{Handle: made.ObjectHandle, Name: made.Name},
			PersistentHandle: rootHandle,
		}.Execute(t.chip)
	})
	if err != nil {
		return fmt.Errorf("keep storage root key: %w", err)
	}
	return nil
}

// parent is the root key as parent of an object.
func (r *root) parent(s tpm2.Session) tpm2.AuthHandle {
	return tpm2.AuthHandle{Handle: rootHandle, Name: r.name, Auth: s}
}

// load brings an object into the chip; the caller flushes it. An object that
// another chip made, or this one before it was cleared, fails the integrity
// check of its parent.
func (t *TPM) load(ctx context.Context, r *root, b blob) (*tpm2.NamedHandle, error) {
	loaded, err := run(ctx, func() (*tpm2.LoadResponse, error) {
		return tpm2.Load{ParentHandle: r.parent(tpm2.PasswordAuth(nil)), InPrivate: b.private, InPublic: b.public}.Execute(t.chip)
	})
	if errors.Is(err, tpm2.TPMRCIntegrity) {
		return nil, fmt.Errorf("%w: %w", errForeign, err)
	}
	if errors.Is(err, tpm2.TPMRCHandle) { // cleared while we ran: the root key went
		t.root = nil
	}
	if err != nil {
		return nil, err
	}
	return &tpm2.NamedHandle{Handle: loaded.ObjectHandle, Name: loaded.Name}, nil
}

// flush forgets a loaded object. That it cannot costs a slot until the chip's
// next start, which the resource manager of /dev/tpmrm0 gives back earlier.
func (t *TPM) flush(h tpm2.TPMHandle) { _, _ = tpm2.FlushContext{FlushHandle: h}.Execute(t.chip) }

// errForeign says that the chip did not make an object.
var errForeign = errors.New("made by another TPM, or by this one before it was cleared")

// run repeats a command while the chip is busy with itself.
func run[R any](ctx context.Context, command func() (*R, error)) (*R, error) {
	wait := retryFirst
	for end := time.Now().Add(retryWithin); ; wait *= 2 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		answer, err := command()
		busy := errors.Is(err, tpm2.TPMRCRetry) || errors.Is(err, tpm2.TPMRCNVRate) || errors.Is(err, tpm2.TPMRCTesting) || errors.Is(err, tpm2.TPMRCYielded)
		if !busy || time.Now().Add(wait).After(end) {
			return answer, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// fail gives a failure its code.
func fail(op string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", op, err)
	}
	code := eid.CodeTPM
	_, network := errors.AsType[*net.OpError](err)
	_, path := errors.AsType[*fs.PathError](err)
	switch {
	case errors.Is(err, errForeign), errors.Is(err, tpm2.TPMRCHandle): // what we made is not there
		code = eid.CodeTPMCleared
	case errors.Is(err, tpm2.TPMRCLockout):
		code = eid.CodeTPMLockout
	case network || path || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		code = eid.CodeTPMAbsent
	}
	return eid.Fail(code, op, err)
}
