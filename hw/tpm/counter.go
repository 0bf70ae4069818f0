package tpm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-tpm/tpm2"

	"github.com/enrold/enrold/internal/eid"
)

const counterBytes = 8 // TPM 2.0 Library Part 2 §13.2: a counter is 64 bits

// Counter is a number in the chip that only grows, across power cuts and
// whatever happens to the disk. A counter that is deleted and defined again
// starts above every counter that the chip ever had (Part 1 §37.2.4.3).
type Counter struct {
	tpm   *TPM
	index tpm2.TPMHandle
}

// ours are the attributes of the counter. No password guards it: who may use
// the chip may make the number larger, nobody smaller.
var ours = tpm2.TPMANV{NT: tpm2.TPMNTCounter, AuthRead: true, AuthWrite: true, OwnerRead: true, OwnerWrite: true, NoDA: true}

// Counter finds the counter at an NV index or defines it. A counter that this
// desk had and that is gone is E-TPM-CLEARED; that it had one is a file beside
// its keys.
func (t *TPM) Counter(ctx context.Context, index uint32) (*Counter, error) {
	const op = "find TPM counter"
	c := &Counter{tpm: t, index: tpm2.TPMHandle(index)}
	t.mu.Lock()
	defer t.mu.Unlock()
	found, err := c.public(ctx)
	if errors.Is(err, tpm2.TPMRCHandle) {
		if _, marked := os.Stat(c.mark()); !errors.Is(marked, fs.ErrNotExist) {
			return nil, eid.Fail(eid.CodeTPMCleared, op, errors.Join(errors.New("the counter of this desk is gone"), err))
		}
		if err := c.define(ctx); err != nil {
			return nil, fail(op, fmt.Errorf("define: %w", err))
		}
		found, err = c.public(ctx)
	}
	if err != nil {
		return nil, fail(op, err)
	}
	have := found.Attributes
	written := have.Written
	have.Written = false
	if have != ours || found.DataSize != counterBytes {
		return nil, fail(op, fmt.Errorf("NV index %#x is something else: choose another (keys.nv_index)", index))
	}
	if !written { // reading is possible only after the first step
		if _, err := c.step(ctx); err != nil {
			return nil, fail(op, err)
		}
	}
	if err := writeNew(c.mark(), fmt.Appendf(nil, "%#x\n", index)); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fail(op, fmt.Errorf("remember counter: %w", err))
	}
	return c, nil
}

func (c *Counter) mark() string {
	return filepath.Join(c.tpm.dir, fmt.Sprintf("counter-%x.tpm", uint32(c.index)))
}

func (c *Counter) public(ctx context.Context) (*tpm2.TPMSNVPublic, error) {
	answer, err := run(ctx, func() (*tpm2.NVReadPublicResponse, error) {
		return tpm2.NVReadPublic{NVIndex: c.index}.Execute(c.tpm.chip)
	})
	if err != nil {
		return nil, err
	}
	return answer.NVPublic.Contents()
}

func (c *Counter) define(ctx context.Context) error {
	_, err := run(ctx, func() (*tpm2.NVDefineSpaceResponse, error) {
		return tpm2.NVDefineSpace{
			AuthHandle: tpm2.TPMRHOwner,
			PublicInfo: tpm2.New2B(tpm2.TPMSNVPublic{NVIndex: c.index, NameAlg: tpm2.TPMAlgSHA256, Attributes: ours, DataSize: counterBytes}),
		}.Execute(c.tpm.chip)
	})
	if errors.Is(err, tpm2.TPMRCNVDefined) { // another process was faster
		return nil
	}
	return err
}

// handles names the index with its present name, which changes with its first step.
func (c *Counter) handles(ctx context.Context) (tpm2.AuthHandle, tpm2.NamedHandle, error) {
	answer, err := run(ctx, func() (*tpm2.NVReadPublicResponse, error) {
		return tpm2.NVReadPublic{NVIndex: c.index}.Execute(c.tpm.chip)
	})
	if err != nil {
		return tpm2.AuthHandle{}, tpm2.NamedHandle{}, err
	}
	return tpm2.AuthHandle{Handle: c.index, Name: answer.NVName, Auth: tpm2.PasswordAuth(nil)}, tpm2.NamedHandle{Handle: c.index, Name: answer.NVName}, nil
}

// Increment makes the number larger by one and returns it.
func (c *Counter) Increment(ctx context.Context) (uint64, error) {
	c.tpm.mu.Lock()
	defer c.tpm.mu.Unlock()
	n, err := c.step(ctx)
	return n, fail("increment TPM counter", err)
}

// Read returns the number.
func (c *Counter) Read(ctx context.Context) (uint64, error) {
	c.tpm.mu.Lock()
	defer c.tpm.mu.Unlock()
	n, err := c.read(ctx)
	return n, fail("read TPM counter", err)
}

func (c *Counter) step(ctx context.Context) (uint64, error) {
	auth, index, err := c.handles(ctx)
	if err != nil {
		return 0, err
	}
	_, err = run(ctx, func() (*tpm2.NVIncrementResponse, error) {
		return tpm2.NVIncrement{AuthHandle: auth, NVIndex: index}.Execute(c.tpm.chip)
	})
	if err != nil {
		return 0, err
	}
	return c.read(ctx)
}

func (c *Counter) read(ctx context.Context) (uint64, error) {
	auth, index, err := c.handles(ctx)
	if err != nil {
		return 0, err
	}
	answer, err := run(ctx, func() (*tpm2.NVReadResponse, error) {
		return tpm2.NVRead{AuthHandle: auth, NVIndex: index, Size: counterBytes}.Execute(c.tpm.chip)
	})
	if err != nil {
		return 0, err
	}
	if len(answer.Data.Buffer) != counterBytes {
		return 0, errors.New("a counter is not 8 bytes")
	}
	return binary.BigEndian.Uint64(answer.Data.Buffer), nil
}
