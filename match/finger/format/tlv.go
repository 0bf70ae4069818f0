package format

import "fmt"

// Classes of a BER tag, ITU-T X.690 §8.1.2.2.
const (
	universal   = 0
	application = 1
	contextual  = 2
)

const (
	tagSequence = 16
	maxDepth    = 12   // of nested elements of indefinite length
	maxChildren = 1024 // of one element
)

// element is one BER value. Its content is not copied.
type element struct {
	class, number int
	constructed   bool
	content       []byte
	at, body      int // where it and its content begin in the record
}

// readElement takes one element off data, which begins at byte at of the
// record. DER and BER lengths are understood, the indefinite form included.
func readElement(data []byte, at, depth int) (e element, rest []byte, err error) {
	short := fmt.Errorf("%w: element cut at byte %d", ErrFormat, at)
	if len(data) < 2 {
		return e, nil, short
	}
	e = element{class: int(data[0] >> 6), constructed: data[0]&0x20 != 0, number: int(data[0] & 0x1f), at: at}
	i := 1
	if e.number == 0x1f { // the long form
		e.number = 0
		for {
			if i >= len(data) || e.number > 1<<20 {
				return e, nil, short
			}
			e.number = e.number<<7 | int(data[i]&0x7f)
			i++
			if data[i-1]&0x80 == 0 {
				break
			}
		}
	}
	if i >= len(data) {
		return e, nil, short
	}
	n := int(data[i])
	i++
	switch {
	case n == 0x80:
		return readIndefinite(e, data[i:], at+i, depth)
	case n > 0x84:
		return e, nil, fmt.Errorf("%w: length of %d bytes at byte %d", ErrFormat, n-0x80, at)
	case n > 0x80:
		digits := n - 0x80
		if len(data)-i < digits {
			return e, nil, short
		}
		n = 0
		for _, b := range data[i : i+digits] {
			n = n<<8 | int(b)
		}
		i += digits
	}
	if n > len(data)-i {
		return e, nil, short
	}
	e.content, e.body = data[i:i+n], at+i
	return e, data[i+n:], nil
}

// readIndefinite finds the end-of-contents mark, X.690 §8.1.3.6.
func readIndefinite(e element, data []byte, at, depth int) (element, []byte, error) {
	if !e.constructed || depth >= maxDepth {
		return e, nil, fmt.Errorf("%w: indefinite length at byte %d", ErrFormat, at)
	}
	rest := data
	for {
		if len(rest) >= 2 && rest[0] == 0 && rest[1] == 0 {
			e.content, e.body = data[:len(data)-len(rest)], at
			return e, rest[2:], nil
		}
		var err error
		if _, rest, err = readElement(rest, at+len(data)-len(rest), depth+1); err != nil {
			return e, nil, err
		}
	}
}

// children of a constructed element.
func (e element) children() (out []element, err error) {
	if !e.constructed {
		return nil, fmt.Errorf("%w: no structure at byte %d", ErrFormat, e.at)
	}
	for rest := e.content; len(rest) > 0; {
		var c element
		if c, rest, err = readElement(rest, e.body+len(e.content)-len(rest), 0); err != nil {
			return nil, err
		}
		if out = append(out, c); len(out) > maxChildren {
			return nil, fmt.Errorf("%w: more than %d members at byte %d", ErrUnsupported, maxChildren, e.at)
		}
	}
	return out, nil
}

// is reports a context-specific tag.
func (e element) is(number int) bool { return e.class == contextual && e.number == number }

// child is the first child with a context-specific tag.
func (e element) child(number int) (element, bool) {
	cs, err := e.children()
	if err != nil {
		return element{}, false
	}
	for _, c := range cs {
		if c.is(number) {
			return c, true
		}
	}
	return element{}, false
}

// integer is the value of a primitive element of up to four bytes.
func (e element) integer() (int, bool) {
	if e.constructed || len(e.content) == 0 || len(e.content) > 4 {
		return 0, false
	}
	v := int(int8(e.content[0]))
	for _, b := range e.content[1:] {
		v = v<<8 | int(b)
	}
	return v, true
}

// code is the value of an enumeration that ISO/IEC 39794-1 makes extensible:
// CHOICE { code [0], extensionBlock [1] { fallback [0], … } }. Writers differ in
// whether the choice has a SEQUENCE around it, and some write the bare code.
func (e element) code() (int, bool) {
	if v, ok := e.integer(); ok {
		return v, true
	}
	if cs, err := e.children(); err == nil && len(cs) == 1 && cs[0].class == universal && cs[0].number == tagSequence {
		e = cs[0]
	}
	c, ok := e.child(0)
	if !ok {
		if c, ok = e.child(1); ok {
			c, ok = c.child(0)
		}
	}
	if !ok {
		return 0, false
	}
	return c.integer()
}
