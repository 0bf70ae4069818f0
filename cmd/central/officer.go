package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/wire/enrolment"
)

type officerCommand struct {
	Approve officerApproveCommand `cmd:"" help:"Take an officer's key at a desk (enrold enrol officer)."`
	Revoke  officerRevokeCommand  `cmd:"" help:"End an officer's key at every desk."`
}

type officerApproveCommand struct {
	folder
	File          string `arg:"" type:"existingfile" help:"The officer's request."`
	Fingerprint   string `help:"The request's fingerprint, as the desk reads it out; without it the request is only shown."`
	AllowSoftware bool   `help:"Take an officer's key that is a file."`
}

// Run verifies the request with each device key of the desk that is not revoked.
func (c officerApproveCommand) Run(ctx context.Context) (err error) {
	file, err := readLimited(c.File, enrolment.MaxFile)
	if err != nil {
		return err
	}
	desk, err := enrolment.OfficerDesk(file)
	if err != nil {
		return err
	}
	registry, err := c.registry(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, registry.Close()) }()
	known, err := registry.Desk(ctx, desk)
	if err != nil {
		return err
	}
	var r enrolment.OfficerRequest
	err = errors.New("the desk has no device key that is not revoked")
	for _, key := range deviceKeys(known) {
		if r, err = enrolment.VerifyOfficer(file, key); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	fmt.Printf("desk         %s\nofficer      %s\nofficer key  %s\nfingerprint  %s\n", r.DeskID, r.Officer, r.OfficerOrigin, r.Fingerprint())
	if c.Fingerprint == "" {
		return nil
	}
	if r.Fingerprint() != c.Fingerprint {
		return errors.New("the fingerprint is another one: this is not the file that the desk wrote")
	}
	if r.OfficerOrigin == request.KeySoftware && !c.AllowSoftware {
		return errors.New("the officer's key is a file: use --allow-software to take it all the same")
	}
	if err := registry.RegisterOfficer(ctx, r.DeskID, r.Officer, r.OfficerKey, r.OfficerOrigin); err != nil {
		return err
	}
	fmt.Println("registered")
	return nil
}

type officerRevokeCommand struct {
	folder
	KeyID string `arg:"" help:"Key id in hexadecimal, as 'central desk list' shows it with --json."`
}

func (c officerRevokeCommand) Run(ctx context.Context) (err error) {
	kid, err := hex.DecodeString(c.KeyID)
	if err != nil || len(kid) != request.HashSize {
		return errors.New("a key id has 64 hexadecimal digits")
	}
	registry, err := c.registry(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, registry.Close()) }()
	return registry.RevokeOfficer(ctx, kid)
}
