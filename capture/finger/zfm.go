// Package finger drives fingerprint scanners. ZFM drives the serial family of
// R503, R30x, ZFM-20 and AS608, which differ in image size, resolution and
// speed: numbers of their profile.
package finger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"github.com/enrold/enrold/hw/profile"
	"github.com/enrold/enrold/hw/serial"
	"github.com/enrold/enrold/internal/eid"
)

// Limits are the times that concern the person.
type Limits struct {
	Place time.Duration // until a finger must be there
	Lift  time.Duration // until it must be gone again
}

// DefaultLimits suit a person who is told what to do.
var DefaultLimits = Limits{Place: 20 * time.Second, Lift: 10 * time.Second}

// ZFM is one open scanner. It belongs to one goroutine.
type ZFM struct {
	link    link
	tune    profile.Serial
	device  string // for the sample: profile and system identifier
	limits  Limits
	log     *slog.Logger
	baud    int
	system  uint16
	held    bool // the last finger was not lifted in time
	answer  time.Duration
	prepare struct{ init, place, lift [][]byte }
}

// probe is how long one look for the device at one speed takes at most. A
// module answers VfyPwd within some 20 ms.
const probe = 150 * time.Millisecond

// longestImage is more than the largest image takes at the slowest usual speed
// (36,864 bytes at 19200 baud).
const longestImage = 25 * time.Second

// Open finds the scanner behind port, whatever speed it was left at, and
// brings it to the wanted speed (the first of the profile) and packet size. The
// caller keeps the port and closes it.
//
// Errors: eid.CodeNoScanner when nothing answers, eid.CodeScanner when the
// device refuses.
func Open(ctx context.Context, port Port, p profile.Profile, limits Limits, log *slog.Logger) (*ZFM, error) {
	const op = "open scanner"
	if p.Driver != "zfm" || p.Serial == nil {
		return nil, eid.Fail(eid.CodeNoScanner, op, fmt.Errorf("profile %s is not of this driver", p.Name))
	}
	z := &ZFM{link: link{port: port}, tune: *p.Serial, limits: limits, log: log}
	z.link.dec.address = z.tune.Address
	z.answer = time.Duration(z.tune.AnswerMS) * time.Millisecond
	for _, s := range []struct {
		steps []profile.Step
		to    *[][]byte
	}{{z.tune.Init, &z.prepare.init}, {z.tune.Place, &z.prepare.place}, {z.tune.Lift, &z.prepare.lift}} {
		payloads, err := profile.Payloads(s.steps)
		if err != nil {
			return nil, eid.Fail(eid.CodeScanner, op, err)
		}
		*s.to = payloads
	}
	if err := z.find(ctx); err != nil {
		return nil, fail(op, err)
	}
	if err := z.configure(ctx); err != nil {
		return nil, fail(op, err)
	}
	z.device = fmt.Sprintf("%s/%04x", p.Name, z.system)
	if err := z.send(ctx, z.prepare.init); err != nil {
		return nil, fail(op, err)
	}
	return z, nil
}

// Device names the scanner: profile and system identifier code.
func (z *ZFM) Device() string { return z.device }

// Baud is the speed agreed on.
func (z *ZFM) Baud() int { return z.baud }

// find tries the profile's speeds until the device acknowledges its password.
// Each speed gets two tries: the first may meet the rest of a cut packet.
func (z *ZFM) find(ctx context.Context) error {
	if err := z.link.settle(ctx, longestImage); err != nil {
		return err
	}
	for try := range 2 {
		for _, baud := range z.tune.Bauds {
			if err := z.link.setBaud(baud); err != nil {
				return err
			}
			err := z.verify(ctx, probe)
			if err == nil {
				z.baud = baud
				return nil
			}
			if _, refused := errors.AsType[*refusal](err); refused {
				return err
			}
			if !errors.Is(err, errNoAnswer) {
				return err
			}
			z.log.Debug("scanner silent", "baud", baud, "try", try)
		}
	}
	return errNoAnswer
}

func (z *ZFM) verify(ctx context.Context, timeout time.Duration) error {
	content := binary.BigEndian.AppendUint32([]byte{insVfyPwd}, z.tune.Password)
	_, err := z.link.command(ctx, timeout, content...)
	return err
}

// configure reads the system parameters and changes what differs from the
// profile: the module keeps them in flash, which is not worn out needlessly.
func (z *ZFM) configure(ctx context.Context) error {
	para, err := z.link.command(ctx, z.answer, insReadSysPara)
	if err != nil {
		return err
	}
	if len(para) < 16 {
		return fmt.Errorf("system parameters: %d bytes, want 16", len(para))
	}
	z.system = binary.BigEndian.Uint16(para[2:])
	size := binary.BigEndian.Uint16(para[12:])
	if want := slices.Index([]int{32, 64, 128, 256}, z.tune.PacketSize); want >= 0 && int(size) != want {
		if _, err := z.link.command(ctx, z.answer, insSetSysPara, paraPacketSize, byte(want)); err != nil {
			return err
		}
	}
	return z.raise(ctx)
}

// raise moves both sides to the profile's first speed. The manual has the
// acknowledgement come at the old speed; some modules send it at the new one,
// so that silence is not yet a failure. When the device does not follow, both
// stay where they were.
func (z *ZFM) raise(ctx context.Context) error {
	want := z.tune.Bauds[0]
	if z.baud == want {
		return nil
	}
	_, err := z.link.command(ctx, z.answer, insSetSysPara, paraBaud, byte(want/9600))
	if r, refused := errors.AsType[*refusal](err); refused {
		z.log.Warn("scanner refuses the wanted speed", "baud", want, "code", int(r.code))
		return nil
	}
	if err != nil && !errors.Is(err, errNoAnswer) {
		return err
	}
	for _, baud := range []int{want, z.baud, want} {
		if err := z.link.setBaud(baud); err != nil {
			return err
		}
		err := z.verify(ctx, probe)
		if err == nil {
			z.baud = baud
			return nil
		}
		if !errors.Is(err, errNoAnswer) {
			return err
		}
	}
	return errNoAnswer
}

// send gives the profile's steps to the device; it may refuse them.
func (z *ZFM) send(ctx context.Context, payloads [][]byte) error {
	for _, p := range payloads {
		_, err := z.link.command(ctx, z.answer, p...)
		if r, refused := errors.AsType[*refusal](err); refused {
			z.log.Debug("scanner refuses a step of its profile", "instruction", int(r.instruction), "code", int(r.code))
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fail gives an error its code; codes already there and the caller's own
// cancelling pass.
func fail(op string, err error) error {
	if _, coded := errors.AsType[*eid.Error](err); coded {
		return err
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", op, err)
	case errors.Is(err, serial.ErrBusy):
		return eid.Fail(eid.CodeDeviceBusy, op, err)
	case errors.Is(err, serial.ErrUnplugged), errors.Is(err, serial.ErrClosed), errors.Is(err, fs.ErrNotExist), errors.Is(err, errNoAnswer):
		return eid.Fail(eid.CodeNoScanner, op, err)
	}
	return eid.Fail(eid.CodeScanner, op, err)
}

// Fail classifies an error of opening a port as the driver does its own.
func Fail(op string, err error) error { return fail(op, err) }
