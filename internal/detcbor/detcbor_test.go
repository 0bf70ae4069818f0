package detcbor

import (
	"encoding/hex"
	"testing"
)

func TestModes(t *testing.T) {
	enc, dec := Modes(Bounds{Depth: 4, Elements: 16, Pairs: 16})
	type value struct {
		B int    `cbor:"b"`
		A string `cbor:"a"`
	}
	data, err := enc.Marshal(value{B: 2, A: "x"})
	if err != nil || hex.EncodeToString(data) != "a261616178616202" {
		t.Fatalf("encoded %x (%v), want the keys in order", data, err)
	}
	for name, bad := range map[string]string{
		"unknown key":       "a36161617861620261630a",
		"key twice":         "a26161617861616178",
		"indefinite length": "bf616161786162" + "02ff",
		"tag":               "a2616161786162c102",
		"invalid UTF-8":     "a2616161ff616202",
		"too many elements": "91" + "0000000000000000000000000000000000",
	} {
		data, err := hex.DecodeString(bad)
		if err != nil {
			t.Fatal(err)
		}
		var v value
		if name == "too many elements" {
			var list []int
			err = dec.Unmarshal(data, &list)
		} else {
			err = dec.Unmarshal(data, &v)
		}
		if err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	var v value
	if err := dec.Unmarshal(data, &v); err != nil || v != (value{2, "x"}) {
		t.Errorf("read back %+v (%v)", v, err)
	}
}
