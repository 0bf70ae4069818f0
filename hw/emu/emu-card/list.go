package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/enrold/enrold/hw/emu/icc"
	"github.com/enrold/enrold/hw/emu/lds"
	"github.com/enrold/enrold/hw/emu/lds/domain"
	"github.com/enrold/enrold/hw/emu/persons"
)

// printList writes every personality, option and fault, and what opens the cards.
func printList(w io.Writer) error {
	fmt.Fprintln(w, "personalities:")
	for _, p := range lds.Personalities() {
		fmt.Fprintf(w, "  %-20s %s\n", p.Name, p.Meaning)
	}
	var names []string
	for _, g := range domain.Groups() {
		names = append(names, g.Name())
	}
	fmt.Fprintf(w, "\noptions, each after a plus:\n  domain parameters    %s\n", strings.Join(names, " "))
	fmt.Fprintln(w, "  ciphers              3des aes-128 aes-192 aes-256")
	fmt.Fprintln(w, "  signature of EF.SOD  rsa-HASH rsa-pss-HASH ecdsa-CURVE-HASH")
	fmt.Fprintln(w, "  active auth. hash    sha1 sha224 sha256 sha384 sha512")
	fmt.Fprintln(w, "\nfaults, several separated by commas; N counts commands since the card was powered:")
	for _, f := range icc.Faults() {
		fmt.Fprintf(w, "  %-20s %s\n", f.Usage, f.Meaning)
	}
	fmt.Fprintln(w, "\npersons (synthetic): what is printed on their documents")
	for i := range persons.Count {
		p, err := persons.Get(i)
		if err != nil {
			return err
		}
		for _, document := range []string{"citizen", "foreigner"} {
			zone, can, err := lds.Printed(p, document)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "  %d %-9s  CAN %s  MRZ %s\n", i, document, can, strings.Join(zone, "|"))
		}
	}
	return nil
}
