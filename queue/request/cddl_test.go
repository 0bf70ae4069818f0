package request

import (
	"encoding/binary"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// grammar is what this test reads of CDDL (RFC 8610): rules that are maps with
// one entry a line, and types made of names, literals, ranges, arrays, choices
// and the controls .size, .regexp and .cbor. No maintained Go library validates
// CBOR against CDDL.
type grammar map[string]string

// entry is one member of a map rule.
type entry struct {
	optional bool
	kind     string
}

var (
	rulePattern  = regexp.MustCompile(`(?m)^([a-z0-9-]+) = (\{\n(?:.*\n)*?\}|#6\.98\(\[\n(?:.*\n)*?\]\)|\[\n(?:.*\n)*?\]|.+)$`)
	entryPattern = regexp.MustCompile(`^(\? )?([a-z0-9_-]+): (.+)$`)
	sizedPattern = regexp.MustCompile(`^bstr \.size (\d+)$`)
	textPattern  = regexp.MustCompile(`^tstr \.regexp "(.*)"$`)
	rangePattern = regexp.MustCompile(`^(\d+)\.\.(\d+)$`)
	arrayPattern = regexp.MustCompile(`^\[(\d*)\*(\d*) (.+)\]$`)
)

func loadGrammar(t *testing.T) grammar {
	t.Helper()
	data, err := os.ReadFile("../../docs/request.cddl")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)\s*;.*$`).ReplaceAllString(string(data), "")
	g := grammar{}
	for _, m := range rulePattern.FindAllStringSubmatch(text, -1) {
		g[m[1]] = m[2]
	}
	return g
}

// entries splits a rule that is a map or an array of named members, in order.
func (g grammar) entries(rule string) (names []string, members map[string]entry, err error) {
	members = map[string]entry{}
	for line := range strings.SplitSeq(g[rule], "\n") {
		line = strings.TrimSuffix(strings.TrimSpace(line), ",")
		if line == "" || strings.ContainsAny(line[:1], "{}[]#") {
			continue
		}
		m := entryPattern.FindStringSubmatch(line)
		if m == nil {
			return nil, nil, fmt.Errorf("rule %s: cannot read %q", rule, line)
		}
		names, members[m[2]] = append(names, m[2]), entry{optional: m[1] != "", kind: m[3]}
	}
	return names, members, nil
}

// check holds a decoded CBOR value against a type.
func (g grammar) check(kind string, v any) error {
	for choice := range strings.SplitSeq(kind, " / ") {
		if err := g.checkOne(choice, v); err == nil {
			return nil
		} else if !strings.Contains(kind, " / ") {
			return err
		}
	}
	return fmt.Errorf("%v is none of %s", v, kind)
}

func (g grammar) checkOne(kind string, v any) error {
	bad := fmt.Errorf("%T %v is not %s", v, v, kind)
	var ok bool
	switch {
	case kind == "tstr":
		_, ok = v.(string)
	case kind == "bstr":
		_, ok = v.([]byte)
	case kind == "bool":
		_, ok = v.(bool)
	case kind == "float":
		_, ok = v.(float64)
	case kind == "uint":
		_, ok = v.(uint64)
	case kind == "int":
		_, whole := v.(uint64)
		_, negative := v.(int64)
		ok = whole || negative
	case kind[0] == '"':
		ok = v == strings.Trim(kind, `"`)
	case kind == "{ * tstr => uint }":
		m, isMap := v.(map[any]any)
		ok = isMap
		for k, n := range m {
			_, name := k.(string)
			_, count := n.(uint64)
			ok = ok && name && count
		}
	case sizedPattern.MatchString(kind):
		b, isBytes := v.([]byte)
		ok = isBytes && strconv.Itoa(len(b)) == sizedPattern.FindStringSubmatch(kind)[1]
	case textPattern.MatchString(kind):
		s, isText := v.(string)
		ok = isText && regexp.MustCompile("^("+textPattern.FindStringSubmatch(kind)[1]+")$").MatchString(s)
	case rangePattern.MatchString(kind):
		m := rangePattern.FindStringSubmatch(kind)
		low, _ := strconv.ParseUint(m[1], 10, 64)
		high, _ := strconv.ParseUint(m[2], 10, 64)
		n, whole := v.(uint64)
		ok = whole && n >= low && n <= high
	case regexp.MustCompile(`^-?\d+$`).MatchString(kind):
		ok = fmt.Sprint(v) == kind
	case strings.HasPrefix(kind, "bstr .cbor "):
		b, isBytes := v.([]byte)
		if !isBytes {
			return bad
		}
		var inner any
		if err := cbor.Unmarshal(b, &inner); err != nil {
			return err
		}
		return g.check(strings.TrimPrefix(kind, "bstr .cbor "), inner)
	case arrayPattern.MatchString(kind):
		return g.checkArray(arrayPattern.FindStringSubmatch(kind), v)
	default:
		return g.checkRule(kind, v)
	}
	if !ok {
		return bad
	}
	return nil
}

func (g grammar) checkArray(m []string, v any) error {
	list, ok := v.([]any)
	if !ok {
		return fmt.Errorf("%T is not an array", v)
	}
	low, _ := strconv.Atoi(m[1])
	if high, err := strconv.Atoi(m[2]); err == nil && len(list) > high || len(list) < low {
		return fmt.Errorf("array of %d, want %s*%s", len(list), m[1], m[2])
	}
	for i, item := range list {
		if err := g.check(m[3], item); err != nil {
			return fmt.Errorf("%d: %w", i, err)
		}
	}
	return nil
}

func (g grammar) checkRule(rule string, v any) error {
	text, ok := g[rule]
	if !ok {
		return fmt.Errorf("no rule %q", rule)
	}
	switch {
	case !strings.Contains(text, "\n"):
		return g.check(text, v)
	case text[0] == '#':
		tag, ok := v.(cbor.Tag)
		if !ok || tag.Number != 98 {
			return fmt.Errorf("%T is not tag 98", v)
		}
		v = tag.Content
		fallthrough
	case text[0] == '[':
		names, members, err := g.entries(rule)
		list, ok := v.([]any)
		if err != nil || !ok || len(list) != len(names) {
			return fmt.Errorf("%s: not an array of %d: %w", rule, len(names), err)
		}
		for i, name := range names {
			if err := g.check(members[name].kind, list[i]); err != nil {
				return fmt.Errorf("%s.%s: %w", rule, name, err)
			}
		}
		return nil
	}
	_, members, err := g.entries(rule)
	if err != nil {
		return err
	}
	return checkMap(g, rule, members, v)
}

func checkMap(g grammar, rule string, members map[string]entry, v any) error {
	m, ok := v.(map[any]any)
	if !ok {
		return fmt.Errorf("%s: %T is not a map", rule, v)
	}
	for key := range m {
		if _, known := members[fmt.Sprint(key)]; !known {
			return fmt.Errorf("%s: unknown key %v", rule, key)
		}
	}
	got := map[string]any{}
	for key, value := range m {
		got[fmt.Sprint(key)] = value
	}
	for name, e := range members {
		value, there := got[name]
		if !there && !e.optional {
			return fmt.Errorf("%s: no %s", rule, name)
		}
		if there {
			if err := g.check(e.kind, value); err != nil {
				return fmt.Errorf("%s.%s: %w", rule, name, err)
			}
		}
	}
	return nil
}

// TestSchemaDescribesVectors holds the golden vectors against docs/request.cddl.
func TestSchemaDescribesVectors(t *testing.T) {
	g := loadGrammar(t)
	body := readHex(t, "testdata/body.golden.hex")
	signed := readHex(t, "testdata/signed.golden.hex")
	sealed := readHex(t, "testdata/sealed.golden.hex")
	head := sealed[prefixBytes : prefixBytes+int(binary.BigEndian.Uint16(sealed[len(magic):]))]
	for rule, data := range map[string][]byte{"body": body, "signed": signed, "header": head} {
		var v any
		if err := cbor.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		if err := g.check(rule, v); err != nil {
			t.Errorf("%s: %v", rule, err)
		}
	}
	// The check itself notices.
	spoil := func(change func(b map[any]any)) error {
		var v map[any]any
		if err := cbor.Unmarshal(body, &v); err != nil {
			t.Fatal(err)
		}
		change(v)
		return g.check("body", v)
	}
	for name, change := range map[string]func(b map[any]any){
		"missing":      func(b map[any]any) { delete(b, "clocks") },
		"unknown":      func(b map[any]any) { b["score"] = 0.5 },
		"wrong type":   func(b map[any]any) { b["seq"] = "7" },
		"short hash":   func(b map[any]any) { b["previous"] = []byte{1} },
		"other words":  func(b map[any]any) { b["request"].(map[any]any)["decided_by"] = "officer" },
		"deep unknown": func(b map[any]any) { b["request"].(map[any]any)["subject"].(map[any]any)["score"] = 1 },
	} {
		if spoil(change) == nil {
			t.Errorf("%s: the schema accepts it", name)
		}
	}
}

// TestSchemaNamesEveryField walks the types of the body: every key is in the
// rule of its map and every rule's key is a field, with the same optionality.
func TestSchemaNamesEveryField(t *testing.T) {
	g := loadGrammar(t)
	done := map[string]bool{}
	var walk func(rule string, s reflect.Type)
	walk = func(rule string, s reflect.Type) {
		if done[rule] {
			return
		}
		done[rule] = true
		_, members, err := g.entries(rule)
		if err != nil || len(members) == 0 {
			t.Errorf("rule %s of %s: %d members, %v", rule, s, len(members), err)
			return
		}
		seen := map[string]bool{}
		for f := range s.Fields() {
			tag, options, _ := strings.Cut(f.Tag.Get("cbor"), ",")
			if tag == "-" {
				continue
			}
			e, ok := members[tag]
			if !ok || e.optional != strings.Contains(options, "omitempty") {
				t.Errorf("%s.%s: in the schema %v, optional there %v, here %q", rule, tag, ok, e.optional, options)
			}
			seen[tag] = true
			inner := f.Type
			for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct && inner.String() != "time.Time" {
				name := strings.TrimSuffix(e.kind, "]")
				if i := strings.LastIndexByte(name, ' '); i >= 0 {
					name = name[i+1:]
				}
				walk(name, inner)
			}
		}
		for name := range members {
			if !seen[name] {
				t.Errorf("%s.%s is in the schema only", rule, name)
			}
		}
	}
	walk("body", reflect.TypeFor[Body]())
	walk("header", reflect.TypeFor[header]())
	if len(done) < 20 {
		t.Errorf("only %d rules were compared", len(done))
	}
}
