package pace

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/enrold/enrold/reader/agree"
	"github.com/enrold/enrold/reader/sm"
	"github.com/enrold/enrold/reader/tlv"
)

// mapIntegrated draws the nonce t, sends it and maps both nonces (§4.4.3.3.2).
func (r *run) mapIntegrated(ctx context.Context, s []byte) (agree.Group, error) {
	const name = "map nonce"
	t := make([]byte, r.Info.Cipher.KeySize())
	if _, err := io.ReadFull(r.random, t); err != nil {
		return nil, fmt.Errorf("draw nonce: %w", err)
	}
	if want := (len(t) + 15) / 16 * 16; len(s) != want {
		return nil, fmt.Errorf("%s: chip's nonce has %d bytes, not %d", name, len(s), want)
	}
	// The answer is 7C with an empty 82 (§4.4.5.2.2); there is nothing to check.
	if _, err := r.step(ctx, name, false, tlv.Append(nil, 0x81, t)); err != nil {
		return nil, err
	}
	x, err := pseudoRandom(r.Info.Cipher, s, t, r.Group.Modulus())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	g, err := r.Group.MapIntegrated(x)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return g, nil
}

// Constants of the pseudo-random function (§4.4.3.3.2) for l of 128 and 256 bits.
const (
	c0Short = "a668892a7c41e3ca739f40b057d85904"
	c1Short = "a4e136ac725f738b01c1f60217c188ad"
	c0Long  = "d463d65234124ef7897054986dca0a174e28df758cbaa03f240616414d5a1676"
	c1Long  = "54bd7255f0aaf831bec3423fcf39d69b6cbf066677d0faae5aadd99df8e53517"
)

// pseudoRandom is Rp(s, t): CBC encryption of s under t, then of the constants
// under the outputs, cut to the key's size, until 64 bits more than p has are
// there; modulo p (§4.4.3.3.2 figure 2).
func pseudoRandom(a sm.Algorithm, s, t []byte, p *big.Int) (*big.Int, error) {
	c0, c1 := c0Short, c1Short
	if len(s) == 32 {
		c0, c1 = c0Long, c1Long
	}
	zero, errZero := hex.DecodeString(c0)
	one, errOne := hex.DecodeString(c1)
	if err := errors.Join(errZero, errOne); err != nil {
		return nil, err
	}
	encrypt := func(key, b []byte) ([]byte, error) {
		key = key[:a.KeySize()]
		suite, err := sm.New(a, key, key)
		if err != nil {
			return nil, err
		}
		return suite.EncryptCBC(b), nil
	}
	key, err := encrypt(t, s)
	if err != nil {
		return nil, err
	}
	var x []byte
	for len(x)*8 < p.BitLen()+64 {
		part, err := encrypt(key, one)
		if err != nil {
			return nil, err
		}
		x = append(x, part...)
		if key, err = encrypt(key, zero); err != nil {
			return nil, err
		}
	}
	n := new(big.Int).SetBytes(x)
	return n.Mod(n, p), nil
}
