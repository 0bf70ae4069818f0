package rate

import (
	"context"
	"crypto/hpke"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enrold/enrold/queue/request"
)

// processor is the processor time that this process has used, all threads.
func processor() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func microseconds(d time.Duration, n int) float64 {
	return float64(d.Nanoseconds()) / 1000 / float64(n)
}

// sealing signs and seals requests for d, without a queue and a disk, and returns
// the processor time of one in microseconds.
func sealing(ctx context.Context, sampleBytes int, d time.Duration) (float64, error) {
	dir, err := os.MkdirTemp("", "enrold-seal-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	key, err := request.LoadOrCreateDeviceKey(filepath.Join(dir, "device.pem"))
	if err != nil {
		return 0, err
	}
	central, err := request.SealKEM().GenerateKey()
	if err != nil {
		return 0, err
	}
	portrait := make([]byte, sampleBytes)
	rand.Read(portrait) // never fails
	body := request.Body{Version: request.BodyVersion, DeskID: "bench-desk", Previous: make([]byte, request.HashSize), Software: "bench"}
	var sealer request.Sealer // as the queue has one
	spent, end := processor(), time.Now().Add(d)
	for ; time.Now().Before(end) && ctx.Err() == nil; body.Seq++ {
		prepared, err := sealer.Prepare([]hpke.PublicKey{central.PublicKey()}, sample(portrait))
		if err != nil {
			return 0, err
		}
		next := body
		next.Seq, next.Clocks.Wall = body.Seq+1, time.Now().UTC()
		sealed, err := prepared.Seal(request.Signers{Device: key}, next)
		if err != nil {
			return 0, err
		}
		body.Previous = request.Hash(sealed)
		prepared.Release()
	}
	if body.Seq == 0 {
		return 0, fmt.Errorf("nothing sealed: %w", ctx.Err())
	}
	return microseconds(processor()-spent, int(body.Seq)), nil
}
