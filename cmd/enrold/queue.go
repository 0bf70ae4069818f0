package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/keys"
	"github.com/enrold/enrold/queue"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/wire"
)

type queueCmd struct {
	Ls             queueLsCmd             `cmd:"" help:"List the queued requests, newest first. Works beside a running daemon."`
	Show           queueShowCmd           `cmd:"" help:"Show one request and what the audit log says of it. Works beside a running daemon."`
	Verify         queueVerifyCmd         `cmd:"" help:"Check every row, file, receipt and log entry. Works beside a running daemon. Exit status 3: something was altered."`
	Export         queueExportCmd         `cmd:"" help:"Write the requests into a folder: for a stick, for support or for another machine."`
	Receipts       queueReceiptsCmd       `cmd:"" help:"Take the central's receipts and results from a stick. Works beside a running daemon, which gets them handed over."`
	Import         queueImportCmd         `cmd:"" help:"Take a plain export into a data folder without a queue."`
	Compact        queueCompactCmd        `cmd:"" help:"Rewrite the database without free pages (the daemon must not run)."`
	AcceptRollback queueAcceptRollbackCmd `cmd:"" help:"End the alarm E-QUEUE-ROLLBACK after looking into it (the daemon must not run)."`
}

// queueFolder names the desk's data folder, by its configuration or directly.
type queueFolder struct {
	Config string `help:"Configuration file of the desk." type:"existingfile" xor:"folder" required:""`
	Data   string `help:"Data folder of the desk." type:"path" xor:"folder" required:""`
}

func (f queueFolder) dir() (string, error) {
	if f.Data != "" {
		return f.Data, nil
	}
	cfg, err := config.Load(f.Config)
	return cfg.Desk.Data, err
}

// read opens the queue for reading.
func (f queueFolder) read(ctx context.Context, use func(*queue.Reader) error) error {
	dir, err := f.dir()
	if err != nil {
		return err
	}
	r, err := queue.OpenReader(ctx, dir, nil)
	if err != nil {
		return err
	}
	return errors.Join(use(r), r.Close())
}

type queueLsCmd struct {
	queueFolder
	Limit int         `help:"At most so many." default:"100"`
	State queue.State `help:"Only requests in this state."`
	JSON  bool        `help:"Print JSON."`
}

// Run lists.
func (c *queueLsCmd) Run(ctx context.Context, out io.Writer) error {
	return c.read(ctx, func(r *queue.Reader) error {
		rows, err := r.List(ctx, c.Limit)
		if err != nil {
			return err
		}
		shown := []queue.Row{}
		for _, row := range rows {
			if c.State == "" || row.State == c.State {
				shown = append(shown, row)
			}
		}
		if c.JSON {
			return json.NewEncoder(out).Encode(shown)
		}
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "NUMBER\tREQUEST\tSTATE\tQUEUED\tDUE\tBYTES\tSENT\tTRIES\tERROR")
		for _, row := range shown {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", row.Seq, row.ID, row.State, row.QueuedAt.Local().Format("2006-01-02 15:04:05"),
				row.DueAt, row.SealedBytes, row.Offset, row.Attempts, strings.TrimSpace(string(row.Error)+" "+row.Reason))
		}
		return w.Flush()
	})
}

type queueShowCmd struct {
	ID string `arg:"" help:"The request's id."`
	queueFolder
	JSON bool `help:"Print JSON."`
}

// shownRequest is what `queue show` prints.
type shownRequest struct {
	queue.Row
	Entries []queue.Entry `json:"entries"`
}

// Run shows.
func (c *queueShowCmd) Run(ctx context.Context, out io.Writer) error {
	return c.read(ctx, func(r *queue.Reader) error {
		row, err := r.Get(ctx, c.ID)
		if err != nil {
			return err
		}
		s := shownRequest{Row: row, Entries: []queue.Entry{}}
		if err := r.Entries(ctx, 0, c.ID, func(e queue.Entry) error { s.Entries = append(s.Entries, e); return nil }); err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(out).Encode(s)
		}
		fmt.Fprintf(out, "request   %s\nnumber    %d\nstate     %s %s %s\nqueued    %s, due %s\nbytes     %d sealed, %d sent, receipt %t\nhash      %x\n",
			row.ID, row.Seq, row.State, row.Error, row.Reason, row.QueuedAt.Local().Format("2006-01-02 15:04:05"), row.DueAt, row.SealedBytes, row.Offset, row.Receipt, row.BodyHash)
		for _, e := range s.Entries {
			fmt.Fprintf(out, "%8d  %s  %s %s\n", e.Number, e.Time().Local().Format("2006-01-02 15:04:05.000"), e.Kind, e.Details)
		}
		return nil
	})
}

type queueVerifyCmd struct {
	queueFolder
	JSON bool `help:"Print JSON."`
}

// Run verifies. With the desk's configuration the central's signatures and the
// hardware counter are checked, too.
func (c *queueVerifyCmd) Run(ctx context.Context, out io.Writer) error {
	v, done, err := c.verification(ctx)
	if err != nil {
		return err
	}
	defer done()
	var report queue.Report
	if err := c.read(ctx, func(r *queue.Reader) error { report, err = r.Verify(ctx, v); return err }); err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(out).Encode(report)
	} else {
		fmt.Fprintf(out, "%d requests, %d payloads, %d statements of the central, %d log entries\nlog root  %s\n",
			report.Requests, report.Payloads, report.Statements, report.Entries, hex.EncodeToString(report.Log.Root))
		for _, n := range report.Notes {
			fmt.Fprintln(out, "note     ", n)
		}
		for _, f := range report.Findings {
			fmt.Fprintf(out, "ALTERED   %s %d: %s\n", f.Where, f.Seq, f.Problem)
		}
	}
	if err == nil && len(report.Findings) > 0 {
		err = queueAltered(len(report.Findings))
	}
	return err
}

// queueAltered makes the exit status 3.
type queueAltered int

func (n queueAltered) Error() string {
	return fmt.Sprintf("%d findings: the queue was altered", int(n))
}
func (queueAltered) ExitCode() int { return 3 }

func (c *queueVerifyCmd) verification(ctx context.Context) (v queue.Verification, done func(), err error) {
	done = func() {}
	if c.Config == "" {
		return v, done, nil
	}
	cfg, err := config.Load(c.Config)
	if err != nil {
		return v, done, err
	}
	if text, err := os.ReadFile(cfg.Central.ReceiptKey); err == nil {
		key, err := request.ParsePublicKey(text)
		if err != nil {
			return v, done, fmt.Errorf("load receipt key: %w", err)
		}
		v.Statement = func(kind string, row queue.Row, signed []byte) error {
			s, err := wire.VerifyStatement(key, signed)
			if err != nil {
				return err
			}
			return s.About(wire.Kind(kind), request.Ident{Desk: cfg.Desk.ID, Request: row.ID, Seq: row.Seq}, row.BodyHash)
		}
	}
	desk, err := keys.Open(ctx, cfg)
	if err != nil {
		return v, done, err
	}
	if desk.Counter != nil {
		v.Counter = desk.Counter
	}
	return v, func() { _ = desk.Close() }, nil
}

type queueImportCmd struct {
	From string `arg:"" help:"Folder of a plain export." type:"existingdir"`
	queueFolder
}

// Run imports.
func (c *queueImportCmd) Run(ctx context.Context, out io.Writer) error {
	dir, err := c.dir()
	if err != nil {
		return err
	}
	head, err := queue.Import(ctx, dir, c.From)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "imported: %d log entries, root %x (compare with the export's desk.json and with the central)\n", head.Size, head.Root)
	return nil
}

type queueCompactCmd struct{ queueFolder }

// Run compacts.
func (c *queueCompactCmd) Run(ctx context.Context) error {
	dir, err := c.dir()
	if err != nil {
		return err
	}
	return queue.Compact(ctx, dir)
}

type queueAcceptRollbackCmd struct {
	Config string `required:"" help:"Configuration file of the desk." type:"existingfile"`
	Reason string `required:"" help:"Why the database is older than the counter; kept in the audit log."`
}

// Run accepts.
func (c *queueAcceptRollbackCmd) Run(ctx context.Context) (err error) {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	desk, err := keys.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.Close()) }()
	if desk.Counter == nil {
		return errors.New("this desk has no hardware counter (keys.device)")
	}
	return queue.AcceptRollback(ctx, cfg.Desk.Data, desk.Counter, c.Reason)
}

// endWhenStopped ends the daemon once the disk has failed: the service manager
// starts it again, and opening the queue anew tells what is really on the disk.
func endWhenStopped(ctx context.Context, q *queue.Queue, stop func()) {
	select {
	case <-q.Stopped():
		stop()
	case <-ctx.Done():
	}
}

// queueStopped is the daemon's own failure then, so that its exit status says so.
func queueStopped(q *queue.Queue) error {
	select {
	case <-q.Stopped():
		return eid.Fail(eid.CodeQueueStopped, "keep the queue", nil)
	default:
		return nil
	}
}
