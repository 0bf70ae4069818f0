package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/worker"
	"github.com/enrold/enrold/internal/worker/chip"
)

// readCmd reads one document. Exit status: 0 when it was read and no check
// failed, 3 when it was read and a check failed or sources contradict each
// other, 1 when it was not read.
type readCmd struct {
	Config string `help:"Configuration file of the desk. Without one: the system's pcscd, or the one that PCSCLITE_CSOCK_NAME names." type:"existingfile"`
	Reader string `help:"Part of the reader's name; without it the first reader with a card."`
	Socket string `help:"Socket of pcscd." type:"path"`
	PN532  string `name:"pn532" help:"Serial port of a PN532 module, in place of pcscd." type:"path"`
	Trust  string `help:"Folder of trusted certificates (see enrold trust)." type:"existingdir"`

	MRZ    string `name:"mrz" help:"Lines of the machine readable zone, separated by |."`
	Number string `help:"Document number, or the 12-digit personal number of a Vietnamese card."`
	Birth  string `help:"Birth date, YYYY-MM-DD."`
	Expiry string `help:"Expiry date, YYYY-MM-DD; without it: unlimited."`
	CAN    string `name:"can" help:"Card access number."`
	QR     string `name:"qr" help:"Text of the code on a Vietnamese card: stands for --number and is compared with the chip."`
	Name   string `help:"The holder's name as printed, to be compared with the chip."`

	JSON       bool   `help:"Print one JSON object."`
	Portrait   string `help:"Write the portrait to this file." type:"path"`
	Transcript string `help:"Write what card and reader said to this file, as JSON lines, without keys and content." type:"path"`
	WithKeys   bool   `help:"Keep keys and content in the transcript: for test cards only."`
}

// Help is shown by enrold read --help.
func (readCmd) Help() string {
	return `Exit status: 0 when the document was read and no check failed; 3 when it was read and a check failed, or what the chip says contradicts itself or what was given; 1 when it was not read.`
}

// Run reads in a worker process of its own, as the daemon does.
func (c *readCmd) Run(ctx context.Context, log *slog.Logger) error {
	key, err := c.key()
	if err != nil {
		return err
	}
	if c.WithKeys && c.Transcript == "" {
		return errors.New("--with-keys is for --transcript")
	}
	file, remove, err := c.workerConfig()
	if err != nil {
		return err
	}
	defer func() { _ = remove() }()
	client, stop, err := chipWorker(ctx, file)
	if err != nil {
		return err
	}
	inspection, err := client.Inspect(ctx, key, c.WithKeys, c.progress())
	stop()
	if err != nil {
		return explained(err)
	}
	if err := c.files(inspection); err != nil {
		return err
	}
	result := judge(inspection)
	if c.JSON {
		err = result.printJSON(os.Stdout)
	} else {
		err = result.print(os.Stdout)
	}
	if err != nil {
		return err
	}
	if eid.CodeOf(inspection.Err) == eid.CodeMRZCheck {
		if err := offerRepairs(os.Stderr, key.MRZ); err != nil {
			return err
		}
	}
	switch result.Exit {
	case 0:
		return nil
	case exitCheckFailed:
		return exitStatus(exitCheckFailed)
	}
	return explained(inspection.Err)
}

const exitCheckFailed = 3

// key puts together what opens the chip.
func (c *readCmd) key() (eid.AccessKey, error) {
	key := eid.AccessKey{
		Number: eid.Private(c.Number), Birth: eid.Date(c.Birth), Expiry: eid.Date(c.Expiry), CAN: eid.Private(c.CAN),
		QR: eid.Private(c.QR), Name: eid.Private(c.Name),
	}
	for line := range strings.FieldsFuncSeq(c.MRZ, func(r rune) bool { return r == '|' || r == '\n' }) {
		key.MRZ = append(key.MRZ, eid.Private(strings.TrimSpace(line)))
	}
	if c.MRZ == "" && c.Number == "" && c.CAN == "" && c.QR == "" {
		return key, errors.New("nothing opens the chip: give --mrz, --number with --birth and --expiry, or --can")
	}
	return key, nil
}

// workerConfig writes the configuration of the worker: the desk's, if one was
// named, with what the command line changes.
func (c *readCmd) workerConfig() (file string, remove func() error, err error) {
	cfg := bareConfig()
	if c.Config != "" {
		if cfg, err = config.Load(c.Config); err != nil {
			return "", nil, err
		}
	}
	for value, field := range map[string]*string{c.Reader: &cfg.Chip.Reader, c.Socket: &cfg.Chip.Socket, c.Trust: &cfg.Chip.Trust} {
		if value != "" {
			*field = value
		}
	}
	if cfg.Chip.Trust != "" {
		if cfg.Chip.Trust, err = filepath.Abs(cfg.Chip.Trust); err != nil {
			return "", nil, fmt.Errorf("resolve trust folder: %w", err)
		}
	}
	if c.PN532 != "" {
		cfg.Chip.Transport, cfg.Chip.Port = config.PN532, c.PN532
	}
	return temporaryConfig(cfg)
}

// chipWorker starts a worker; stop ends it and joins it.
func chipWorker(ctx context.Context, configFile string) (client *chip.Client, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("find own program: %w", err)
	}
	handle := worker.NewHandle("chip", []string{self, "worker", "chip", "--config", configFile}, slog.New(slog.DiscardHandler), nil)
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { handle.Run(ctx) })
	return chip.NewClient(handle), func() { cancel(); running.Wait() }, nil
}

// progress shows the file being read on a terminal's error output.
func (c *readCmd) progress() func(float64, string) {
	if info, err := os.Stderr.Stat(); c.JSON || err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return func(share float64, file string) {
		fmt.Fprintf(os.Stderr, "\r%3.0f %%  %-6s", 100*share, file)
		if share >= 1 {
			fmt.Fprint(os.Stderr, "\r\033[K")
		}
	}
}

// files writes portrait and transcript, for this user only.
func (c *readCmd) files(i chip.Inspection) error {
	if c.Transcript != "" {
		if err := os.WriteFile(c.Transcript, i.Transcript, 0o600); err != nil {
			return fmt.Errorf("write transcript: %w", err)
		}
	}
	if c.Portrait != "" && len(i.Document.Portrait) > 0 {
		if err := os.WriteFile(c.Portrait, i.Document.Portrait, 0o600); err != nil {
			return fmt.Errorf("write portrait: %w", err)
		}
	}
	return nil
}

// explained adds what the failure table says of err.
func explained(err error) error {
	if _, ok := errors.AsType[*eid.Error](err); !ok {
		return err
	}
	f := eid.Explain(eid.CodeOf(err))
	return fmt.Errorf("%w\n%s %s\n%s %s", err, f.MessageVI, f.RemedyVI, f.MessageEN, f.RemedyEN)
}
