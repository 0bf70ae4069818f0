package vision

import (
	"context"

	"github.com/fxamacker/cbor/v2"
)

const methodProfile = "profile"

type profileCall struct {
	Use string `cbor:"use,omitempty"` // "" only asks
}

type profileAnswer struct {
	Profile string `cbor:"profile"`
}

// UseProfile makes a profile of package capture/quality the one for captures
// from now on; "" changes nothing. It returns the one in use. A worker that was
// started again uses the configured one.
func (c *Client) UseProfile(ctx context.Context, id string) (string, error) {
	var out profileAnswer
	err := c.caller.Call(ctx, methodProfile, profileCall{Use: id}, &out, nil)
	return out.Profile, err
}

func (s *service) profile(ctx context.Context, in cbor.RawMessage, _ func(any) error) (any, error) {
	var call profileCall
	if err := decode(in, &call); err != nil {
		return nil, err
	}
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	if call.Use != "" {
		if err := s.camera.Use(call.Use); err != nil {
			return nil, err
		}
	}
	return profileAnswer{Profile: s.camera.Profile().ID}, nil
}
