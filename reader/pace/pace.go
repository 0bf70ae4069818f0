// Package pace is the terminal's side of Password Authenticated Connection
// Establishment, version 2, with generic, integrated and chip authentication
// mapping (ICAO Doc 9303-11 §4.4, BSI TR-03110-2 §3.2).
package pace

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"github.com/enrold/enrold/reader/agree"
	"github.com/enrold/enrold/reader/apdu"
	"github.com/enrold/enrold/reader/secinfo"
	"github.com/enrold/enrold/reader/sm"
	"github.com/enrold/enrold/reader/tlv"
)

// Sender sends plain commands to the card.
type Sender interface {
	Send(ctx context.Context, cmd apdu.Command) (apdu.Response, error)
}

// Password is a password of §4.4 with its reference in MSE:Set AT.
type Password struct {
	name   string
	ref    byte
	secret []byte
}

// MRZ is the password from the MRZ information: document number, birth and
// expiry date with their check digits (§9.7.3).
func MRZ(information string) Password {
	h := sha1.Sum([]byte(information))
	return Password{"MRZ", 1, h[:]}
}

// CAN is the card access number as printed.
func CAN(number string) Password { return Password{"CAN", 2, []byte(number)} }

// Name is "MRZ" or "CAN".
func (p Password) Name() string { return p.name }

// Protocol is one way to run PACE with one chip.
type Protocol struct {
	Info  secinfo.PACE
	Group agree.Group
	// Ambiguous says that the chip offers more than one set of domain parameters:
	// then the command names the one that is meant (§4.4.4.1).
	Ambiguous bool
}

// Name is what the record says: "PACE-GM".
func (p Protocol) Name() string { return "PACE-" + string(p.Info.Mapping) }

// Offered returns the protocols of EF.CardAccess that can be used, best first:
// chip authentication mapping, as it proves the chip's genuineness by the way;
// then generic before integrated, curves before prime fields, AES before 3DES;
// else in the chip's order. Explicit domain parameters are taken only if they
// are standardised ones (§9.2.2).
func Offered(infos secinfo.Infos) []Protocol {
	var list []Protocol
	seen := map[int]bool{}
	for _, info := range infos.PACE {
		seen[info.Parameter] = true
		g, err := group(info, infos.Domains)
		if err != nil {
			continue
		}
		_, curve := g.(agree.ECDH)
		if curve == info.Field || info.Mapping == secinfo.Integrated && g.Modulus().Bit(1) == 0 && curve {
			continue // OID and parameters contradict each other, or secp224r1 with IM
		}
		list = append(list, Protocol{Info: info, Group: g})
	}
	for i := range list {
		list[i].Ambiguous = len(seen) > 1
	}
	sortByRank(list)
	return list
}

func group(info secinfo.PACE, domains []secinfo.Domain) (agree.Group, error) {
	if g, err := agree.Standard(info.Parameter); err == nil {
		return g, nil
	}
	for _, d := range domains {
		if d.Parameter != info.Parameter && d.Parameter != -1 {
			continue
		}
		if g, err := agree.ParseAlgorithm(d.Algorithm); err == nil && agree.Standardised(g) {
			return g, nil
		}
	}
	return nil, errors.New("domain parameters are not standardised")
}

// Result is what PACE leaves.
type Result struct {
	Session *sm.Session
	// Proof is what chip authentication mapping needs to verify the chip; nil for
	// the other mappings.
	Proof *Proof
}

// Run runs the protocol with one password. A refusal by the chip is a *Refusal;
// anything else that the chip does wrong is another error; both leave the card
// without a session. random gives nonce and private keys.
func Run(ctx context.Context, card Sender, p Protocol, pw Password, random io.Reader) (Result, error) {
	r := run{card: card, Protocol: p, random: random}
	err := r.initialise(ctx, pw)
	if refusal, ok := errors.AsType[*Refusal](err); ok && refusal.SW>>8 == 0x6A && !r.Ambiguous && p.Info.Parameter >= 0 {
		// Some chips want the domain parameters named even where there is no choice.
		r.Ambiguous = true
		err = r.initialise(ctx, pw)
	}
	if err != nil {
		return Result{}, err
	}
	nonce, err := r.nonce(ctx, pw)
	if err != nil {
		return Result{}, err
	}
	mapped, proof, err := r.mapNonce(ctx, nonce)
	if err != nil {
		return Result{}, err
	}
	return r.agree(ctx, mapped, proof)
}

type run struct {
	Protocol
	card   Sender
	random io.Reader
	tries  int // tries left that MSE:Set AT warned of, -1 unknown
}

// initialise sends MSE:Set AT (§4.4.4.1). 63Cx is a warning of the retry counter
// (TR-03110-3 B.11.1): the protocol goes on unless no try is left.
func (r *run) initialise(ctx context.Context, pw Password) error {
	data := tlv.Append(nil, 0x80, r.Info.OID)
	data = tlv.Append(data, 0x83, []byte{pw.ref})
	if r.Ambiguous && r.Info.Parameter >= 0 {
		data = tlv.Append(data, 0x84, []byte{byte(r.Info.Parameter)})
	}
	answer, err := r.card.Send(ctx, apdu.Command{INS: 0x22, P1: 0xC1, P2: 0xA4, Data: data})
	if err != nil {
		return fmt.Errorf("initialise PACE: %w", err)
	}
	r.tries = -1
	if n, ok := triesLeft(answer.SW); ok && n > 0 {
		r.tries = n
		return nil
	}
	if answer.SW != apdu.OK {
		return &Refusal{Step: "initialise PACE", SW: answer.SW, Tries: -1}
	}
	return nil
}

// step sends one GENERAL AUTHENTICATE of the chain (§4.4.4.2) and returns the
// data objects of the answer.
func (r *run) step(ctx context.Context, name string, last bool, data []byte) ([]tlv.Object, error) {
	cmd := apdu.Command{CLA: 0x10, INS: 0x86, Data: tlv.Append(nil, 0x7C, data), Le: apdu.MaxShort}
	if last {
		cmd.CLA = 0
	}
	if len(cmd.Data) > 255 {
		cmd.Le = apdu.MaxExtended // extended Lc takes extended Le
	}
	answer, err := r.card.Send(ctx, cmd)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if answer.SW != apdu.OK {
		return nil, &Refusal{Step: name, SW: answer.SW, Tries: r.tries, Token: last}
	}
	body, err := tlv.Find(answer.Data, 0x7C)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	list, err := tlv.List(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return list, nil
}

func find(list []tlv.Object, tag uint32) []byte {
	for _, o := range list {
		if o.Tag == tag {
			return o.Value
		}
	}
	return nil
}

// nonce fetches and decrypts the chip's nonce (§4.4.3.3).
func (r *run) nonce(ctx context.Context, pw Password) ([]byte, error) {
	list, err := r.step(ctx, "fetch nonce", false, nil)
	if err != nil {
		return nil, err
	}
	z := find(list, 0x80)
	key := r.Info.Cipher.Derive(pw.secret, sm.Password)
	cipher, err := sm.New(r.Info.Cipher, key, key)
	if err != nil {
		return nil, err
	}
	if len(z) < 16 || len(z) > 64 || len(z)%cipher.BlockSize() != 0 {
		return nil, fmt.Errorf("fetch nonce: chip sends %d bytes", len(z))
	}
	return cipher.DecryptCBC(z), nil
}

// mapNonce agrees on the generator.
func (r *run) mapNonce(ctx context.Context, nonce []byte) (agree.Group, *Proof, error) {
	const name = "map nonce"
	if r.Info.Mapping == secinfo.Integrated {
		g, err := r.mapIntegrated(ctx, nonce)
		return g, nil, err
	}
	private, public, err := r.Group.Generate(r.random)
	if err != nil {
		return nil, nil, err
	}
	list, err := r.step(ctx, name, false, tlv.Append(nil, 0x81, public))
	if err != nil {
		return nil, nil, err
	}
	peer := find(list, 0x82)
	if bytes.Equal(peer, public) {
		return nil, nil, fmt.Errorf("%s: chip sends the terminal's own key", name)
	}
	g, err := r.Group.MapGeneric(nonce, private, peer)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	if r.Info.Mapping != secinfo.ChipAuth {
		return g, nil, nil
	}
	return g, &Proof{group: r.Group, mapping: peer, Parameter: r.Info.Parameter}, nil
}

// agree runs key agreement and exchanges the tokens (§4.4.1 step 3).
func (r *run) agree(ctx context.Context, mapped agree.Group, proof *Proof) (Result, error) {
	private, public, err := mapped.Generate(r.random)
	if err != nil {
		return Result{}, err
	}
	list, err := r.step(ctx, "agree on key", false, tlv.Append(nil, 0x83, public))
	if err != nil {
		return Result{}, err
	}
	peer := find(list, 0x84)
	if bytes.Equal(peer, public) {
		return Result{}, errors.New("agree on key: chip sends the terminal's own key")
	}
	secret, err := mapped.Agree(private, peer)
	if err != nil {
		return Result{}, fmt.Errorf("agree on key: %w", err)
	}
	session, suite, err := sm.FromSecret(r.Info.Cipher, secret)
	if err != nil {
		return Result{}, err
	}
	list, err = r.step(ctx, "exchange tokens", true, tlv.Append(nil, 0x85, suite.Token(r.keyObject(peer))))
	if err != nil {
		return Result{}, err
	}
	if subtle.ConstantTimeCompare(find(list, 0x86), suite.Token(r.keyObject(public))) != 1 {
		return Result{}, errors.New("exchange tokens: token of the chip is wrong")
	}
	if proof != nil {
		if err := proof.decrypt(suite, find(list, 0x8A)); err != nil {
			proof.err = err
		}
	}
	return Result{Session: session, Proof: proof}, nil
}

// keyObject is the public key data object that a token covers (§4.4.3.4, §9.4).
func (r *run) keyObject(public []byte) []byte {
	body := tlv.Append(nil, 0x06, r.Info.OID)
	return tlv.Append(nil, 0x7F49, tlv.Append(body, r.Group.Tag(), public))
}
