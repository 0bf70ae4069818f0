package finger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// Prompts of Capture.
const (
	PromptPlace = "place"
	PromptLift  = "lift"
)

// Capture asks for a finger, waits for it, fetches its image and waits until
// it is lifted. prompt is called with PromptPlace and PromptLift; its error
// ends the capture. The sample has no position, quality or origin: the caller
// knows those. Waited holds the person's share of the time, to place and to
// lift.
//
// Errors: eid.CodeNoFinger after Limits.Place, eid.CodeNoScanner when the
// device is gone, eid.CodeScanner when it fails.
func (z *ZFM) Capture(ctx context.Context, prompt func(string) error) (eid.FingerSample, error) {
	const op = "capture finger"
	if z.held {
		if err := prompt(PromptLift); err != nil {
			return eid.FingerSample{}, err
		}
		if _, err := z.awaitLift(ctx); err != nil {
			return eid.FingerSample{}, fail(op, err)
		}
		if z.held {
			return eid.FingerSample{}, eid.Fail(eid.CodeScanner, op, errors.New("the finger of the last capture was not lifted"))
		}
	}
	if err := prompt(PromptPlace); err != nil {
		return eid.FingerSample{}, err
	}
	if err := z.send(ctx, z.prepare.place); err != nil {
		return eid.FingerSample{}, fail(op, err)
	}
	waited, err := z.awaitFinger(ctx)
	if err != nil {
		return eid.FingerSample{}, fail(op, err)
	}
	taken := time.Now()
	pixels, err := z.fetch(ctx)
	if err != nil {
		return eid.FingerSample{}, fail(op, err)
	}
	if err := z.send(ctx, z.prepare.lift); err != nil {
		return eid.FingerSample{}, fail(op, err)
	}
	if err := prompt(PromptLift); err != nil {
		return eid.FingerSample{}, err
	}
	lifting, err := z.awaitLift(ctx)
	if err != nil {
		return eid.FingerSample{}, fail(op, err)
	}
	return eid.FingerSample{
		Pixels: pixels, Width: z.tune.Width, Height: z.tune.Height, DPI: z.tune.DPI,
		Device: z.device, Taken: taken.UTC(), Waited: waited + lifting,
	}, nil
}

// awaitFinger polls until the device has an image and returns how long no
// finger was there. An image that failed (a finger still moving) is no end.
func (z *ZFM) awaitFinger(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	for {
		look := time.Now()
		there, err := z.look(ctx)
		if err != nil {
			return 0, err
		}
		if there {
			return look.Sub(start), nil
		}
		if time.Since(start) > z.limits.Place {
			return 0, eid.Fail(eid.CodeNoFinger, "wait for finger", nil)
		}
		if err := z.pause(ctx); err != nil {
			return 0, err
		}
	}
}

// awaitLift polls until the finger is gone. When it stays, held is set and the
// next capture asks again: the image already taken is as good.
func (z *ZFM) awaitLift(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	for time.Since(start) <= z.limits.Lift {
		_, err := z.link.command(ctx, z.answer, insGenImg)
		if r, refused := errors.AsType[*refusal](err); refused && r.code == codeNoFinger {
			z.held = false
			return time.Since(start), nil
		} else if err != nil && !refused {
			return 0, err
		}
		if err := z.pause(ctx); err != nil {
			return 0, err
		}
	}
	z.held = true
	return time.Since(start), nil
}

// look asks the device once for an image.
func (z *ZFM) look(ctx context.Context) (bool, error) {
	_, err := z.link.command(ctx, z.answer, insGenImg)
	if err == nil {
		return true, nil
	}
	if r, refused := errors.AsType[*refusal](err); refused && (r.code == codeNoFinger || r.code == codeImageFail) {
		return false, nil
	}
	return false, err
}

func (z *ZFM) pause(ctx context.Context) error {
	t := time.NewTimer(time.Duration(z.tune.PollMS) * time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// transfers is how often an image is fetched when packets were lost: the
// device keeps it until the next GenImg.
const transfers = 3

func (z *ZFM) fetch(ctx context.Context) ([]byte, error) {
	var err error
	for n := range transfers {
		var wire []byte
		wire, err = z.upload(ctx)
		if err == nil {
			return unpack(wire, z.tune.BitsPerPixel), nil
		}
		if !errors.Is(err, errNoAnswer) && !errors.Is(err, errCut) {
			return nil, err
		}
		z.log.Warn("image transfer repeated", "transfer", n+1, "skipped_bytes", z.link.dec.skipped)
	}
	return nil, eid.Fail(eid.CodeScanner, "fetch image", err)
}

var errCut = errors.New("image incomplete")

// upload fetches the image once, width*height*bits/8 bytes. Packets carry no
// number, so a lost one shows only in the sum of bytes.
func (z *ZFM) upload(ctx context.Context) ([]byte, error) {
	want := z.tune.Width * z.tune.Height * z.tune.BitsPerPixel / 8
	if _, err := z.link.command(ctx, z.answer, insUpImage); err != nil {
		return nil, err
	}
	wire := make([]byte, 0, want)
	for {
		// Between two packets the line may rest for as long as an answer takes.
		p, err := z.link.receive(ctx, time.Now().Add(z.answer))
		if err != nil {
			return nil, err
		}
		if p.kind == kindAck {
			continue
		}
		if len(wire)+len(p.content) > want {
			return nil, fmt.Errorf("%w: more than %d bytes", errCut, want)
		}
		wire = append(wire, p.content...)
		if p.kind == kindEnd {
			if len(wire) != want {
				return nil, fmt.Errorf("%w: %d of %d bytes", errCut, len(wire), want)
			}
			return wire, nil
		}
	}
}

// unpack widens pixels to 8 bits. With 4 bits the first pixel is the high
// nibble (ZFM-20 manual, UpImage); 15 becomes 255.
func unpack(wire []byte, bits int) []byte {
	if bits == 8 {
		return wire
	}
	pixels := make([]byte, 0, 2*len(wire))
	for _, b := range wire {
		pixels = append(pixels, b>>4*17, b&15*17)
	}
	return pixels
}
