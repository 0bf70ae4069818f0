package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Keys says where the keys of the desk and of its officer live.
type Keys struct {
	Device  KeyPlace `toml:"device"`  // software (also when empty) or tpm2
	Officer KeyPlace `toml:"officer"` // software (also when empty), pkcs11, or none: only the device signs

	Algorithm string `toml:"algorithm"` // of keys that `enrold keys create` makes: ES256 (also when empty) or PS256

	TPM     string `toml:"tpm"`      // TPM 2.0: a device or a unix socket; empty for /dev/tpmrm0
	PCRs    string `toml:"pcrs"`     // bind draft keys to these registers of the SHA-256 bank: "0,2,7"; empty for none
	Counter uint32 `toml:"nv_index"` // NV index of the monotonic counter; 0 for DefaultCounter

	Module string `toml:"module"`    // PKCS#11 library of the officer's token
	Token  string `toml:"token"`     // the token's label
	Label  string `toml:"key_label"` // the key's label in the token; empty for DefaultKeyLabel

	// SupervisorTokens are the labels of the supervisors' tokens by their ids; a
	// supervisor who is not in it has a token whose label is his id.
	SupervisorTokens map[string]string `toml:"supervisor_tokens,omitempty"`

	// OfficerCMS has the officer make a detached CMS signature (RFC 5652) besides,
	// over the same bytes: for records offices. It needs the certificate of his key.
	OfficerCMS         bool   `toml:"officer_cms,omitempty"`
	OfficerCertificate string `toml:"officer_certificate,omitempty"` // PEM, issued for his key: see `enrold enrol certificate`
}

// KeyPlace is where a private key lives.
type KeyPlace string

const (
	KeySoftware KeyPlace = "software" // a file: for tests and pilots
	KeyTPM      KeyPlace = "tpm2"
	KeyToken    KeyPlace = "pkcs11"
	KeyNone     KeyPlace = "none"
)

// What a desk gets that names no other.
const (
	DefaultTPM      = "/dev/tpmrm0"
	DefaultCounter  = 0x01800001 // TCG registry of reserved handles §2.2: 0x01800000 to 0x01BFFFFF are the owner's
	DefaultKeyLabel = "enrold-officer"
)

const (
	firstOwnerIndex = 0x01800000
	lastOwnerIndex  = 0x01BFFFFF
	registers       = 24 // PC Client Platform TPM Profile §4.6: PCR 0 to 23
)

// Registers returns the register numbers of PCRs, in their order.
func (k Keys) Registers() ([]int, error) {
	if k.PCRs == "" {
		return nil, nil
	}
	var out []int
	for part := range strings.SplitSeq(k.PCRs, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 0 || n >= registers {
			return nil, fmt.Errorf("keys.pcrs %q: want numbers from 0 to %d, separated by commas", k.PCRs, registers-1)
		}
		out = append(out, n)
	}
	return out, nil
}

// check fills in what is left out and refuses what contradicts itself.
func (k *Keys) check(production bool) error {
	defaults := map[*string]string{&k.Algorithm: "ES256", &k.TPM: DefaultTPM, &k.Label: DefaultKeyLabel}
	for field, fallback := range defaults {
		if *field == "" {
			*field = fallback
		}
	}
	if k.Device == "" {
		k.Device = KeySoftware
	}
	if k.Officer == "" {
		k.Officer = KeySoftware
	}
	if k.Counter == 0 {
		k.Counter = DefaultCounter
	}
	switch {
	case k.Device != KeySoftware && k.Device != KeyTPM:
		return fmt.Errorf("keys.device %q: want %s or %s", k.Device, KeySoftware, KeyTPM)
	case k.Officer != KeySoftware && k.Officer != KeyToken && k.Officer != KeyNone:
		return fmt.Errorf("keys.officer %q: want %s, %s or %s", k.Officer, KeySoftware, KeyToken, KeyNone)
	case k.Algorithm != "ES256" && k.Algorithm != "PS256":
		return fmt.Errorf("keys.algorithm %q: want ES256 or PS256", k.Algorithm)
	case k.Counter < firstOwnerIndex || k.Counter > lastOwnerIndex:
		return fmt.Errorf("keys.nv_index %#x: want %#x to %#x", k.Counter, firstOwnerIndex, lastOwnerIndex)
	case k.Officer == KeyToken && (k.Module == "" || k.Token == ""):
		return fmt.Errorf("keys.module and keys.token are required with officer = %q", KeyToken)
	case k.OfficerCMS && k.OfficerCertificate == "":
		return errors.New("keys.officer_certificate is required with officer_cms")
	case k.OfficerCMS && k.Officer == KeyNone:
		return errors.New("keys.officer_cms: at this desk no officer signs")
	case production && k.Device != KeyTPM:
		return errors.New("keys.device: a production desk refuses a software device key")
	case production && k.Officer != KeyToken:
		return errors.New("keys.officer: a production desk refuses any officer key but one in a token")
	}
	_, err := k.Registers()
	return err
}
