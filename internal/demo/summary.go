package demo

import (
	"fmt"
	"io"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/station"
	"github.com/enrold/enrold/internal/web"
)

// Summary is one visit as `enrold demo --json` prints it.
type Summary struct {
	Procedure eid.ProcedureKind `json:"procedure"`
	RequestID string            `json:"request_id"`
	Outcome   string            `json:"outcome"` // granted, rejected, refused, abandoned
	Refusal   *Refusal          `json:"refusal,omitempty"`
	Chip      *Chip             `json:"chip,omitempty"`
	Face      *Face             `json:"face,omitempty"`
	Fingers   []Finger          `json:"fingers"`
	Queue     *Queue            `json:"queue,omitempty"`
	Sync      *Sync             `json:"sync,omitempty"`
	TimingsMS map[string]int64  `json:"timings_ms"`
}

// Refusal is why a visit ended without a request, or a request without an account.
type Refusal struct {
	Code      eid.Code `json:"code"`
	MessageVI string   `json:"message_vi"`
	MessageEN string   `json:"message_en"`
}

// Chip is how the document was read.
type Chip struct {
	Access string         `json:"access"`
	PA     eid.CheckState `json:"pa"`
	APDUs  int            `json:"apdus"`
	Bytes  int            `json:"bytes"`
}

// Face is the decision on the portrait.
type Face struct {
	Engine    string  `json:"engine"`
	Model     string  `json:"model"`
	Metric    string  `json:"metric"`
	Score     float64 `json:"score"`
	Threshold float64 `json:"threshold"` // of the false match rate FMR on CalibrationSet
	Pass      bool    `json:"pass"`

	Outcome        eid.FaceOutcome `json:"outcome"`
	Reason         eid.FaceReason  `json:"reason"`
	Review         float64         `json:"review"`
	FMR            float64         `json:"fmr"`
	CalibrationSet string          `json:"calibration_set"`
	Frames         int             `json:"frames"`
	Warning        eid.Code        `json:"warning,omitempty"`
	Attested       string          `json:"attested,omitempty"` // the officer's reason, where it was left to him
}

// Finger is the decision on one finger.
type Finger struct {
	Position  eid.FingerPosition `json:"position"`
	Quality   int                `json:"quality"`
	Score     float64            `json:"score"`
	Threshold float64            `json:"threshold"`
	Pass      bool               `json:"pass"`
}

// Queue is where the request stands in the desk's queue.
type Queue struct {
	Seq         int64 `json:"seq"`
	SealedBytes int   `json:"sealed_bytes"`
}

// Sync is how the request reached the central. Receipt is "verified" once the
// queue holds a receipt that it checked; nothing else moves a request on.
type Sync struct {
	Attempts int    `json:"attempts"`
	Receipt  string `json:"receipt"`
}

func summarise(v *station.View) Summary {
	s := Summary{Procedure: v.Procedure, RequestID: v.ID, Outcome: string(v.Step), Fingers: []Finger{}, TimingsMS: map[string]int64{}}
	for _, step := range []string{"chip", "face", "finger", "sign_seal_queue"} {
		s.TimingsMS[step] = v.TimingsMS[step]
	}
	s.TimingsMS["sync"] = 0
	s.total()
	if v.Refusal != nil {
		s.Refusal = &Refusal{v.Refusal.Code, v.Refusal.MessageVI, v.Refusal.MessageEN}
	}
	if d := v.Document; d != nil {
		s.Chip = &Chip{d.Access, d.PA.State, d.APDUs, d.Bytes}
	}
	if f := v.Face; f != nil {
		s.Face = &Face{
			Engine: f.Engine, Model: f.Model, Metric: f.Metric, Score: f.Score, Threshold: f.Threshold, Pass: f.Pass,
			Outcome: f.Outcome, Reason: f.Reason, Review: f.Review, FMR: f.FMR, CalibrationSet: f.CalibrationSet,
			Frames: f.Frames, Warning: f.Warning,
		}
		if v.FaceAttested != nil {
			s.Face.Attested = v.FaceAttested.Reason
		}
	}
	for _, f := range v.Fingers {
		if d := f.Decision; d != nil {
			s.Fingers = append(s.Fingers, Finger{d.Position, d.Quality, d.Score, d.Threshold, d.Pass})
		}
	}
	if v.Queued != nil {
		s.Queue = &Queue{v.Queued.Seq, v.Queued.SealedBytes}
	}
	return s
}

// settle adds what the queue learnt from the central.
func (s *Summary) settle(row web.QueueRow) {
	s.Sync = &Sync{Attempts: row.Attempts, Receipt: "none"}
	if row.Receipt {
		s.Sync.Receipt = "verified"
	}
	s.Outcome = row.State
	s.TimingsMS["sync"] = row.SyncMS
	s.total()
	if row.State == "rejected" || row.State == "refused" {
		f := eid.Explain(row.Code)
		s.Refusal = &Refusal{f.Code, f.MessageVI, f.MessageEN}
	}
}

func (s *Summary) total() {
	var sum int64
	for _, step := range []string{"chip", "face", "finger", "sign_seal_queue", "sync"} {
		sum += s.TimingsMS[step]
	}
	s.TimingsMS["machine_total"] = sum
}

func (f Face) print(w io.Writer) {
	fmt.Fprintf(w, "  face     %s %s: %s (%s), %s of %d frames %.3f, limits %.3f and %.3f at FMR %g on %s\n",
		f.Engine, f.Model, f.Outcome, f.Reason, f.Metric, f.Frames, f.Score, f.Review, f.Threshold, f.FMR, f.CalibrationSet)
	if f.Warning != "" {
		fmt.Fprintf(w, "           %s %s\n", f.Warning, eid.Explain(f.Warning).MessageEN)
	}
	if f.Attested != "" {
		fmt.Fprintf(w, "           the officer compared by eye and attested it: %s\n", f.Attested)
	}
}

// Print writes the summary for a person.
func (s Summary) Print(w io.Writer) {
	fmt.Fprintf(w, "\nvisit %s: %s\n", s.RequestID, s.Outcome)
	if s.Refusal != nil {
		fmt.Fprintf(w, "  %s  %s\n  %s\n", s.Refusal.Code, s.Refusal.MessageVI, s.Refusal.MessageEN)
	}
	if s.Chip != nil {
		fmt.Fprintf(w, "  chip     %s, passive authentication %s, %d APDUs, %d bytes\n", s.Chip.Access, s.Chip.PA, s.Chip.APDUs, s.Chip.Bytes)
	}
	if s.Face != nil {
		s.Face.print(w)
	}
	for _, f := range s.Fingers {
		fmt.Fprintf(w, "  finger   position %d: quality %d, score %.3f, threshold %.3f, pass %t\n", f.Position, f.Quality, f.Score, f.Threshold, f.Pass)
	}
	if s.Queue != nil {
		fmt.Fprintf(w, "  queue    number %d, %d bytes sealed\n", s.Queue.Seq, s.Queue.SealedBytes)
	}
	if s.Sync != nil {
		fmt.Fprintf(w, "  sync     %d attempt(s), receipt %s\n", s.Sync.Attempts, s.Sync.Receipt)
	}
	for _, step := range []string{"chip", "face", "finger", "sign_seal_queue", "sync", "machine_total"} {
		fmt.Fprintf(w, "  %-16s %6d ms\n", step, s.TimingsMS[step])
	}
}
