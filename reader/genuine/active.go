package genuine

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/agree"
	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/ec"
	"github.com/enrold/enrold/reader/secinfo"
	"github.com/enrold/enrold/reader/tlv"
)

// Active runs active authentication (Doc 9303-11 §6.1) with the key of DG15;
// infos are those of DG14, which names the hash of ECDSA keys. room is the
// largest plain response that card and reader carry: keys of more than about 1800
// bits need extended length (§6.1.4). An error is the transport's or the
// session's; a chip that refuses or errs gives a failed check.
func Active(ctx context.Context, card Sender, dg15 []byte, infos secinfo.Infos, room int, random io.Reader) (eid.Check, error) {
	key, err := parseActiveKey(dg15, infos.ActiveHash)
	if err != nil {
		return notPossible(WordUnsupported, "key of DG15: %v", err), nil
	}
	if key.size() > room {
		return notPossible(WordTooLong, "%s: answer of %d bytes, card or reader carries %d", key.name(), key.size(), room), nil
	}
	challenge := make([]byte, 8)
	if _, err := io.ReadFull(random, challenge); err != nil {
		return eid.Check{}, fmt.Errorf("draw challenge: %w", err)
	}
	cmd := apdu.Command{INS: 0x88, Data: challenge, Le: key.size()}
	r, dropped, err := send(ctx, card, cmd)
	if dropped && err == nil {
		r, _, err = send(ctx, card, cmd)
	}
	if err != nil {
		return eid.Check{}, fmt.Errorf("active authentication: %w", err)
	}
	if r.SW != apdu.OK {
		return failed(WordRefused, "%s: card answers %s", key.name(), r.SW), nil
	}
	if err := key.verify(challenge, r.Data); err != nil {
		return failed(WordWrongProof, "%s: %v", key.name(), err), nil
	}
	return passed(key.name()), nil
}

// activeKey verifies the chip's answer to a challenge.
type activeKey interface {
	name() string
	size() int // bytes of a signature
	verify(challenge, signature []byte) error
}

const oidRSA = "\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01" // 1.2.840.113549.1.1.1

// parseActiveKey reads DG15: tag 6F with a SubjectPublicKeyInfo (§6.1.5).
func parseActiveKey(dg15, hashOID []byte) (activeKey, error) {
	spki, err := tlv.Find(dg15, 0x6F)
	if err != nil {
		return nil, err
	}
	o, _, err := tlv.Next(spki)
	if err != nil {
		return nil, err
	}
	parts, err := tlv.List(o.Value)
	if err != nil || len(parts) != 2 || len(parts[1].Value) < 2 {
		return nil, errors.New("public key is incomplete")
	}
	oid, err := tlv.Find(parts[0].Value, 0x06)
	if err != nil {
		return nil, err
	}
	if string(oid) == oidRSA {
		return parseRSA(parts[1].Value[1:])
	}
	g, public, err := agree.ParsePublicKey(o.Raw)
	if err != nil {
		return nil, err
	}
	curve, ok := g.(agree.ECDH)
	if !ok {
		return nil, errors.New("algorithm does not sign")
	}
	q, err := curve.Curve.Decode(public)
	if err != nil {
		return nil, err
	}
	return ecdsaKey{curve.Curve, q, plainHash(hashOID)}, nil
}

// oidPlain is the arm of plain ECDSA signatures, 0.4.0.127.0.7.1.1.4.1
// (TR-03111 §5.2.1); oidX962 that of ANSI X9.62, which some issuers name.
const (
	oidPlain = "\x04\x00\x7F\x00\x07\x01\x01\x04\x01"
	oidX962  = "\x2A\x86\x48\xCE\x3D\x04\x03"
)

// plainHash is the hash of a signature algorithm, 0 when it is not known.
func plainHash(oid []byte) crypto.Hash {
	if n := len(oidPlain); len(oid) == n+1 && string(oid[:n]) == oidPlain {
		return map[byte]crypto.Hash{1: crypto.SHA1, 2: crypto.SHA224, 3: crypto.SHA256, 4: crypto.SHA384, 5: crypto.SHA512}[oid[n]]
	}
	if n := len(oidX962); len(oid) == n+1 && string(oid[:n]) == oidX962 {
		return map[byte]crypto.Hash{1: crypto.SHA224, 2: crypto.SHA256, 3: crypto.SHA384, 4: crypto.SHA512}[oid[n]]
	}
	return 0
}

type ecdsaKey struct {
	curve *ec.Curve
	q     ec.Point
	hash  crypto.Hash // 0: DG14 does not say
}

func (k ecdsaKey) name() string { return "active authentication with ECDSA, " + k.curve.Name }
func (k ecdsaKey) size() int    { return 2 * ((k.curve.N.BitLen() + 7) / 8) }

// verify takes r || s, each as long as the order (TR-03111 §5.2.1). Where DG14
// names no hash, any will do: what matters is that the challenge was signed.
func (k ecdsaKey) verify(challenge, signature []byte) error {
	r, s, err := k.split(signature)
	if err != nil {
		return err
	}
	hashes := []crypto.Hash{k.hash}
	if k.hash == 0 {
		hashes = []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA224, crypto.SHA1}
	}
	for _, h := range hashes {
		d := h.New()
		d.Write(challenge)
		if k.curve.Verify(k.q, d.Sum(nil), r, s) {
			return nil
		}
	}
	return errors.New("signature is wrong")
}

// split reads the plain form, or the DER form that some chips answer instead.
func (k ecdsaKey) split(b []byte) (r, s *big.Int, err error) {
	if len(b) == k.size() {
		return new(big.Int).SetBytes(b[:len(b)/2]), new(big.Int).SetBytes(b[len(b)/2:]), nil
	}
	o, rest, err := tlv.Next(b)
	if err == nil && o.Tag == 0x30 && len(rest) == 0 {
		if parts, err := tlv.List(o.Value); err == nil && len(parts) == 2 && parts[0].Tag == 0x02 && parts[1].Tag == 0x02 {
			return new(big.Int).SetBytes(parts[0].Value), new(big.Int).SetBytes(parts[1].Value), nil
		}
	}
	return nil, nil, errors.New("signature has an unknown form")
}
