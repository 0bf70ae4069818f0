package tpm

import (
	"context"
	"errors"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

const (
	maxSecret  = 128 // MAX_SYM_DATA: TPM 2.0 Library Part 2 §11.1.14
	nonceBytes = 16
)

// Sealer puts small secrets under the chip: only this chip opens them again,
// and, if registers were given, only while those PCRs hold what they held.
type Sealer struct {
	tpm       *TPM
	selection tpm2.TPMLPCRSelection // empty: not bound
}

// Sealer binds to the PCRs of the SHA-256 bank with these numbers; none is allowed.
func (t *TPM) Sealer(registers []int) *Sealer {
	s := &Sealer{tpm: t}
	if len(registers) > 0 {
		numbers := make([]uint, len(registers))
		for i, r := range registers {
			numbers[i] = uint(r)
		}
		s.selection.PCRSelections = []tpm2.TPMSPCRSelection{{Hash: tpm2.TPMAlgSHA256, PCRSelect: tpm2.PCClientCompatible.PCRs(numbers...)}}
	}
	return s
}

func (s *Sealer) bound() bool { return len(s.selection.PCRSelections) > 0 }

// session authorizes with the empty password and encrypts the secret's way
// under a key that the root key gives, so that who listens on the bus between
// processor and chip learns nothing.
func (r *root) session(encryption tpm2.AuthOption) tpm2.Session {
	return tpm2.HMAC(tpm2.TPMAlgSHA256, nonceBytes, tpm2.Salted(rootHandle, r.public), encryption)
}

// Seal returns secret (1 to 128 bytes) as an object that only the chip opens.
func (s *Sealer) Seal(secret []byte) ([]byte, error) {
	const op = "seal with TPM"
	if len(secret) == 0 || len(secret) > maxSecret {
		return nil, fail(op, errors.New("want a secret of 1 to 128 bytes"))
	}
	ctx := context.Background() // the queue's interface has none; commands are bounded
	t := s.tpm
	t.mu.Lock()
	defer t.mu.Unlock()
	r, err := t.ensureRoot(ctx)
	if err != nil {
		return nil, fail(op, err)
	}
	public := tpm2.TPMTPublic{
		Type: tpm2.TPMAlgKeyedHash, NameAlg: tpm2.TPMAlgSHA256,
		ObjectAttributes: tpm2.TPMAObject{FixedTPM: true, FixedParent: true, NoDA: true, UserWithAuth: !s.bound()},
	}
	if s.bound() {
		if public.AuthPolicy, err = s.policy(ctx); err != nil {
			return nil, fail(op, err)
		}
	}
	made, err := run(ctx, func() (*tpm2.CreateResponse, error) {
		return tpm2.Create{
			ParentHandle: r.parent(r.session(tpm2.AESEncryption(128, tpm2.EncryptIn))),
			InSensitive: tpm2.TPM2BSensitiveCreate{Sensitive: &tpm2.TPMSSensitiveCreate{
				Data: tpm2.NewTPMUSensitiveCreate(&tpm2.TPM2BSensitiveData{Buffer: secret}),
			}},
			InPublic: tpm2.New2B(public),
		}.Execute(t.chip)
	})
	if err != nil {
		return nil, fail(op, err)
	}
	return blob{public: made.OutPublic, private: made.OutPrivate}.marshal(oidSealed)
}

// policy is the digest of PolicyPCR over what the registers hold now.
func (s *Sealer) policy(ctx context.Context) (tpm2.TPM2BDigest, error) {
	chip := s.tpm.chip
	session, end, err := tpm2.PolicySession(chip, tpm2.TPMAlgSHA256, nonceBytes, tpm2.Trial())
	if err != nil {
		return tpm2.TPM2BDigest{}, err
	}
	defer func() { _ = end() }()
	if _, err := (tpm2.PolicyPCR{PolicySession: session.Handle(), Pcrs: s.selection}).Execute(chip); err != nil {
		return tpm2.TPM2BDigest{}, err
	}
	answer, err := run(ctx, func() (*tpm2.PolicyGetDigestResponse, error) {
		return tpm2.PolicyGetDigest{PolicySession: session.Handle()}.Execute(chip)
	})
	if err != nil {
		return tpm2.TPM2BDigest{}, err
	}
	return answer.PolicyDigest, nil
}

// Unseal opens what Seal made. E-TPM-CLEARED: another chip made it. E-TPM over
// [ErrChanged]: the registers hold something else, so the machine started
// something else.
func (s *Sealer) Unseal(sealed []byte) ([]byte, error) {
	const op = "unseal with TPM"
	b, err := parseBlob(oidSealed, sealed)
	if err != nil {
		return nil, fail(op, err)
	}
	ctx := context.Background()
	t := s.tpm
	t.mu.Lock()
	defer t.mu.Unlock()
	r, err := t.ensureRoot(ctx)
	if err != nil {
		return nil, fail(op, err)
	}
	object, err := t.load(ctx, r, b)
	if err != nil {
		return nil, fail(op, err)
	}
	defer t.flush(object.Handle)
	answer, err := run(ctx, func() (*tpm2.UnsealResponse, error) {
		return tpm2.Unseal{ItemHandle: tpm2.AuthHandle{Handle: object.Handle, Name: object.Name, Auth: s.session(r)}}.Execute(t.chip)
	})
	if errors.Is(err, tpm2.TPMRCPolicyFail) || errors.Is(err, tpm2.TPMRCPCRChanged) {
		err = errors.Join(ErrChanged, err)
	}
	if err != nil {
		return nil, fail(op, err)
	}
	return answer.OutData.Buffer, nil
}

// ErrChanged says that the machine's registers are not those of the sealing.
var ErrChanged = errors.New("the machine did not start what it started when this was sealed")

func (s *Sealer) session(r *root) tpm2.Session {
	encryption := tpm2.AESEncryption(128, tpm2.EncryptOut)
	if !s.bound() {
		return r.session(encryption)
	}
	check := func(chip transport.TPM, handle tpm2.TPMISHPolicy, _ tpm2.TPM2BNonce) error {
		_, err := tpm2.PolicyPCR{PolicySession: handle, Pcrs: s.selection}.Execute(chip)
		return err
	}
	return tpm2.Policy(tpm2.TPMAlgSHA256, nonceBytes, check, tpm2.Salted(rootHandle, r.public), encryption)
}
