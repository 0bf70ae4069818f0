package eid

import (
	"errors"
	"fmt"
)

// Code is the stable name of a failure that an officer can see. Codes never
// change meaning; docs/FAILURES.md is generated from the table of this package.
type Code string

// Failure is one row of the failure table: what happened (Message) and what the
// officer does about it (Remedy), Vietnamese first.
type Failure struct {
	Code      Code   `json:"code"`
	MessageVI string `json:"message_vi"`
	MessageEN string `json:"message_en"`
	RemedyVI  string `json:"remedy_vi"`
	RemedyEN  string `json:"remedy_en"`
}

// Error is an error with a stable code. Its text carries the code and the
// operation, never personal data.
type Error struct {
	Code Code
	Op   string // lower case: "read chip"
	Err  error  // cause, may be nil
}

func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%s: %s", e.Op, e.Code)
	}
	return fmt.Sprintf("%s: %s: %v", e.Op, e.Code, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Fail returns an *Error for the operation op. The cause may be nil.
func Fail(code Code, op string, cause error) error {
	return &Error{Code: code, Op: op, Err: cause}
}

// CodeOf returns the outermost code in err's chain, or CodeInternal.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// Explain returns the table's row for code; an unknown code explains itself as
// CodeInternal under its own name, so that nothing reaches the officer without words.
func Explain(code Code) Failure {
	for _, f := range failures {
		if f.Code == code {
			return f
		}
	}
	f := Explain(CodeInternal)
	f.Code = code
	return f
}

// Failure is the table's row for a code that a view may lack; nil for none.
func (c Code) Failure() *Failure {
	if c == "" {
		return nil
	}
	f := Explain(c)
	return &f
}

// Failures returns the whole table in its documented order.
func Failures() []Failure { return append([]Failure(nil), failures...) }
