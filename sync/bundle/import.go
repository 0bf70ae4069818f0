package bundle

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/published"
	"github.com/enrold/enrold/sync/signed"
	"github.com/enrold/enrold/sync/wire"
)

// Door is the central as a bundle needs it.
type Door interface {
	// DeviceKeys returns the keys that sign for a desk, none for an unknown or
	// revoked one.
	DeviceKeys(ctx context.Context, desk string) ([]crypto.PublicKey, error)
	// Accept takes sealed bytes as over the network. The same bytes again give
	// the same receipt with fresh false. A final refusal is a wire.Problem.
	Accept(ctx context.Context, desk, id string, sealed []byte) (receipt []byte, fresh bool, err error)
	// Statements returns what the central signed about a desk's request, the
	// receipt first; nothing when it does not know the request.
	Statements(ctx context.Context, desk, id string) ([][]byte, error)
	// Log keeps the head of a desk's log when it extends the kept one, and
	// returns what is kept: upload.Ledger. A contradiction is wire.ErrLog.
	Log(ctx context.Context, desk string, log wire.Log) (wire.LogHead, error)
}

// Imported says what a bundle brought.
type Imported struct {
	Bundle  string     `json:"bundle"`
	Desk    string     `json:"desk"`
	Fresh   int        `json:"fresh"`   // requests that the central did not have
	Known   int        `json:"known"`   // requests that it had
	Refused int        `json:"refused"` // requests that it will never take
	Damaged int        `json:"damaged"` // files that are not as the manifest says
	Codes   []eid.Code `json:"codes,omitempty"`
	Answer  string     `json:"answer,omitempty"` // folder of the results bundle
}

func (im *Imported) note(code eid.Code) {
	for _, c := range im.Codes {
		if c == code {
			return
		}
	}
	im.Codes = append(im.Codes, code)
}

// Import takes bundles and answers them.
type Import struct {
	Door      Door
	Receipt   crypto.Signer    // signs the answer
	Published *published.Store // what the desk is to know, may be nil
	Now       func() time.Time
}

// FindRequests returns the folders of desks' bundles in dir, or dir itself when
// it is one. None is eid.CodeInput.
func FindRequests(dir string) ([]string, error) { return findSome(dir, requestsPrefix) }

// FindResults does the same for bundles of a central.
func FindResults(dir string) ([]string, error) { return findSome(dir, resultsPrefix) }

func findSome(dir, prefix string) ([]string, error) {
	found, err := find(dir, prefix)
	if err == nil && len(found) == 0 {
		err = errors.New("no bundle there")
	}
	if err != nil {
		return nil, eid.Fail(eid.CodeInput, "find bundles", err)
	}
	return found, nil
}

// Take brings one bundle in and writes the answer beside it, into the folder to.
// A bundle that is no desk's is refused whole: eid.CodeBundleUnfinished,
// eid.CodeBundleAltered or eid.CodeBundleForeign. Of a genuine one, each request
// stands for itself: what is damaged is counted, the others are taken. Taking
// one again changes nothing, says eid.CodeBundleReplayed and answers anew, since
// the first answer may be lost and results may have come.
func (x Import) Take(ctx context.Context, dir, to string) (Imported, error) {
	r, err := openFolder(dir)
	if err != nil {
		return Imported{}, err
	}
	defer r.close()
	m, err := x.manifest(ctx, r)
	if err != nil {
		return Imported{}, err
	}
	im := Imported{Bundle: m.Bundle, Desk: m.DeskID}
	answers := []Answer{}
	for _, e := range m.Entries {
		a, err := x.request(ctx, r, m.DeskID, e, &im)
		if err != nil {
			return im, fmt.Errorf("import bundle: %w", err)
		}
		if a != nil {
			answers = append(answers, *a)
		}
	}
	for _, id := range m.Awaiting {
		statements, err := x.Door.Statements(ctx, m.DeskID, id)
		if err != nil {
			return im, fmt.Errorf("import bundle: %w", err)
		}
		if len(statements) > 0 {
			answers = append(answers, Answer{ID: id, Statements: statements})
		}
	}
	if len(m.Entries) > 0 && im.Known == len(m.Entries) {
		im.note(eid.CodeBundleReplayed)
	}
	kept, err := x.Door.Log(ctx, m.DeskID, m.Log)
	switch {
	case errors.Is(err, wire.ErrLog):
		im.note(eid.CodeBundleReplayed) // an older bundle, or a desk that was rolled back
	case errors.Is(err, wire.ErrLogFrom): // nothing is proven: the answer says where the next proof starts
	case err != nil:
		return im, fmt.Errorf("import bundle: %w", err)
	}
	im.Answer, err = x.answer(m, answers, kept, to)
	if err != nil {
		return im, fmt.Errorf("answer bundle: %w", err)
	}
	return im, nil
}

// manifest reads and verifies the manifest with the keys of the desk it names.
func (x Import) manifest(ctx context.Context, r *reader) (Requests, error) {
	const op = "verify bundle"
	message, err := r.manifest(maxManifest)
	if err != nil {
		return Requests{}, err
	}
	claimed, err := signed.Unverified(typeRequests, message)
	if err != nil {
		return Requests{}, eid.Fail(eid.CodeBundleAltered, op, err)
	}
	m, err := decodeRequests(claimed)
	if err != nil {
		return Requests{}, eid.Fail(eid.CodeBundleAltered, op, err)
	}
	keys, err := x.Door.DeviceKeys(ctx, m.DeskID)
	if err != nil {
		return Requests{}, fmt.Errorf("%s: %w", op, err)
	}
	if len(keys) == 0 {
		return Requests{}, eid.Fail(eid.CodeBundleForeign, op, errors.New("desk is not registered here"))
	}
	for _, key := range keys {
		if _, err = signed.Verify(key, typeRequests, message); err == nil {
			return m, nil
		}
	}
	return Requests{}, eid.Fail(eid.CodeBundleAltered, op, err)
}

// request brings one request in. It returns nil where there is nothing to
// answer, and an error only where going on makes no sense.
func (x Import) request(ctx context.Context, r *reader, desk string, e Entry, im *Imported) (*Answer, error) {
	sealed, err := r.payload(requestFile(e.ID), e.Size)
	if err == nil {
		err = checkPayload(desk, e, sealed)
	}
	if err != nil {
		im.Damaged++
		im.note(eid.CodeOf(err))
		return nil, ctx.Err()
	}
	receipt, fresh, err := x.Door.Accept(ctx, desk, e.ID, sealed)
	if p, refused := errors.AsType[wire.Problem](err); refused && p.Status < 500 && p.Code != "" {
		im.Refused++
		im.note(eid.CodeSyncRefused)
		return &Answer{ID: e.ID, Statements: [][]byte{}, Refused: p.Code}, nil
	}
	if err != nil {
		return nil, err
	}
	if fresh {
		im.Fresh++
		return &Answer{ID: e.ID, Statements: [][]byte{receipt}}, nil
	}
	im.Known++
	statements, err := x.Door.Statements(ctx, desk, e.ID)
	if err != nil {
		return nil, err
	}
	if len(statements) == 0 {
		statements = [][]byte{receipt}
	}
	return &Answer{ID: e.ID, Statements: statements}, nil
}

func checkPayload(desk string, e Entry, sealed []byte) error {
	const op = "check request of bundle"
	if !bytes.Equal(request.Hash(sealed), e.Hash) {
		return eid.Fail(eid.CodeBundleAltered, op, errors.New("hash differs from the manifest's"))
	}
	ident, err := request.ParseIdent(sealed)
	if err != nil {
		return eid.Fail(eid.CodeBundleAltered, op, err)
	}
	if ident.Desk != desk || ident.Request != e.ID || ident.Seq != e.Seq {
		return eid.Fail(eid.CodeBundleForeign, op, errors.New("request is of another desk or number"))
	}
	return nil
}

// answer writes the results bundle.
func (x Import) answer(m Requests, answers []Answer, kept wire.LogHead, to string) (string, error) {
	id, err := newID()
	if err != nil {
		return "", err
	}
	now := x.Now()
	out := Results{
		Version: version, Bundle: id, InReplyTo: m.Bundle, DeskID: m.DeskID, Made: now.UnixMilli(),
		Answers: answers, Log: kept, Published: []published.Entry{},
	}
	size := int64(maxResults)
	var items []published.Kept
	if x.Published != nil {
		items = x.Published.All()
	}
	for _, k := range items {
		out.Published = append(out.Published, published.Entry{Kind: k.Kind, Version: k.Version, Hash: k.Hash})
		size += int64(len(k.Signed))
	}
	if err := out.check(); err != nil {
		return "", err
	}
	p, err := begin(to, folderName(resultsPrefix, m.DeskID, id, now), len(items), size)
	if err != nil {
		return "", err
	}
	for _, k := range items {
		if err := p.add(itemFile(k.Kind), k.Signed); err != nil {
			return "", err
		}
	}
	return p.dir, p.finish(x.Receipt, typeResults, out)
}

func itemFile(kind string) string { return kind + ".cose" }
