package lds

import (
	"errors"
	"fmt"

	"github.com/enrold/enrold/reader/tlv"
)

// ParseDG7 takes the displayed signatures or usual marks out of DG7 (Doc 9303-10
// §4.7.7): objects 5F43, each a JPEG or JPEG 2000. There is at least one.
func ParseDG7(file []byte) ([]Image, error) {
	content, err := body(file, 7)
	if err != nil {
		return nil, err
	}
	objects, err := tlv.List(content)
	if err != nil {
		return nil, fmt.Errorf("DG7: %w", err)
	}
	var list []Image
	for _, o := range objects {
		if o.Tag != 0x5F43 {
			continue
		}
		if len(list) == maxBlocks {
			return nil, errors.New("DG7: too many images")
		}
		i, err := imageOf(o.Value)
		if err != nil {
			return nil, fmt.Errorf("DG7: %w", err)
		}
		list = append(list, i)
	}
	if len(list) == 0 {
		return nil, errors.New("DG7: file holds no image")
	}
	return list, nil
}
