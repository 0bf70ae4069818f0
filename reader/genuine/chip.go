package genuine

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/reader/agree"
	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/secinfo"
	"github.com/enrold/enrold/reader/sm"
	"github.com/enrold/enrold/reader/tlv"
)

// Chip runs chip authentication, version 1 (Doc 9303-11 §6.2), with a key of
// DG14. A result of ok is provisional: the card has renewed its session, and the
// first answer in it shows whether the chip has the key. An error is the
// transport's or the session's; a chip that refuses or errs gives a failed check.
func Chip(ctx context.Context, card Renewer, infos secinfo.Infos, random io.Reader) (eid.Check, error) {
	if len(infos.Keys) == 0 {
		return notPossible(WordNoKey, "DG14 lists no key for chip authentication"), nil
	}
	list := candidates(infos)
	if len(list) == 0 {
		return notPossible(WordUnsupported, "no key of DG14 has known domain parameters and algorithm"), nil
	}
	var check eid.Check
	for _, c := range list {
		private, public, err := c.group.Generate(random)
		if err != nil {
			return eid.Check{}, fmt.Errorf("chip authentication: %w", err)
		}
		secret, err := c.group.Agree(private, c.public)
		if err != nil {
			check = failed(WordWrongProof, "%s: key of DG14: %v", c.name(), err)
			continue
		}
		sw, dropped, err := c.send(ctx, card, public)
		if dropped && err == nil {
			sw, _, err = c.send(ctx, card, public)
		}
		if err == nil && sw>>8 == 0x6A && c.id != nil && !c.ambiguous {
			c.ambiguous = true // some chips want the key named even where there is one
			sw, _, err = c.send(ctx, card, public)
		}
		if err != nil {
			return eid.Check{}, fmt.Errorf("chip authentication: %w", err)
		}
		if sw != apdu.OK {
			check = failed(WordRefused, "%s: card answers %s", c.name(), sw)
			if !c.listed { // the chip never said that it does this
				check.State = eid.CheckNotPossible
			}
			continue
		}
		session, _, err := sm.FromSecret(c.info.Cipher, secret)
		if err != nil {
			return eid.Check{}, fmt.Errorf("chip authentication: %w", err)
		}
		card.Renew(session)
		return passed(c.name()), nil
	}
	return check, nil
}

// candidate is one protocol with one key.
type candidate struct {
	info      secinfo.ChipAuthentication
	listed    bool // there is a ChipAuthenticationInfo
	group     agree.Group
	public    []byte
	id        []byte // key identifier, nil when absent
	ambiguous bool   // the chip has several keys
}

func (c candidate) name() string {
	kind := "ECDH"
	if c.info.Field {
		kind = "DH"
	}
	return fmt.Sprintf("chip authentication with %s, %s, %s", kind, c.group.Name(), c.info.Cipher)
}

// candidates pairs protocols with keys, best first: AES before 3DES (§8.5),
// curves before prime fields. A key without a ChipAuthenticationInfo is used
// with 3DES, as documents before this structure became mandatory need.
func candidates(infos secinfo.Infos) []candidate {
	var list []candidate
	for _, k := range infos.Keys {
		g, public, err := agree.ParsePublicKey(k.SPKI)
		if err != nil {
			continue
		}
		if _, curve := g.(agree.ECDH); curve == k.Field {
			continue
		}
		c := candidate{group: g, public: public, id: k.KeyID, ambiguous: len(infos.Keys) > 1}
		for _, info := range infos.Chip {
			if info.Field == k.Field && (bytes.Equal(info.KeyID, k.KeyID) || info.KeyID == nil || len(infos.Keys) == 1) {
				c.info, c.listed = info, true
				list = append(list, c)
			}
		}
		if len(infos.Chip) == 0 {
			c.info = secinfo.ChipAuthentication{Field: k.Field, Cipher: sm.TDES}
			list = append(list, c)
		}
	}
	slices.SortStableFunc(list, func(a, b candidate) int { return a.rank() - b.rank() })
	return list[:min(len(list), 3)]
}

func (c candidate) rank() int {
	n := -int(c.info.Cipher) * 2
	if c.info.Field {
		n++
	}
	return n
}

// send hands the terminal's key over: MSE:Set KAT for 3DES (§6.2.4.1), MSE:Set
// AT and GENERAL AUTHENTICATE for AES (§6.2.4.2) and for chips that know only
// these (§8.5 note 1).
func (c candidate) send(ctx context.Context, card Sender, public []byte) (apdu.Status, bool, error) {
	var reference []byte
	if c.ambiguous && c.id != nil {
		reference = tlv.Append(nil, 0x84, c.id)
	}
	if c.info.Cipher == sm.TDES {
		data := append(tlv.Append(nil, 0x91, public), reference...)
		r, dropped, err := send(ctx, card, apdu.Command{INS: 0x22, P1: 0x41, P2: 0xA6, Data: data})
		if err != nil || dropped || r.SW == apdu.OK || !c.listed {
			return r.SW, dropped, err
		}
	}
	data := append(tlv.Append(nil, 0x80, c.info.OID), reference...)
	r, dropped, err := send(ctx, card, apdu.Command{INS: 0x22, P1: 0x41, P2: 0xA4, Data: data})
	if err != nil || r.SW != apdu.OK {
		return r.SW, dropped, err
	}
	data = tlv.Append(nil, 0x7C, tlv.Append(nil, 0x80, public))
	r, dropped, err = send(ctx, card, apdu.Command{INS: 0x86, Data: data, Le: apdu.MaxShort})
	return r.SW, dropped, err
}
