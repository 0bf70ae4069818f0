// Package config reads the desk's configuration: one TOML file, strictly (an
// unknown key is an error), the same for the daemon and its workers.
package config

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/enrold/enrold/internal/eid"
)

// Config is the whole file. Relative paths are resolved against its folder.
type Config struct {
	Desk    Desk    `toml:"desk"`
	Chip    Chip    `toml:"chip"`
	Camera  Camera  `toml:"camera"`
	Scanner Scanner `toml:"scanner"`
	Face    Face    `toml:"face"`
	Central Central `toml:"central"`
	Sync    Sync    `toml:"sync"`
	Keys    Keys    `toml:"keys"`
}

// Desk is who and where this desk is.
type Desk struct {
	ID      string `toml:"id"`
	Role    Role   `toml:"role"`
	Officer string `toml:"officer"`
	// Supervisors may allow an exception that the officer asks for: "s1, s2".
	Supervisors string `toml:"supervisors"`
	Data        string `toml:"data"`       // folder of the queue and its keys
	Listen      string `toml:"listen"`     // loopback address of the screen
	Production  bool   `toml:"production"` // refuses emulated devices, test trust anchors and software keys
}

// Profiles is where the daemon keeps device profiles that the central published.
func (d Desk) Profiles() string { return filepath.Join(d.Data, "profiles") }

// SupervisorIDs splits Supervisors.
func (d Desk) SupervisorIDs() (ids []string) {
	for id := range strings.SplitSeq(d.Supervisors, ",") {
		if id = strings.TrimSpace(id); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// SupervisorToken is the label of a supervisor's token.
func (c Config) SupervisorToken(id string) string {
	if label := c.Keys.SupervisorTokens[id]; label != "" {
		return label
	}
	return id
}

// checkSupervisors refuses names that cannot name files and one person in two roles.
func (d Desk) checkSupervisors() error {
	seen := map[string]bool{}
	for _, id := range d.SupervisorIDs() {
		if strings.ContainsFunc(id, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r)
		}) || len(id) > 64 || strings.HasPrefix(id, ".") {
			return fmt.Errorf("desk.supervisors %q: want up to 64 of letters, digits, dot, dash and underscore", id)
		}
		if id == d.Officer {
			return fmt.Errorf("desk.supervisors %q: the officer cannot be his own supervisor", id)
		}
		if seen[id] {
			return fmt.Errorf("desk.supervisors %q stands twice", id)
		}
		seen[id] = true
	}
	return nil
}

// Role decides which procedures a desk may run (requirements LOC-1 to LOC-3).
type Role string

const (
	CommunePolice Role = "commune_police"
	Immigration   Role = "immigration"
)

// Chip configures the card reader.
type Chip struct {
	Transport Transport  `toml:"transport"`   // pcsc (also when empty) or pn532
	Socket    string     `toml:"pcsc_socket"` // pcscd's socket; empty for the system's
	Reader    string     `toml:"reader"`      // part of the reader's name; empty for the first with a card
	Port      string     `toml:"port"`        // pn532: /dev/ttyUSB0
	Trust     string     `toml:"trust"`       // folder of CSCA certificates (PEM or DER)
	Origin    eid.Origin `toml:"origin"`
}

// Transport is what carries commands to the card.
type Transport string

const (
	PCSC  Transport = "pcsc"
	PN532 Transport = "pn532" // a module on a serial line: a last resort
)

// Camera configures the portrait camera.
type Camera struct {
	Source  string     `toml:"source"`  // what OpenCV opens: /dev/video0, 0, unix:/run/x.sock, a file, a URL
	Network bool       `toml:"network"` // the source needs the network: the worker keeps that right
	Origin  eid.Origin `toml:"origin"`

	Profile        string         `toml:"profile,omitempty"`         // of captures until the officer chooses another: standard (also when empty), glasses, headscarf, child, dim
	PortraitBytes  int            `toml:"portrait_bytes,omitempty"`  // of a portrait that is sent, at most; 0 for 100 kB
	PortraitFormat PortraitFormat `toml:"portrait_format,omitempty"` // that portraits are sent in: jpeg (also when empty), jpeg2000
	Checks         int            `toml:"active_checks,omitempty"`   // things that a person is asked to do before frames are taken: 0 to 3
}

// PortraitFormat is what a portrait in a request is encoded as.
type PortraitFormat string

const (
	PortraitJPEG     PortraitFormat = "jpeg"
	PortraitJPEG2000 PortraitFormat = "jpeg2000"
)

func (c *Camera) check() error {
	if c.PortraitFormat == "" {
		c.PortraitFormat = PortraitJPEG
	}
	if c.PortraitFormat != PortraitJPEG && c.PortraitFormat != PortraitJPEG2000 {
		return fmt.Errorf("camera.portrait_format %q: want %s or %s", c.PortraitFormat, PortraitJPEG, PortraitJPEG2000)
	}
	return nil
}

// Scanner configures the fingerprint scanner.
type Scanner struct {
	Port    string     `toml:"port"`    // /dev/ttyUSB0, /dev/pts/3
	Profile string     `toml:"profile"` // name of a firmware profile
	Origin  eid.Origin `toml:"origin"`
}

// Face configures recognition.
type Face struct {
	Models string `toml:"models"` // folder of model files
	// Engine is the choice of models to decide with; empty for the best that is installed.
	Engine string `toml:"engine,omitempty"`
	// FMR is the false match rate at most of a match without the officer; 0 for 0.001.
	FMR float64 `toml:"fmr,omitempty"`
	// Calibration is a file of `enrold calibrate face`, whose limits replace the
	// model's own; empty for those.
	Calibration string `toml:"calibration,omitempty"`
	// External is an engine of docs/ENGINE-PROTOCOL.md: "unix:/run/engine.sock", or
	// "exec:/opt/engine --flag"; empty for none.
	External string `toml:"external,omitempty"`
}

// DefaultFMR is one impostor in a thousand.
const DefaultFMR = 0.001

func (f *Face) check() error {
	if f.FMR == 0 {
		f.FMR = DefaultFMR
	}
	if !(f.FMR > 0 && f.FMR <= 0.01) {
		return fmt.Errorf("face.fmr %g: want more than 0 and at most 0.01", f.FMR)
	}
	if f.External != "" && !strings.HasPrefix(f.External, "unix:") && !strings.HasPrefix(f.External, "exec:") {
		return fmt.Errorf("face.external %q: want unix:PATH or exec:COMMAND", f.External)
	}
	if f.External != "" && f.Engine != "" {
		return errors.New("face.engine and face.external exclude each other")
	}
	return nil
}

// Central is where requests go and which keys speak for it.
type Central struct {
	URL        string `toml:"url"`
	CA         string `toml:"ca"`          // PEM: who may be the central
	Cert       string `toml:"cert"`        // PEM: the desk's TLS certificate
	Key        string `toml:"key"`         // PEM, mode 0600
	SealKey    string `toml:"seal_key"`    // HPKE public key, base64
	ReceiptKey string `toml:"receipt_key"` // PEM public key that signs receipts

	// Root is the PEM public key of the offline root that signs seal keys, rules,
	// calendar, trust lists and profiles (package sync/published). With it SealKey
	// is not used.
	Root      string `toml:"root"`
	GraceDays int    `toml:"seal_grace_days"` // go on beyond the end of the seal keys; 0 for 7, negative for none
	WarnDays  int    `toml:"seal_warn_days"`  // warn before their end; 0 for 14

	Protocol Protocol `toml:"protocol"`      // enrold (also when empty) or osia
	OSIA     string   `toml:"osia_url"`      // osia: base of its routes
	Token    string   `toml:"osia_token"`    // osia: file with the bearer token, mode 0600; empty for none
	WrapKey  string   `toml:"osia_wrap_key"` // osia: PEM public key for JWE; empty sends the sealed bytes as they are
}

// Protocol is what requests travel by.
type Protocol string

const (
	ProtocolEnrold Protocol = "enrold" // the central's own: announcements, resumable uploads
	ProtocolOSIA   Protocol = "osia"   // OSIA Enrollment 1.3.0
)

const (
	maxConfigBytes = 1 << 20

	defaultGraceDays = 7
	defaultWarnDays  = 14
)

// Load reads and checks the file at path.
func Load(path string) (Config, error) {
	var c Config
	f, err := os.Open(path)
	if err != nil {
		return c, fmt.Errorf("open configuration: %w", err)
	}
	defer f.Close()
	dec := toml.NewDecoder(io.LimitReader(f, maxConfigBytes))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok {
			return c, fmt.Errorf("read configuration %s: unknown key:\n%s", path, strict.String())
		}
		return c, fmt.Errorf("read configuration %s: %w", path, err)
	}
	c.resolve(filepath.Dir(path))
	if err := c.check(); err != nil {
		return c, fmt.Errorf("check configuration %s: %w", path, err)
	}
	return c, nil
}

func (c *Config) resolve(dir string) {
	for _, p := range []*string{
		&c.Desk.Data, &c.Chip.Socket, &c.Chip.Trust, &c.Face.Models, &c.Face.Calibration,
		&c.Central.CA, &c.Central.Cert, &c.Central.Key, &c.Central.SealKey, &c.Central.ReceiptKey,
		&c.Central.Root, &c.Central.Token, &c.Central.WrapKey,
		&c.Keys.TPM, &c.Keys.Module, &c.Keys.OfficerCertificate,
	} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
}

func (c *Config) check() error {
	if c.Desk.ID == "" || c.Desk.Data == "" {
		return errors.New("desk.id and desk.data are required")
	}
	if c.Desk.Role != CommunePolice && c.Desk.Role != Immigration {
		return fmt.Errorf("desk.role %q: want %s or %s", c.Desk.Role, CommunePolice, Immigration)
	}
	if err := c.Desk.checkSupervisors(); err != nil {
		return err
	}
	if err := c.Sync.check(); err != nil {
		return err
	}
	if c.Chip.Transport == "" {
		c.Chip.Transport = PCSC
	}
	switch {
	case c.Chip.Transport != PCSC && c.Chip.Transport != PN532:
		return fmt.Errorf("chip.transport %q: want %s or %s", c.Chip.Transport, PCSC, PN532)
	case c.Chip.Transport == PN532 && c.Chip.Port == "":
		return fmt.Errorf("chip.port is required with transport %s", PN532)
	}
	host, _, err := net.SplitHostPort(c.Desk.Listen)
	if err != nil {
		return fmt.Errorf("desk.listen: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("desk.listen %q: the screen is served on a loopback address only", c.Desk.Listen)
	}
	for name, o := range map[string]*eid.Origin{"chip": &c.Chip.Origin, "camera": &c.Camera.Origin, "scanner": &c.Scanner.Origin} {
		if *o == "" {
			*o = eid.OriginDevice
		}
		if *o != eid.OriginDevice && *o != eid.OriginEmulated {
			return fmt.Errorf("%s.origin %q: want device or emulated", name, *o)
		}
		if c.Desk.Production && *o == eid.OriginEmulated {
			return fmt.Errorf("%s.origin is emulated: a production desk refuses emulated devices", name)
		}
	}
	if err := c.Camera.check(); err != nil {
		return err
	}
	if err := c.Face.check(); err != nil {
		return err
	}
	if err := c.Central.check(c.Desk.Production); err != nil {
		return err
	}
	return c.Keys.check(c.Desk.Production)
}

func (c *Central) check(production bool) error {
	if c.Protocol == "" {
		c.Protocol = ProtocolEnrold
	}
	if c.GraceDays == 0 {
		c.GraceDays = defaultGraceDays
	}
	if c.WarnDays == 0 {
		c.WarnDays = defaultWarnDays
	}
	switch {
	case c.Protocol != ProtocolEnrold && c.Protocol != ProtocolOSIA:
		return fmt.Errorf("central.protocol %q: want %s or %s", c.Protocol, ProtocolEnrold, ProtocolOSIA)
	case c.Protocol == ProtocolOSIA && c.OSIA == "":
		return fmt.Errorf("central.osia_url is required with protocol %s", ProtocolOSIA)
	case c.WarnDays < 0:
		return errors.New("central.seal_warn_days is negative")
	case production && c.URL != "" && c.Root == "":
		return errors.New("central.root is required: a production desk takes seal keys from the offline root only")
	}
	return nil
}

// Marshal writes c as TOML.
func Marshal(c Config) ([]byte, error) { return toml.Marshal(c) }
